from __future__ import annotations

import pytest
import torch
from proof import distance, finite_differences
from torch import Tensor

from leadline.equations.dropout import draw_dropout_mask, dropout, dropout_backward, dropout_mask


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_mask_keeps_draws_below_keep_prob_and_scales_them() -> None:
    draws = torch.tensor([0.0, 0.79, 0.8, 0.99], dtype=torch.float64)
    assert dropout_mask(draws, 0.8).tolist() == [1.25, 1.25, 0.0, 0.0]
    assert draws.tolist() == [0.0, 0.79, 0.8, 0.99]
    assert dropout_mask(draws, 0.8, out=draws) is draws


def test_a_mask_repeats_with_its_seed() -> None:
    first = draw_dropout_mask(torch.empty(50, 20), 0.5, generator(1))
    assert torch.equal(first, draw_dropout_mask(torch.empty(50, 20), 0.5, generator(1)))
    assert not torch.equal(first, draw_dropout_mask(torch.empty(50, 20), 0.5, generator(2)))


@pytest.mark.parametrize("keep_prob", [1.0, torch.ones(3, 1, 1)])
def test_keep_prob_one_changes_nothing(keep_prob: float | Tensor) -> None:
    x = torch.randn(3, 40, 10, generator=generator())
    mask = draw_dropout_mask(torch.empty_like(x), keep_prob, generator())
    assert torch.equal(dropout(x, mask), x)
    assert torch.equal(dropout_backward(x, mask), x)


def test_each_member_has_its_own_keep_prob() -> None:
    draws = torch.rand(3, 100, 20, generator=generator())
    keep_probs = torch.tensor([0.2, 0.5, 0.9], dtype=torch.float64).view(3, 1, 1)
    mask = dropout_mask(draws, keep_probs)
    for member, keep_prob in enumerate((0.2, 0.5, 0.9)):
        torch.testing.assert_close(mask[member], dropout_mask(draws[member], keep_prob), rtol=1e-6, atol=0)


def test_gradient_by_finite_differences_and_autograd() -> None:
    x = torch.randn(6, 5, dtype=torch.float64, generator=generator(4))
    d_y = torch.randn(6, 5, dtype=torch.float64, generator=generator(5))
    mask = draw_dropout_mask(torch.empty_like(x), 0.7, generator(6))
    derivative = dropout_backward(d_y, mask)
    assert distance(derivative, finite_differences(lambda: (dropout(x, mask) * d_y).sum(), x)) < 1e-7
    x.requires_grad_()
    kept = torch.where(mask > 0, x / 0.7, torch.zeros_like(x))
    (expected,) = torch.autograd.grad(kept, x, d_y)
    torch.testing.assert_close(derivative, expected, rtol=1e-10, atol=0)


def test_out_is_used() -> None:
    x, mask = torch.ones(4), torch.tensor([2.0, 0.0, 2.0, 0.0])
    assert dropout(x, mask, out=x) is x
    assert x.tolist() == [2.0, 0.0, 2.0, 0.0]
    assert dropout_backward(x, mask, out=x) is x
    assert x.tolist() == [4.0, 0.0, 4.0, 0.0]
