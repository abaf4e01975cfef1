from __future__ import annotations

import pytest
import torch
from proof import distance, finite_differences
from torch import Tensor

from leadline.equations.activations import ACTIVATIONS
from leadline.equations.losses import LOSSES

NAN = float("nan")


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def targets(loss: str, *shape: int) -> Tensor:
    """Targets for outputs of that shape; of several labels, some are missing."""
    if loss == "softmax_cross_entropy":
        return torch.randint(0, shape[-1], shape[:-1], generator=torch.Generator().manual_seed(5))
    if loss == "squared_error":
        return normal(*shape, seed=5)
    y = (normal(*shape, seed=5) > 0).double()
    return torch.where(normal(*shape, seed=6) > 1, NAN, y) if loss == "multi_label_cross_entropy" else y


def plain(loss: str, z: Tensor, y: Tensor) -> Tensor:
    """The loss of each example, from the formulas in terms of the prediction a."""
    if loss == "squared_error":
        return 0.5 * ((z - y) ** 2).sum(-1)
    if loss == "softmax_cross_entropy":
        a = torch.exp(z) / torch.exp(z).sum(-1, keepdim=True)
        one_hot = torch.nn.functional.one_hot(y, z.shape[-1])
        return -(one_hot * torch.log(a)).sum(-1)
    a = 1 / (1 + torch.exp(-z))
    present = ~torch.isnan(y)
    known = torch.where(present, y, torch.zeros_like(y))
    return -((known * torch.log(a) + (1 - known) * torch.log(1 - a)) * present).sum(-1)


def outputs(loss: str) -> int:
    return 1 if loss == "binary_cross_entropy" else 4


each = pytest.mark.parametrize("loss", list(LOSSES))


@each
def test_cost_and_derivative_by_autograd(loss: str) -> None:
    z, y = normal(7, outputs(loss)).requires_grad_(), targets(loss, 7, outputs(loss))
    expected = plain(loss, z, y).mean()
    expected.backward()
    assert z.grad is not None
    torch.testing.assert_close(LOSSES[loss].cost(z.detach(), y), expected.detach(), rtol=1e-10, atol=0)
    torch.testing.assert_close(LOSSES[loss].backward(z.detach(), y), z.grad, rtol=1e-10, atol=1e-14)


@each
@pytest.mark.parametrize("weighted", [False, True])
def test_derivative_by_finite_differences(loss: str, weighted: bool) -> None:
    z, y = normal(7, outputs(loss)), targets(loss, 7, outputs(loss))
    weights = torch.tensor([1.0, 0, 1, 2, 0.5, 1, 0], dtype=torch.float64) if weighted else None
    numeric = finite_differences(lambda: LOSSES[loss].cost(z, y, weights), z)
    assert distance(LOSSES[loss].backward(z, y, weights), numeric) < 1e-7


smoothing = pytest.mark.parametrize("loss", [name for name in LOSSES if LOSSES[name].smooths])


@smoothing
@pytest.mark.parametrize("weighted", [False, True])
def test_smoothed_labels_by_autograd_and_differences(loss: str, weighted: bool) -> None:
    """The mean of the losses towards every class, beside that towards the label."""
    k, epsilon = outputs(loss), 0.2
    z, y = normal(7, k).requires_grad_(), targets(loss, 7, k)
    weights = torch.tensor([1.0, 0, 1, 2, 0.5, 1, 0], dtype=torch.float64) if weighted else None
    if loss == "softmax_cross_entropy":
        others = torch.stack([plain(loss, z, torch.full_like(y, label)) for label in range(k)]).mean(0)
    else:
        others = (plain(loss, z, torch.where(y.isnan(), y, 0.0)) + plain(loss, z, torch.where(y.isnan(), y, 1.0))) / 2
    each_one = (1 - epsilon) * plain(loss, z, y) + epsilon * others
    expected = each_one.mean() if weights is None else (each_one * weights).sum() / weights.sum()
    (slope,) = torch.autograd.grad(expected, z)
    z, found = z.detach(), LOSSES[loss]
    torch.testing.assert_close(found.cost(z, y, weights, smoothing=epsilon), expected.detach(), rtol=1e-10, atol=0)
    derivative = found.backward(z, y, weights, smoothing=epsilon)
    torch.testing.assert_close(derivative, slope, rtol=1e-10, atol=1e-14)
    numeric = finite_differences(lambda: found.cost(z, y, weights, smoothing=epsilon), z)
    assert distance(derivative, numeric) < 1e-7


@smoothing
def test_members_smooth_their_own_labels(loss: str) -> None:
    z, y = normal(3, 7, outputs(loss)), targets(loss, 3, 7, outputs(loss))
    own = torch.tensor([[0.0], [0.1], [0.3]], dtype=torch.float64)
    costs, derivative = (f(z, y, smoothing=own) for f in (LOSSES[loss].cost, LOSSES[loss].backward))
    for member, epsilon in enumerate(own.flatten().tolist()):
        alone = LOSSES[loss].cost(z[member], y[member], smoothing=epsilon)
        torch.testing.assert_close(costs[member], alone, rtol=1e-12, atol=0)
        alone = LOSSES[loss].backward(z[member], y[member], smoothing=epsilon)
        torch.testing.assert_close(derivative[member], alone, rtol=1e-12, atol=1e-16)


@each
def test_one_example(loss: str) -> None:
    z, y = normal(1, outputs(loss)), targets(loss, 1, outputs(loss))
    torch.testing.assert_close(LOSSES[loss].cost(z, y), plain(loss, z, y)[0], rtol=1e-10, atol=0)
    assert distance(LOSSES[loss].backward(z, y), finite_differences(lambda: LOSSES[loss].cost(z, y), z)) < 1e-7


@each
def test_members_equal_networks_alone(loss: str) -> None:
    k = outputs(loss)
    z, y = normal(3, 7, k), targets(loss, 3, 7, k)
    weights = (normal(3, 7, seed=8) > -1).double()
    for w in (None, weights):
        costs, derivative = LOSSES[loss].cost(z, y, w), LOSSES[loss].backward(z, y, w)
        assert costs.shape == (3,)
        for member in range(3):
            own = z[member], y[member], None if w is None else w[member]
            torch.testing.assert_close(costs[member], LOSSES[loss].cost(*own), rtol=1e-12, atol=0)
            torch.testing.assert_close(derivative[member], LOSSES[loss].backward(*own), rtol=1e-12, atol=1e-16)


@each
def test_weights_of_zero_leave_examples_out(loss: str) -> None:
    z, y = normal(7, outputs(loss)), targets(loss, 7, outputs(loss))
    weights = torch.tensor([1.0, 1, 1, 1, 0, 0, 0], dtype=torch.float64)
    torch.testing.assert_close(LOSSES[loss].cost(z, y, weights), LOSSES[loss].cost(z[:4], y[:4]), rtol=1e-13, atol=0)
    derivative = LOSSES[loss].backward(z, y, weights)
    torch.testing.assert_close(derivative[:4], LOSSES[loss].backward(z[:4], y[:4]), rtol=1e-13, atol=1e-16)
    assert not derivative[4:].any()


@each
def test_a_batch_without_any_weight_costs_nothing(loss: str) -> None:
    z, y = normal(7, outputs(loss)), targets(loss, 7, outputs(loss))
    none = torch.zeros(7, dtype=torch.float64)
    assert LOSSES[loss].cost(z, y, none).item() == 0
    assert not LOSSES[loss].backward(z, y, none).any()


@each
def test_out_is_used_and_may_be_the_output_itself(loss: str) -> None:
    z, y = normal(7, outputs(loss)), targets(loss, 7, outputs(loss))
    expected, own = LOSSES[loss].backward(z, y), z.clone()
    assert LOSSES[loss].backward(own, y, out=own) is own
    assert torch.equal(own, expected)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@each
def test_extreme_outputs_give_finite_cost_and_derivative(loss: str, dtype: torch.dtype) -> None:
    z = torch.tensor([[1e4, -1e4, 0.0], [-1e4, 1e4, 1e-310], [1e4, 1e4, 1e4]], dtype=dtype)
    y = targets(loss, 3, 3)
    y = y if loss == "softmax_cross_entropy" else y.to(dtype)
    assert torch.isfinite(LOSSES[loss].cost(z, y))
    assert torch.isfinite(LOSSES[loss].backward(z, y)).all()


def test_a_class_without_examples_only_loses_probability() -> None:
    z, y = normal(6, 3), torch.tensor([0, 2, 0, 2, 2, 0])
    derivative = LOSSES["softmax_cross_entropy"].backward(z, y)
    assert (derivative[:, 1] > 0).all()
    torch.testing.assert_close(derivative.sum(1), torch.zeros(6, dtype=torch.float64), rtol=0, atol=1e-16)


def test_outputs_that_are_not_numbers_are_not_hidden_by_missing_labels() -> None:
    z, y = torch.tensor([[NAN, 1.0]]), torch.tensor([[1.0, NAN]])
    assert torch.isnan(LOSSES["multi_label_cross_entropy"].cost(z, y))


def test_all_labels_missing_costs_nothing() -> None:
    z, y = normal(3, 2), torch.full((3, 2), NAN, dtype=torch.float64)
    assert LOSSES["multi_label_cross_entropy"].cost(z, y).item() == 0
    assert not LOSSES["multi_label_cross_entropy"].backward(z, y).any()
    assert not LOSSES["multi_label_cross_entropy"].error(z, y).any()


@pytest.mark.parametrize(
    ("loss", "z", "y", "errors"),
    [
        ("softmax_cross_entropy", [[1.0, 2.0], [1.0, 2.0]], [1, 0], [0, 1]),
        ("binary_cross_entropy", [[0.3], [0.3], [-0.3]], [[1.0], [0.0], [0.0]], [0, 1, 0]),
        ("multi_label_cross_entropy", [[1.0, 1.0], [1.0, 1.0]], [[1.0, 0.0], [NAN, 1.0]], [0.5, 0]),
        ("squared_error", [[1.0, 2.0], [0.0, 0.0]], [[1.0, 2.0], [2.0, 4.0]], [0, 10]),
    ],
)
def test_error_of_each_example(loss: str, z: list, y: list, errors: list) -> None:
    assert LOSSES[loss].error(torch.tensor(z), torch.tensor(y)).tolist() == errors


@each
def test_prediction_goes_with_the_loss(loss: str) -> None:
    expected = {"squared_error": "linear", "softmax_cross_entropy": "softmax"}.get(loss, "sigmoid")
    assert LOSSES[loss].activation == expected
    z = torch.tensor([[0.5, -1.0], [2.0, 0.0]], dtype=torch.float64)
    torch.testing.assert_close(LOSSES[loss].prediction(z), ACTIVATIONS[expected].forward(z))
