from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from proof import distance, finite_differences
from torch import Tensor

from leadline.equations.batch_norm import (
    BatchStatistics,
    batch_norm,
    batch_norm_at_test,
    batch_norm_backward,
    batch_norm_backward_equation,
    batch_norm_equation,
    update_running_statistics,
)

SHAPES = {
    "dense": ((7, 4), (4,)),
    "images": ((3, 4, 2, 5), (4,)),
    "population": ((2, 6, 4), (2, 4)),
    "population of images": ((2, 3, 4, 2, 2), (2, 4)),
}
each_shape = pytest.mark.parametrize("shape", SHAPES)


def draw(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def case(shape: str, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """x, γ, β and dy."""
    x_shape, channels = SHAPES[shape]
    x = draw(*x_shape, seed=1, dtype=dtype) * 2 + 3
    gamma = draw(*channels, seed=2, dtype=dtype) + 1.5
    return x, gamma, draw(*channels, seed=3, dtype=dtype), draw(*x_shape, seed=4, dtype=dtype)


def by_definition(x: Tensor, gamma: Tensor, beta: Tensor, epsilon: float, weights: Tensor) -> Tensor:
    """One member and one channel after another, rows weighted."""
    if gamma.dim() == 2:
        members = zip(x, gamma, beta, weights, strict=True)
        return torch.stack([by_definition(a, b, c, epsilon, d) for a, b, c, d in members])
    channels = []
    for channel in range(gamma.numel()):
        values = x[:, channel]
        w = weights.reshape(-1, *(1,) * (values.dim() - 1)).expand_as(values)
        mean = (w * values).sum() / w.sum()
        variance = (w * (values - mean) ** 2).sum() / w.sum()
        channels.append(gamma[channel] * (values - mean) / torch.sqrt(variance + epsilon) + beta[channel])
    return torch.stack(channels, dim=1)


def ragged(x: Tensor, gamma: Tensor) -> Tensor:
    """Weights that leave out the last row, and of the second member another one."""
    weights = torch.ones(x.shape[: gamma.dim()], dtype=x.dtype)
    weights[..., -1] = 0
    if gamma.dim() == 2:
        weights[1, -2] = 0
    return weights


@each_shape
@pytest.mark.parametrize("weighted", [False, True])
def test_gradients_by_autograd_of_the_definition(shape: str, weighted: bool) -> None:
    x, gamma, beta, d_y = case(shape)
    weights = ragged(x, gamma) if weighted else None
    y, statistics = batch_norm(x, gamma, beta, weights=weights)
    ours = batch_norm_backward(d_y, x, gamma, statistics, weights=weights)
    inputs = [x.clone().requires_grad_(), gamma.clone().requires_grad_(), beta.clone().requires_grad_()]
    ones = torch.ones(x.shape[: gamma.dim()], dtype=x.dtype)
    given = ones if weights is None else weights
    expected_y = by_definition(inputs[0], inputs[1], inputs[2], 1e-5, given)
    torch.testing.assert_close(y, expected_y.detach(), rtol=1e-10, atol=1e-12)
    for derivative, expected in zip(ours, torch.autograd.grad(expected_y, inputs, d_y), strict=True):
        torch.testing.assert_close(derivative, expected, rtol=1e-10, atol=1e-12)


@each_shape
@pytest.mark.parametrize("weighted", [False, True])
def test_gradients_by_finite_differences(shape: str, weighted: bool) -> None:
    x, gamma, beta, d_y = case(shape)
    weights = ragged(x, gamma) if weighted else None
    _, statistics = batch_norm(x, gamma, beta, weights=weights)
    derivatives = batch_norm_backward(d_y, x, gamma, statistics, weights=weights)

    def cost() -> Tensor:
        return (batch_norm(x, gamma, beta, weights=weights)[0] * d_y).sum()

    for variable, derivative in zip((x, gamma, beta), derivatives, strict=True):
        assert distance(derivative, finite_differences(cost, variable, step=1e-5)) < 1e-7


@pytest.mark.parametrize("shape", ["dense", "images"])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
def test_kernel_equals_equation(shape: str, dtype: torch.dtype, tolerance: float) -> None:
    x, gamma, beta, d_y = case(shape, dtype)
    fused, fused_statistics = batch_norm(x, gamma, beta)
    plain, plain_statistics = batch_norm_equation(x, gamma, beta)
    torch.testing.assert_close(fused, plain, rtol=tolerance, atol=tolerance)
    for a, b in zip(fused_statistics[:3], plain_statistics[:3], strict=True):
        torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance)
    assert fused_statistics.n_values == plain_statistics.n_values
    for a, b in zip(
        batch_norm_backward(d_y, x, gamma, fused_statistics),
        batch_norm_backward_equation(d_y, x, gamma, plain_statistics),
        strict=True,
    ):
        torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance)


@each_shape
def test_out_is_used(shape: str) -> None:
    x, gamma, beta, d_y = case(shape)
    expected, statistics = batch_norm(x, gamma, beta)
    out = torch.empty_like(x)
    assert batch_norm(x, gamma, beta, out=out)[0] is out
    assert torch.equal(out, expected)
    derivative = batch_norm_backward(d_y, x, gamma, statistics)[0]
    assert batch_norm_backward(d_y, x, gamma, statistics, out=out)[0] is out
    assert torch.equal(out, derivative)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("other", [torch.contiguous_format, torch.channels_last])
def test_layouts_in_memory_may_differ(layout: torch.memory_format, other: torch.memory_format) -> None:
    x, gamma, beta, d_y = case("images")
    expected, statistics = batch_norm_equation(x, gamma, beta)
    out = torch.empty_like(x).contiguous(memory_format=other)
    y, own = batch_norm(x.contiguous(memory_format=layout), gamma, beta, out=out)
    assert y is out
    torch.testing.assert_close(y, expected, rtol=0, atol=1e-12)
    d_x = batch_norm_backward(d_y.contiguous(memory_format=other), x.contiguous(memory_format=layout), gamma, own)[0]
    expected = batch_norm_backward_equation(d_y, x, gamma, statistics)[0]
    torch.testing.assert_close(d_x, expected, rtol=0, atol=1e-12)


def test_members_equal_networks_alone() -> None:
    x, gamma, beta, d_y = case("population")
    y, statistics = batch_norm(x, gamma, beta)
    together = batch_norm_backward(d_y, x, gamma, statistics)
    for member in range(2):
        alone, own = batch_norm(x[member], gamma[member], beta[member])
        torch.testing.assert_close(y[member], alone, rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(statistics.variance[member], own.variance, rtol=1e-12, atol=0)
        for a, b in zip(together, batch_norm_backward(d_y[member], x[member], gamma[member], own), strict=True):
            torch.testing.assert_close(a[member], b, rtol=1e-12, atol=1e-12)


def test_padded_rows_count_for_nothing() -> None:
    x, gamma, beta, d_y = case("population")
    weights = ragged(x, gamma)
    x[weights == 0] = 1e3
    d_y[weights == 0] = 0
    y, statistics = batch_norm(x, gamma, beta, weights=weights)
    d_x, d_gamma, d_beta = batch_norm_backward(d_y, x, gamma, statistics, weights=weights)
    for member, m in enumerate((5, 4)):
        alone, own = batch_norm(x[member, :m], gamma[member], beta[member])
        torch.testing.assert_close(y[member, :m], alone, rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(statistics.variance[member], own.variance, rtol=1e-12, atol=0)
        expected = batch_norm_backward(d_y[member, :m], x[member, :m], gamma[member], own)
        for a, b in zip((d_x[member, :m], d_gamma[member], d_beta[member]), expected, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)
        assert not d_x[member, m:].any()


def test_running_statistics_leave_members_without_a_batch_alone() -> None:
    x, gamma, beta, _ = case("population")
    weights = torch.ones(2, 6, dtype=torch.float64)
    weights[1] = 0
    _, statistics = batch_norm(x, gamma, beta, weights=weights)
    mean, variance = torch.zeros_like(gamma), torch.ones_like(gamma)
    update_running_statistics(mean, variance, statistics)
    assert mean[0].all()
    assert not mean[1].any()
    assert torch.equal(variance[1], torch.ones(4, dtype=torch.float64))


@pytest.mark.parametrize("run", [batch_norm, batch_norm_equation])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_constant_channel_becomes_beta(
    run: Callable[..., tuple[Tensor, BatchStatistics]], dtype: torch.dtype
) -> None:
    x = torch.stack([torch.full((8,), 0.1), torch.arange(8.0)], dim=1).to(dtype)
    gamma, beta = torch.tensor([2.0, 2.0], dtype=dtype), torch.tensor([0.5, 0.0], dtype=dtype)
    y, statistics = run(x, gamma, beta)
    torch.testing.assert_close(y[:, 0], torch.full((8,), 0.5, dtype=dtype), rtol=0, atol=1e-5)
    d_x = batch_norm_backward_equation(torch.ones_like(x), x, gamma, statistics)[0]
    assert torch.isfinite(d_x).all()


def test_one_value_and_tiny_values_stay_finite() -> None:
    gamma, beta = torch.ones(3), torch.zeros(3)
    y, statistics = batch_norm(torch.randn(1, 3), gamma, beta)
    assert torch.equal(y, torch.zeros(1, 3))
    assert torch.isfinite(statistics.variance).all()
    tiny = torch.full((4, 3), 1e-40)
    tiny[0] = -1e-40
    y, statistics = batch_norm(tiny, gamma, beta)
    assert torch.isfinite(y).all()
    assert torch.isfinite(batch_norm_backward(y, tiny, gamma, statistics)[0]).all()


@each_shape
def test_test_mode_uses_the_given_statistics(shape: str) -> None:
    x, gamma, beta, _ = case(shape)
    _, statistics = batch_norm(x, gamma, beta, epsilon=1e-3)
    biased = statistics.inverse_deviation**-2 - 1e-3
    training = batch_norm(x, gamma, beta, epsilon=1e-3)[0]
    ours = batch_norm_at_test(x, gamma, beta, statistics.mean, biased, epsilon=1e-3)
    torch.testing.assert_close(ours, training, rtol=1e-10, atol=1e-10)
