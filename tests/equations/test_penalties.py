from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from proof import distance, finite_differences
from torch import Tensor

from leadline.equations.penalties import (
    l1_penalty,
    l1_penalty_backward,
    l2_penalty,
    l2_penalty_backward,
    sparsity,
)

PENALTIES = [(l2_penalty, l2_penalty_backward), (l1_penalty, l1_penalty_backward)]
each = pytest.mark.parametrize(("penalty", "backward"), PENALTIES, ids=["l2", "l1"])


def weights(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(3))


@each
def test_gradient_by_finite_differences(penalty: Callable[..., Tensor], backward: Callable[..., Tensor]) -> None:
    w = weights(40)
    derivative = backward(w, 0.7, 12, torch.zeros_like(w))
    assert distance(derivative, finite_differences(lambda: penalty(w, 0.7, 12), w)) < 1e-7


def test_gradient_by_autograd() -> None:
    w = weights(40).requires_grad_()
    for cost, backward in (
        (0.7 / 24 * (w**2).sum(), l2_penalty_backward),
        (0.7 / 24 * w.abs().sum(), l1_penalty_backward),
    ):
        (expected,) = torch.autograd.grad(cost, w)
        derivative = backward(w.detach(), 0.7, 12, torch.zeros(40, dtype=torch.float64))
        torch.testing.assert_close(derivative, expected, rtol=1e-10, atol=1e-14)


@each
def test_backward_adds_in_place(penalty: Callable[..., Tensor], backward: Callable[..., Tensor]) -> None:
    w, gradient = weights(5), torch.full((5,), 10.0, dtype=torch.float64)
    alone = backward(w, 0.7, 12, torch.zeros_like(w))
    assert backward(w, 0.7, 12, gradient) is gradient
    torch.testing.assert_close(gradient, alone + 10.0)


@each
def test_members_equal_networks_alone(penalty: Callable[..., Tensor], backward: Callable[..., Tensor]) -> None:
    w = weights(3, 8)
    strengths = torch.tensor([[0.0], [0.5], [2.0]], dtype=torch.float64)
    examples = torch.tensor([[10], [20], [30]])
    costs = penalty(w, strengths, examples)
    gradient = backward(w, strengths, examples, torch.zeros_like(w))
    assert costs.shape == (3,)
    for member in range(3):
        strength, m = strengths[member].item(), examples[member].item()
        torch.testing.assert_close(costs[member], penalty(w[member], strength, m), rtol=1e-14, atol=0)
        alone = backward(w[member], strength, m, torch.zeros(8, dtype=torch.float64))
        torch.testing.assert_close(gradient[member], alone, rtol=1e-14, atol=0)


@each
def test_one_strength_for_all_members(penalty: Callable[..., Tensor], backward: Callable[..., Tensor]) -> None:
    w = weights(3, 8)
    assert penalty(w, 0.5, 4).shape == (3,)
    torch.testing.assert_close(penalty(w, 0.5, 4)[1], penalty(w[1], 0.5, 4), rtol=1e-14, atol=0)


def test_subgradient_is_zero_at_zero() -> None:
    w = torch.tensor([0.0, -0.0, 1e-310, -2.0], dtype=torch.float64)
    assert l1_penalty_backward(w, 2.0, 1, torch.zeros_like(w)).tolist() == [0.0, 0.0, 1.0, -1.0]


def test_sparsity_is_the_fraction_near_zero() -> None:
    w = torch.tensor([[0.0, 1e-4, -1e-4, 1.0], [1.0, 1.0, 1.0, 0.0]])
    assert sparsity(w).tolist() == [0.75, 0.25]
    assert sparsity(w[0], tolerance=0.0).item() == 0.25
