"""T6.08: the costs of style transfer."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from leadline.equations.style import (
    content_cost,
    content_cost_backward,
    gram,
    style_cost,
    style_cost_backward,
    total_variation,
    total_variation_backward,
)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_t6_08_gram() -> None:
    """T6.08: the worked example."""
    a = torch.tensor([[1.0, 2, 3, 4], [0, 1, 0, -1]])
    assert gram(a).tolist() == [[30, -2], [-2, 2]]


def test_t6_08_costs_are_course_4s() -> None:
    """T6.08: with images of one size, the sums as course 4 writes them."""
    a, other = normal(3, 20), normal(3, 20, seed=1)
    difference = gram(a) - gram(other)
    expected = difference.square().sum() / (2 * 3 * 20) ** 2
    torch.testing.assert_close(style_cost(gram(a) / 20, gram(other) / 20), expected)
    torch.testing.assert_close(content_cost(a, other), (a - other).square().sum() / (4 * 3 * 20))


@pytest.mark.parametrize(
    ("cost", "backward"),
    [
        (lambda a: content_cost(a, normal(4, 12, seed=1)), lambda a: content_cost_backward(a, normal(4, 12, seed=1))),
        (
            lambda a: style_cost(gram(a) / 12, gram(normal(4, 30, seed=2)) / 30),
            lambda a: style_cost_backward(a, gram(a) / 12, gram(normal(4, 30, seed=2)) / 30),
        ),
        (
            lambda a: total_variation(a.view(2, 4, 6)),
            lambda a: total_variation_backward(a.view(2, 4, 6)).view(4, 12),
        ),
    ],
    ids=["content", "style", "total variation"],
)
def test_t6_08_derivatives_are_autograds(
    cost: Callable[[Tensor], Tensor], backward: Callable[[Tensor], Tensor]
) -> None:
    """T6.08."""
    a = normal(4, 12).requires_grad_()
    (expected,) = torch.autograd.grad(cost(a), a)
    torch.testing.assert_close(backward(a.detach()), expected, rtol=1e-12, atol=1e-14)


def test_total_variation_of_one_colour_is_none() -> None:
    assert total_variation(torch.full((3, 5, 5), 0.4)) == 0
    assert total_variation(torch.tensor([[[0.0, 1.0]]])) == 0.5
