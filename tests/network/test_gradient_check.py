from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
import torch
from torch import Tensor

from leadline.equations.activations import ACTIVATIONS
from leadline.equations.losses import LOSSES
from leadline.errors import LeadlineError, UsageError
from leadline.network import (
    Activation,
    BatchNorm,
    Dense,
    Dropout,
    Flatten,
    GradientCheck,
    Layer,
    LayerContext,
    Network,
    gradient_check,
)
from leadline.network import batch_norm as batch_norm_module
from leadline.network import dense as dense_module
from leadline.network import dropout as dropout_module
from leadline.network.layer import Shape, Tensors

RANDOM = torch.Generator().manual_seed(7)
X = torch.randn(10, 5, dtype=torch.float64, generator=RANDOM)
Y = torch.randint(0, 3, (10,), generator=RANDOM)
NETWORK = Network(
    [Dense(4, "tanh"), Dense(4), BatchNorm(), Activation("sigmoid"), Dropout(keep_prob=0.7), Dense(4, "tanh"), Dense(3)]
)


def check(network: Network = NETWORK, loss: str = "softmax_cross_entropy", y: Tensor = Y, **options) -> GradientCheck:
    return gradient_check(network, X, y, loss, **options)


# ----- right gradients


def test_a_right_network_passes_and_says_so() -> None:
    result = check(l2=0.5, l1=0.2)
    assert result.passed
    assert not result.errors
    assert {row.verdict for row in result.rows} == {"correct"}
    assert result.worst.difference < 1e-7
    names = [row.name for row in result.rows]
    assert names[:3] == ["layers.0.weight", "layers.0.bias", "layers.0.input"]
    assert names[-3:] == ["loss", "l2", "l1"]
    assert "Every derivative is right" in str(result)
    assert len(str(result).splitlines()[1].split()) >= 4


def test_every_entry_is_checked_where_few_are_asked_for_and_exist() -> None:
    result = check(entries=6)
    assert result["layers.0.weight"].checked == 6
    assert result["layers.6.bias"].checked == 3


def test_the_same_seed_gives_the_same_check() -> None:
    assert check(seed=3) == check(seed=3)


def test_parameters_are_checked_where_they_are_and_left_alone() -> None:
    parameters = NETWORK.initialize((5,), seed=4)
    before = parameters.clone()
    assert check(parameters=parameters).passed
    assert torch.equal(parameters.theta, before.theta)
    assert torch.equal(parameters.named_statistics()["layers.2.running_mean"], torch.zeros(4))


def test_a_redundant_bias_has_the_derivative_zero() -> None:
    row = check(Network([Dense(4, bias=True), BatchNorm(), Dense(3)]))["layers.0.bias"]
    assert (row.verdict, row.difference) == ("zero", 0.0)


def test_entries_at_a_kink_are_left_out_and_counted() -> None:
    network = Network([Dense(6, "relu"), Dense(3)])
    parameters = network.initialize((5,), dtype=torch.float64)
    x = X.clone()
    x[:4] = 0  # with biases of 0, ReLU is exactly at its kink for these
    row = gradient_check(network, x, Y, "softmax_cross_entropy", parameters=parameters)["layers.0.bias"]
    assert row.kinks == 6
    assert row.verdict == "kinks only"
    assert gradient_check(network, x, Y, "softmax_cross_entropy")["layers.0.bias"].verdict == "correct"


def test_weights_at_zero_are_a_kink_of_the_l1_penalty() -> None:
    network = Network([Dense(3, initializer="zeros")])
    parameters = network.initialize((5,), dtype=torch.float64)
    result = check(network, l1=1.0, parameters=parameters)
    assert result["l1"].kinks == 15
    assert result.passed


def test_a_gradient_that_almost_cancels_is_told_only_to_rounding() -> None:
    """One input, then batch normalization: the scale of the weight matters only through ε."""
    x = torch.tensor([[1.5], [-0.3], [-2.2], [0.6]], dtype=torch.float64)
    network = Network([Dense(2), BatchNorm(), Dense(2), BatchNorm(), Dense(1)])
    result = gradient_check(network, x, x, "squared_error")
    assert result.passed
    assert result["layers.0.weight"].verdict in ("rounding", "correct")


def test_small_gradients_are_measured_too() -> None:
    """Behind ten small layers the gradient is 1e-12 of the cost: too little for a step of 1e-7."""
    network = Network([*[Dense(8, "tanh", gain=0.1) for _ in range(10)], Dense(3)])
    result = check(network)
    assert result.passed
    assert check(network, entries=3, epsilon=1e-8).passed


# ----- planted errors


def times(factor: float) -> Callable[[Tensor], Tensor]:
    return lambda derivative: derivative * factor


def transposed(derivative: Tensor) -> Tensor:
    return derivative.transpose(-1, -2).contiguous()


def spoil(monkeypatch: pytest.MonkeyPatch, module: object, name: str, change: Callable[[Tensor], Tensor]) -> None:
    """Change what a backward function returns (and writes to ``out``)."""
    right = getattr(module, name)

    def wrong(*args: Tensor, out: Tensor | None = None, **options: Tensor) -> Tensor:
        result = change(right(*args, **options))
        return result if out is None else out.copy_(result)

    monkeypatch.setattr(module, name, wrong)


def assert_named(result: GradientCheck, *names: str) -> None:
    """Exactly these are wrong by themselves, the text says so, and every other row is right or follows."""
    assert not result.passed
    assert {row.name for row in result.errors} == set(names), result
    assert result.worst.name in names
    for row in result.errors:
        assert row.difference > 1e-3
        assert row.explain() in str(result)
        assert (row.owner if row.layer is None else f"layers[{row.layer}] ") in row.explain()


SQUARE = Network([Dense(5, "tanh"), Dense(5, "tanh"), Dense(3)])
DENSE_ERRORS = [
    ("dense_backward_weight", times(0.5), "weight", 0.5),
    ("dense_backward_weight", times(-1), "weight", -1.0),
    ("dense_backward_bias", times(2), "bias", 2.0),
    ("dense_backward_bias", times(-1), "bias", -1.0),
    ("dense_backward_input", times(1 / 3), "input", 1 / 3),
    ("dense_backward_input", times(-1), "input", -1.0),
]


@pytest.mark.parametrize(("name", "change", "tensor", "factor"), DENSE_ERRORS)
def test_planted_in_dense(
    monkeypatch: pytest.MonkeyPatch, name: str, change: Callable[[Tensor], Tensor], tensor: str, factor: float
) -> None:
    spoil(monkeypatch, dense_module, name, change)
    result = check(SQUARE)
    if tensor == "input":
        assert_named(result, *(f"layers.{i}.input" for i in range(3)))
        assert result["layers.1.weight"].verdict == "follows"
        assert "follows from layers[2]" in str(result)
    else:
        assert_named(result, *(f"layers.{i}.{tensor}" for i in range(3)))
    row = result.errors[0]
    assert row.factor == pytest.approx(factor, rel=1e-6)
    assert ("every sign is turned" if factor == -1 else "times what it should be") in row.explain()


def test_transposed_products_in_dense(monkeypatch: pytest.MonkeyPatch) -> None:
    square = Network([Dense(5, "tanh")] * 2 + [Dense(5)])
    with monkeypatch.context() as patch:
        patch.setattr(dense_module, "dense_backward_input", lambda d_z, w, out: torch.mm(d_z, w.t(), out=out))
        result = check(square)
        assert_named(result, *(f"layers.{i}.input" for i in range(3)))
        assert "transposed product" in result.errors[0].explain()
    with monkeypatch.context() as patch:
        patch.setattr(dense_module, "dense_backward_weight", lambda d_z, x, out: torch.mm(x.t(), d_z, out=out))
        result = check(square)
        assert_named(result, *(f"layers.{i}.weight" for i in range(3)))
        assert "transposed product" in result.errors[0].explain()


@pytest.mark.parametrize("name", [name for name in ACTIVATIONS if name != "linear"])
@pytest.mark.parametrize("factor", [0.5, -1.0])
@pytest.mark.parametrize("alone", [False, True])
def test_planted_in_activations(monkeypatch: pytest.MonkeyPatch, name: str, factor: float, alone: bool) -> None:
    right = ACTIVATIONS[name]
    right_backward = right.backward

    def wrong(d_a: Tensor, kept: Tensor, out: Tensor | None = None) -> Tensor:
        result = right_backward(d_a, kept) * factor
        return result if out is None else out.copy_(result)

    monkeypatch.setattr(type(right), "backward", staticmethod(wrong))
    layers = [Dense(5), Activation(name)] if alone else [Dense(5, name)]
    result = check(Network([Dense(5), *layers, Dense(3)]))
    if alone:
        assert_named(result, "layers.2.input")
    else:
        assert_named(result, "layers.1.weight", "layers.1.bias", "layers.1.input")
    assert result["layers.0.weight"].verdict == "follows"
    assert result.errors[0].factor == pytest.approx(factor, rel=1e-6)


@pytest.mark.parametrize("k", [0, 1, 2])
@pytest.mark.parametrize("factor", [0.5, -1.0])
def test_planted_in_batch_norm(monkeypatch: pytest.MonkeyPatch, k: int, factor: float) -> None:
    right = batch_norm_module.batch_norm_backward

    def wrong(*args: Tensor) -> tuple[Tensor, ...]:
        return tuple(d * factor if i == k else d for i, d in enumerate(right(*args)))  # type: ignore[arg-type]

    monkeypatch.setattr(batch_norm_module, "batch_norm_backward", wrong)
    assert_named(check(), f"layers.2.{('input', 'gamma', 'beta')[k]}")


def test_a_forgotten_gamma_is_found_although_gamma_starts_at_one(monkeypatch: pytest.MonkeyPatch) -> None:
    right = batch_norm_module.batch_norm_backward

    def wrong(d_y: Tensor, x: Tensor, gamma: Tensor, *rest) -> tuple[Tensor, ...]:
        d_x, d_gamma, d_beta = right(d_y, x, gamma, *rest)
        return d_x / gamma, d_gamma, d_beta

    monkeypatch.setattr(batch_norm_module, "batch_norm_backward", wrong)
    assert_named(check(), "layers.2.input")


def test_a_forgotten_term_of_batch_norm_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    right = batch_norm_module.batch_norm_backward

    def wrong(d_y: Tensor, x: Tensor, gamma: Tensor, statistics, *rest) -> tuple[Tensor, ...]:
        _, d_gamma, d_beta = right(d_y, x, gamma, statistics, *rest)
        return gamma * statistics.inverse_deviation * d_y, d_gamma, d_beta  # as if mean and variance were constants

    monkeypatch.setattr(batch_norm_module, "batch_norm_backward", wrong)
    result = check()
    assert_named(result, "layers.2.input")
    assert result.errors[0].factor is None


@pytest.mark.parametrize(
    "change", [lambda d_y, mask: d_y, lambda d_y, mask: -d_y * mask, lambda d_y, mask: d_y * (mask > 0)]
)
def test_planted_in_dropout(monkeypatch: pytest.MonkeyPatch, change: Callable[[Tensor, Tensor], Tensor]) -> None:
    monkeypatch.setattr(dropout_module, "dropout_backward", lambda d_y, mask, out: change(d_y, mask))
    assert_named(check(), "layers.4.input")


@dataclass(frozen=True)
class BrokenFlatten(Flatten):
    """Goes back in another order than it came."""

    def backward(self, p: Tensors, g: Tensors, d_y: Tensor, memory: LayerContext) -> Tensor:
        shape = memory.kept["shape"]
        return d_y.reshape(shape[0], shape[2], shape[1]).transpose(1, 2)


def test_planted_in_flatten() -> None:
    x = torch.randn(6, 2, 3, dtype=torch.float64, generator=RANDOM)
    assert_named(
        gradient_check(Network([BrokenFlatten(), Dense(3)]), x, Y[:6], "softmax_cross_entropy"), "layers.0.input"
    )


@pytest.mark.parametrize("loss", list(LOSSES))
@pytest.mark.parametrize("factor", [10.0, -1.0])
def test_planted_in_losses(monkeypatch: pytest.MonkeyPatch, loss: str, factor: float) -> None:
    right = LOSSES[loss].backward
    monkeypatch.setattr(LOSSES[loss], "backward", lambda *args, **kw: right(*args, **kw) * factor)
    k = 1 if loss == "binary_cross_entropy" else 3
    y = Y if loss == "softmax_cross_entropy" else (Y.unsqueeze(1) == torch.arange(k)).double()
    result = check(Network([Dense(4, "tanh"), Dense(k)]), loss, y)
    assert_named(result, "loss")
    assert f"the loss {loss}" in str(result)
    assert result["layers.0.weight"].verdict == "follows"


@pytest.mark.parametrize("name", ["l2", "l1"])
@pytest.mark.parametrize("factor", [0.5, -1.0])
def test_planted_in_penalties(monkeypatch: pytest.MonkeyPatch, name: str, factor: float) -> None:
    module = sys.modules[gradient_check.__module__]
    right = getattr(module, f"{name}_penalty_backward")

    def wrong(weights: Tensor, strength: float, examples: int, gradient: Tensor) -> Tensor:
        return right(weights, strength * factor, examples, gradient)

    monkeypatch.setattr(module, f"{name}_penalty_backward", wrong)
    result = check(l2=0.5, l1=0.5)
    assert_named(result, name)
    assert f"the {name} penalty" in str(result)
    assert result["layers.0.weight"].verdict == "follows"
    assert result["layers.0.bias"].verdict == "correct"


def test_the_error_of_one_layer_is_told_from_the_layers_below() -> None:
    @dataclass(frozen=True)
    class BrokenDense(Dense):
        def backward(self, p: Tensors, g: Tensors, d_y: Tensor, memory: LayerContext) -> Tensor | None:
            d_x = super().backward(p, g, d_y, memory)
            g["weight"].neg_()
            return None if d_x is None else d_x.mul_(2)

    result = check(Network([Dense(4, "tanh"), BrokenDense(4, "tanh"), Dense(3)]))
    assert_named(result, "layers.1.weight", "layers.1.input")
    assert result["layers.0.weight"].verdict == "follows"
    assert result["layers.2.weight"].verdict == "correct"
    assert "BrokenDense" in str(result)


def test_a_gradient_that_is_not_a_number_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    spoil(monkeypatch, dense_module, "dense_backward_bias", times(float("nan")))
    assert_named(check(SQUARE), *(f"layers.{i}.bias" for i in range(3)))


# ----- what cannot be checked


@dataclass(frozen=True)
class Noise(Layer):
    """Does not keep its noise."""

    def output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def forward(self, p: Tensors, x: Tensor, memory: LayerContext) -> Tensor:
        return x + torch.randn(x.shape, generator=memory.generator, dtype=x.dtype)

    def backward(self, p: Tensors, g: Tensors, d_y: Tensor, memory: LayerContext) -> Tensor | None:
        return d_y


@dataclass(frozen=True)
class Silent(Noise):
    """Keeps its input derivative to itself."""

    def forward(self, p: Tensors, x: Tensor, memory: LayerContext) -> Tensor:
        return x * 1.0

    def backward(self, p: Tensors, g: Tensors, d_y: Tensor, memory: LayerContext) -> Tensor | None:
        return None


@pytest.mark.parametrize(
    ("layer", "message"),
    [(Noise(), r"layers\[1\] .*noise of the first pass again"), (Silent(), r"layers\[1\].*got None")],
)
def test_layers_that_cannot_be_checked_are_named(layer: Layer, message: str) -> None:
    with pytest.raises(LeadlineError, match=message):
        check(Network([Dense(4), layer, Dense(3)]))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epsilon": 0.0}, "epsilon"),
        ({"epsilon": 1.0}, "epsilon"),
        ({"entries": 0}, "entries"),
        ({"loss": "hinge"}, "unknown loss 'hinge'"),
        ({"y": Y + 1}, r"layers\[6\] Dense.*0 … 2; got 3"),
        ({"y": Y[:5]}, "10 examples need as many targets"),
    ],
)
def test_wrong_use_is_one_clear_error(options: dict, message: str) -> None:
    with pytest.raises(LeadlineError, match=message) as caught:
        check(**options)
    assert len(str(caught.value).splitlines()) <= 2


def test_a_batch_of_one_is_refused_where_batch_norm_trains() -> None:
    with pytest.raises(LeadlineError, match=r"layers\[2\] BatchNorm.*one example"):
        gradient_check(NETWORK, X[:1], Y[:1], "softmax_cross_entropy")


def test_results_are_values() -> None:
    row = check()["loss"]
    assert replace(row) == row
    assert isinstance(UsageError("x"), LeadlineError)
