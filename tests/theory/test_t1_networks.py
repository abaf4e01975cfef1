"""Section 1 of the theory: from one neuron to a deep network, forward and backward."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from leadline.equations.activations import ACTIVATIONS, sigmoid, softmax
from leadline.equations.losses import LOSSES
from leadline.errors import LeadlineError
from leadline.network import Dense, Network, Parameters, gradient_check
from leadline.optimize import Adam, GradientDescent
from leadline.training import Examples, Objective, TrainingSettings, fit

FULL = {"batch_size": 1_000, "precision": "float64"}


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("activation", ["linear", "relu"])
def test_t1_01_a_single_neuron_recovers_the_slope_of_a_noiseless_line(activation: str) -> None:
    """T1.01."""
    size = torch.linspace(0.5, 3, 40, dtype=torch.float64).unsqueeze(1)  # in 1000 square feet
    price = 1.7 * size + 0.4
    settings = TrainingSettings(epochs=3_000, optimizer=GradientDescent(0.1), **FULL)
    found = fit(Network([Dense(1, activation)]), "squared_error", Examples(size, price), settings=settings).parameters
    assert found.named()["layers.0.weight"].item() == pytest.approx(1.7, abs=1e-6)
    assert found.named()["layers.0.bias"].item() == pytest.approx(0.4, abs=1e-6)


def test_t1_01_a_single_neuron_takes_several_features() -> None:
    """T1.01."""
    x = normal(60, 3)
    y = x @ torch.tensor([[2.0], [-1.0], [0.5]], dtype=torch.float64)
    settings = TrainingSettings(epochs=1_500, optimizer=Adam(0.05), **FULL)
    found = fit(Network([Dense(1)]), "squared_error", Examples(x, y), settings=settings).parameters
    assert found.named()["layers.0.weight"].tolist()[0] == pytest.approx([2, -1, 0.5], abs=1e-6)


def test_t1_02_logistic_regression_is_one_sigmoid_unit_with_binary_cross_entropy() -> None:
    """T1.02: The form: cost and step of the notes, in NumPy. The cat table is checked from examples/."""
    x, y = normal(20, 6), (normal(20, 1, seed=1) > 0).double()
    network = Network([Dense(1, "sigmoid", initializer="zeros")])
    settings = TrainingSettings(epochs=25, optimizer=GradientDescent(0.3), **FULL)
    trained = fit(network, "binary_cross_entropy", Examples(x, y), settings=settings)
    w, b, costs = np.zeros((6, 1)), 0.0, []
    xs, ys = x.numpy(), y.numpy()
    for _ in range(25):
        a = 1 / (1 + np.exp(-(xs @ w + b)))
        costs.append(-np.mean(ys * np.log(a) + (1 - ys) * np.log(1 - a)))
        w, b = w - 0.3 * xs.T @ (a - ys) / 20, b - 0.3 * np.mean(a - ys)
    assert costs[0] == pytest.approx(math.log(2), abs=1e-15)
    assert [epoch.cost for epoch in trained.history] == pytest.approx(costs, rel=1e-12)
    weight = trained.parameters.named()["layers.0.weight"]
    torch.testing.assert_close(weight, torch.from_numpy(w.T), rtol=1e-12, atol=0)


def test_t1_04_descent_stops_at_the_tolerance_or_at_the_limit_and_says_which() -> None:
    """T1.04."""
    x, y = normal(30, 2), normal(30, 1, seed=1)
    data = Examples(x, y)

    def run(epochs: int):
        settings = TrainingSettings(epochs=epochs, optimizer=GradientDescent(0.3), gradient_tolerance=1e-6, **FULL)
        return fit(Network([Dense(1)]), "squared_error", data, settings=settings)

    finished, cut_short = run(10_000), run(3)
    assert finished.stopped == "tolerance"
    assert len(finished.history) < 10_000
    assert cut_short.stopped == "epochs"
    assert len(cut_short.history) == 3
    objective = Objective(finished.network, "squared_error", finished.parameters)
    assert objective.gradient(objective.output(x), y).norm() < 1e-6


def test_t1_05_a_3_4_1_network_has_these_shapes_and_depth() -> None:
    """T1.05."""
    network = Network([Dense(4, "tanh"), Dense(1, "sigmoid")])
    shapes = {name: tuple(t.shape) for name, t in network.initialize((3,)).named().items()}
    assert shapes == {
        "layers.0.weight": (4, 3),
        "layers.0.bias": (4,),
        "layers.1.weight": (1, 4),
        "layers.1.bias": (1,),
    }
    assert network.depth == 2  # the input does not count


@pytest.mark.parametrize("units", [[1], [5, 1], [20, 7, 5, 1], [3] * 30])
def test_t1_05_networks_of_any_depth(units: list[int]) -> None:
    """T1.05."""
    network = Network([*(Dense(n, "relu") for n in units[:-1]), Dense(units[-1])])
    assert network.depth == len(units)
    assert network.shapes((12,)) == [(12,), *((n,) for n in units)]
    assert network.forward(network.initialize((12,)), torch.zeros(2, 12)).shape == (2, units[-1])


def test_t1_06_activations_at_the_values_of_the_notes() -> None:
    """T1.06."""
    assert sigmoid(torch.zeros(1)).item() == 0.5
    z = torch.tensor([5.0, 2, -1, 3], dtype=torch.float64)
    assert softmax(z).tolist() == pytest.approx([0.84203, 0.04192, 0.00209, 0.11396], abs=5e-6)
    x = torch.tensor([-2.0, 0.0, 3.0], dtype=torch.float64)
    assert ACTIVATIONS["relu"].forward(x).tolist() == [0, 0, 3]
    assert ACTIVATIONS["leaky_relu"].forward(x).tolist() == [-0.02, 0, 3]
    assert ACTIVATIONS["tanh"].forward(x).tolist() == pytest.approx([math.tanh(v) for v in x.tolist()], rel=1e-15)
    assert ACTIVATIONS["linear"].forward(x).tolist() == x.tolist()


@pytest.mark.parametrize("name", [name for name in ACTIVATIONS if name != "softmax"])
def test_t1_06_slopes_against_differences(name: str) -> None:
    """T1.06."""
    activation, h = ACTIVATIONS[name], 1e-6
    z = torch.tensor([-4.1, -1.3, -0.2, 0.4, 2.2, 6.5], dtype=torch.float64)
    numeric = (activation.forward(z + h) - activation.forward(z - h)) / (2 * h)
    kept = z if activation.by_input else activation.forward(z)
    slopes = activation.backward(torch.ones_like(z), kept)
    torch.testing.assert_close(slopes, numeric, rtol=0, atol=1e-9)


# ----- one example at a time, in NumPy, as the notes write it with columns


def g(name: str, z: np.ndarray) -> np.ndarray:
    return {"tanh": np.tanh(z), "relu": np.maximum(z, 0), "linear": z}[name]


def slope(name: str, z: np.ndarray) -> np.ndarray:
    return {"tanh": 1 - np.tanh(z) ** 2, "relu": (z > 0) * 1.0, "linear": np.ones_like(z)}[name]


NETWORK = Network([Dense(5, "tanh"), Dense(4, "relu"), Dense(3)])
ACTIVATION_NAMES = ["tanh", "relu", "linear"]


def one_example(parameters: Parameters, x: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """The caches z and a of each layer for one column x."""
    zs, activations = [], [x]
    for layer, name in zip(parameters.layers, ACTIVATION_NAMES, strict=True):
        zs.append(layer["weight"].numpy() @ activations[-1] + layer["bias"].numpy())
        activations.append(g(name, zs[-1]))
    return zs, activations


def case() -> tuple[Parameters, torch.Tensor, torch.Tensor]:
    parameters = NETWORK.initialize((6,), seed=3, dtype=torch.float64)
    parameters.theta.add_(0.1 * normal(len(parameters.theta), seed=4))
    return parameters, normal(9, 6, seed=5), torch.arange(9) % 3


def test_t1_07_forward_over_the_batch_equals_the_loop_over_examples() -> None:
    """T1.07."""
    parameters, x, _ = case()
    z = NETWORK.forward(parameters, x)
    loop = np.stack([one_example(parameters, column)[1][-1] for column in x.numpy()])
    torch.testing.assert_close(z, torch.from_numpy(loop), rtol=1e-13, atol=1e-14)


def test_t1_08_backward_over_the_batch_equals_the_loop_over_examples() -> None:
    """T1.08."""
    parameters, x, y = case()
    expected = [{name: np.zeros(t.shape) for name, t in layer.items()} for layer in parameters.layers]
    for column, label in zip(x.numpy(), y.tolist(), strict=True):
        zs, activations = one_example(parameters, column)
        a = np.exp(activations[-1]) / np.exp(activations[-1]).sum()
        d_z = a - np.eye(3)[label]
        for i in (2, 1, 0):
            expected[i]["weight"] += np.outer(d_z, activations[i]) / len(x)
            expected[i]["bias"] += d_z / len(x)
            if i:
                d_z = parameters.layers[i]["weight"].numpy().T @ d_z * slope(ACTIVATION_NAMES[i - 1], zs[i - 1])
    objective = Objective(NETWORK, "softmax_cross_entropy", parameters)
    objective.gradient(objective.output(x), y)
    for ours, theirs in zip(objective.gradients.layers, expected, strict=True):
        for name, gradient in ours.items():
            torch.testing.assert_close(gradient, torch.from_numpy(theirs[name]), rtol=1e-12, atol=1e-15)


def test_t1_08_backward_by_differences_and_without_the_derivative_by_the_data() -> None:
    """T1.08."""
    parameters, x, y = case()
    assert gradient_check(NETWORK, x, y, "softmax_cross_entropy", parameters=parameters).passed
    objective = Objective(NETWORK, "softmax_cross_entropy", parameters)
    assert [memory.needs_input_gradient for memory in objective.memories] == [False, True, True]


@pytest.mark.parametrize("loss", ["binary_cross_entropy", "softmax_cross_entropy", "squared_error"])
def test_t1_09_backward_starts_with_the_prediction_minus_the_label(loss: str) -> None:
    """T1.09."""
    k = 1 if loss == "binary_cross_entropy" else 4
    z = normal(8, k)
    y = torch.arange(8) % k if loss == "softmax_cross_entropy" else (normal(8, k, seed=1) > 0).double()
    label = torch.eye(k, dtype=torch.float64)[y] if loss == "softmax_cross_entropy" else y
    a = LOSSES[loss].prediction(z)
    torch.testing.assert_close(LOSSES[loss].backward(z, y) * 8, a - label, rtol=1e-13, atol=1e-15)


def test_t1_09_and_t1_10_probabilities_of_exactly_0_and_1_are_finite() -> None:
    """T1.09, T1.10."""
    z = torch.tensor([[1e4], [-1e4], [1e4], [-1e4]], dtype=torch.float64)
    y = torch.tensor([[1.0], [0.0], [0.0], [1.0]], dtype=torch.float64)
    assert sigmoid(z).flatten().tolist() == [1, 0, 1, 0]
    loss = LOSSES["binary_cross_entropy"]
    assert loss.cost(z, y).item() == 5_000  # two examples right, two wrong by 10 000 each
    assert (loss.backward(z, y) * 4).flatten().tolist() == [0, 0, 1, -1]

    z, y = torch.tensor([[1e4, -1e4, 0.0], [1e4, -1e4, 0.0]], dtype=torch.float64), torch.tensor([0, 1])
    assert softmax(z).tolist() == [[1, 0, 0], [1, 0, 0]]
    loss = LOSSES["softmax_cross_entropy"]
    assert loss.cost(z, y).item() == 10_000
    assert (loss.backward(z, y) * 2).tolist() == [[0, 0, 0], [1, -1, 0]]


def test_t1_12_a_missing_label_changes_neither_cost_nor_gradient() -> None:
    """T1.12."""
    x, y = normal(7, 5), (normal(7, 3, seed=1) > 0).double()
    y[2, 1] = torch.nan
    network = Network([Dense(4, "tanh"), Dense(3, "sigmoid")])
    parameters = network.initialize((5,), dtype=torch.float64)
    objective = Objective(network, "multi_label_cross_entropy", parameters)
    z = objective.output(x).clone()
    cost, gradient = objective.loss.cost(z, y), objective.gradient(z, y).clone()
    assert torch.isfinite(gradient).all()
    moved = z.clone()
    moved[2, 1] += 100  # whatever the network says where nobody knows
    assert objective.loss.cost(moved, y) == cost
    objective.output(x)  # every backward pass has a forward pass of its own
    assert torch.equal(objective.gradient(moved, y), gradient)
    terms = LOSSES["binary_cross_entropy"]
    known = [terms.cost(z[i, j].view(1, 1), y[i, j].view(1, 1)) for i in range(7) for j in range(3) if (i, j) != (2, 1)]
    assert cost.item() == pytest.approx(torch.stack(known).sum().item() / 7, rel=1e-13)


def test_t1_12_each_task_learns_from_the_labels_it_has() -> None:
    """T1.12."""
    x = normal(60, 2)
    y = (x > 0).double()
    y[:30, 0], y[30:, 1] = torch.nan, torch.nan
    settings = TrainingSettings(epochs=200, optimizer=Adam(0.1), **FULL)
    done = fit(Network([Dense(2, "sigmoid")]), "multi_label_cross_entropy", Examples(x, y), settings=settings)
    predicted = done.network.forward(done.parameters, x) > 0
    assert (predicted == (x > 0)).double().mean() > 0.95


def test_t1_13_regression_has_a_linear_output_and_the_mean_squared_error() -> None:
    """T1.13."""
    z, y = torch.tensor([[1.0, 2.0], [3.0, 5.0]]), torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    assert LOSSES["squared_error"].cost(z, y).item() == (0 + 4 + 9 + 16) / 2 / 2
    x = normal(200, 1)
    settings = TrainingSettings(epochs=400, optimizer=Adam(0.02), **FULL)
    curve = fit(Network([Dense(20, "tanh"), Dense(1)]), "squared_error", Examples(x, x**2 - 1), settings=settings)
    assert curve.history[-1].train_error < 0.1  # in units of the target; outputs below 0 are reached
    assert curve.network.forward(curve.parameters, torch.zeros(1, 1, dtype=torch.float64)).item() < -0.8


MISMATCHES = [
    (Network([Dense(3)]), torch.zeros(4, 2, 2), torch.zeros(4, 3), r"layers\[0\] Dense.*\(n_in,\), got \(2, 2\)"),
    (Network([Dense(2), Dense(3)]), torch.zeros(4, 2), torch.zeros(4, 2), r"layers\[1\] Dense.*\(4, 3\), got \(4, 2\)"),
    (Network([Dense(3)]), torch.zeros(4, 2), torch.zeros(4), r"layers\[0\] Dense.*\(4, 3\), got \(4,\)"),
    (Network([Dense(3)]), torch.zeros(4, 2), torch.zeros(5, 3), r"4 examples need as many targets.*\(5, 3\)"),
]


@pytest.mark.parametrize(("network", "x", "y", "message"), MISMATCHES)
def test_t1_14_a_mismatch_names_layer_got_and_expected(
    network: Network, x: torch.Tensor, y: torch.Tensor, message: str
) -> None:
    """T1.14."""
    with pytest.raises(LeadlineError, match=message):
        fit(network, "squared_error", Examples(x, y), settings=TrainingSettings(epochs=1))


def test_t1_14_inputs_that_do_not_fit_the_parameters_name_the_layer() -> None:
    """T1.14."""
    parameters = NETWORK.initialize((6,))
    with pytest.raises(LeadlineError, match=r"layers\[0\] Dense.*\(5, 7\); it has shape \(5, 6\)"):
        NETWORK.forward(parameters, torch.zeros(2, 7))


def test_t1_15_summary_and_picture_of_the_computation_graph() -> None:
    """T1.15."""
    network = Network([Dense(128, "relu"), Dense(10, "softmax")])
    summary = network.summary(784, batch_size=64)
    assert [row.output_shape for row in summary.layers] == [(128,), (10,)]
    assert [row.parameters for row in summary.layers] == [784 * 128 + 128, 128 * 10 + 10]
    assert summary.parameters == 101_770
    assert summary.flops == 2 * (784 * 128 + 128 * 10)
    assert summary.memory == 4 * (64 * 784 + 2 * 64 * (128 + 10) + 4 * 101_770)
    assert "101\u202f770" in str(summary)
    assert network.graph_svg(784).startswith("<svg")
