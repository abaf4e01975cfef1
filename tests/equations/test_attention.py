from __future__ import annotations

import torch
from proof import distance, finite_differences
from torch import Tensor

from leadline.equations.attention import attention, attention_backward, join_heads, looking_back, split_heads


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def case() -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Two examples, two heads, four queries, five keys; the second example has three real keys."""
    allowed = torch.ones(2, 1, 4, 5, dtype=torch.bool)
    allowed[1, ..., 3:] = False
    return draw(2, 2, 4, 3), draw(2, 2, 5, 3, seed=1), draw(2, 2, 5, 6, seed=2), draw(2, 2, 4, 6, seed=3), allowed


def test_against_torch_finite_differences_and_autograd():
    q, k, v, d_y, allowed = case()
    y, weights = attention(q, k, v, allowed)
    expected = torch.nn.functional.scaled_dot_product_attention(q, k, v, allowed)
    torch.testing.assert_close(y, expected, rtol=0, atol=1e-12)
    d = attention_backward(d_y, q, k, v, weights)

    def cost() -> Tensor:
        return (attention(q, k, v, allowed)[0] * d_y).sum()

    for got, variable in zip(d, (q, k, v), strict=True):
        assert distance(got, finite_differences(cost, variable)) < 1e-7
        variable.requires_grad_(True)
    y = torch.nn.functional.scaled_dot_product_attention(q, k, v, allowed)
    for got, other in zip(d, torch.autograd.grad((y * d_y).sum(), (q, k, v)), strict=True):
        assert distance(got, other) < 1e-10


def test_what_may_not_be_looked_at_changes_nothing():
    q, k, v, d_y, allowed = case()
    y, weights = attention(q, k, v, allowed)
    d = attention_backward(d_y, q, k, v, weights)
    k[1, :, 3:], v[1, :, 3:] = 1e3, -1e3
    other, other_weights = attention(q, k, v, allowed)
    torch.testing.assert_close(other, y, rtol=0, atol=1e-12)
    other_d = attention_backward(d_y, q, k, v, other_weights)
    torch.testing.assert_close(other_d[0], d[0], rtol=0, atol=1e-12)
    assert (other_d[1][1, :, 3:] == 0).all()
    assert (other_d[2][1, :, 3:] == 0).all()


def test_a_query_that_may_look_nowhere_gets_zero():
    q, k, v, d_y, _ = case()
    y, weights = attention(q, k, v, torch.zeros(4, 5, dtype=torch.bool))
    assert (y == 0).all()
    assert all(torch.isfinite(part).all() for part in attention_backward(d_y, q, k, v, weights))


def test_looking_back_is_causal():
    q = draw(1, 5, 3)
    y, _ = attention(q, q, q, looking_back(5))
    q[0, 3:] = 9.0
    changed, _ = attention(q, q, q, looking_back(5))
    torch.testing.assert_close(changed[0, :3], y[0, :3], rtol=0, atol=1e-12)


def test_heads_split_and_join():
    x = draw(2, 5, 6)
    assert split_heads(x, 3).shape == (2, 3, 5, 2)
    assert torch.equal(join_heads(split_heads(x, 3)), x)
