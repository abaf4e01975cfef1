from __future__ import annotations

import pytest
import torch
from proof import distance, finite_differences
from torch import Tensor

from leadline.equations.dense import dense, dense_backward_bias, dense_backward_input, dense_backward_weight


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def case(*leading: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """x of 6 examples with 3 features, weight and bias of 4 units, and a derivative by the output."""
    return normal(*leading, 6, 3), normal(*leading, 4, 3, seed=1), normal(*leading, 4, seed=2), normal(*leading, 6, 4)


def test_forward_is_a_sum_for_each_example_and_unit() -> None:
    x, weight, bias, _ = case()
    z = dense(x, weight, bias)
    for i in range(6):
        for j in range(4):
            expected = sum(float(weight[j, k] * x[i, k]) for k in range(3)) + float(bias[j])
            assert z[i, j].item() == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("leading", [(), (5,)], ids=["network", "population"])
def test_backward_by_finite_differences_and_autograd(leading: tuple[int, ...]) -> None:
    x, weight, bias, d_z = case(*leading)
    ours = dense_backward_input(d_z, weight), dense_backward_weight(d_z, x), dense_backward_bias(d_z)
    for variable, derivative in zip((x, weight, bias), ours, strict=True):
        numeric = finite_differences(lambda: (dense(x, weight, bias) * d_z).sum(), variable)
        assert distance(derivative, numeric) < 1e-7
    variables = [t.clone().requires_grad_() for t in (x, weight, bias)]
    plain = torch.einsum("...mi,...oi->...mo", variables[0], variables[1]) + variables[2].unsqueeze(-2)
    for derivative, expected in zip(ours, torch.autograd.grad(plain, variables, d_z), strict=True):
        torch.testing.assert_close(derivative, expected, rtol=1e-10, atol=1e-14)


def test_members_equal_networks_alone() -> None:
    x, weight, bias, d_z = case(5)
    for member in range(5):
        own = x[member], weight[member], bias[member]
        torch.testing.assert_close(dense(x, weight, bias)[member], dense(*own), rtol=1e-12, atol=1e-14)
        torch.testing.assert_close(dense(x, weight)[member], dense(*own[:2]), rtol=1e-12, atol=1e-14)
        for together, alone in (
            (dense_backward_weight(d_z, x), dense_backward_weight(d_z[member], own[0])),
            (dense_backward_input(d_z, weight), dense_backward_input(d_z[member], own[1])),
            (dense_backward_bias(d_z), dense_backward_bias(d_z[member])),
        ):
            torch.testing.assert_close(together[member], alone, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("leading", [(), (5,)], ids=["network", "population"])
def test_out_is_used(leading: tuple[int, ...]) -> None:
    x, weight, bias, d_z = case(*leading)
    for result in (
        lambda out: dense(x, weight, bias, out=out),
        lambda out: dense(x, weight, out=out),
        lambda out: dense_backward_weight(d_z, x, out=out),
        lambda out: dense_backward_input(d_z, weight, out=out),
        lambda out: dense_backward_bias(d_z, out=out),
    ):
        expected = result(None)
        out = torch.full_like(expected, torch.nan)
        assert result(out) is out
        assert torch.equal(out, expected)


def test_one_example_and_tiny_values() -> None:
    weight, tiny = normal(4, 3), torch.full((1, 3), 1e-310, dtype=torch.float64)
    z = dense(tiny, weight)
    assert z.shape == (1, 4)
    torch.testing.assert_close(z * 1e300, (tiny * 1e300) @ weight.t(), rtol=1e-10, atol=1e-12)
    assert torch.isfinite(dense_backward_weight(z, tiny)).all()
