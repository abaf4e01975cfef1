from __future__ import annotations

import torch
from proof import distance, finite_differences
from torch import Tensor

from leadline.equations.layer_norm import layer_norm, layer_norm_backward
from leadline.equations.tokens import embed, embed_backward, sinusoids


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_an_embedding_adds_up_the_derivatives_of_equal_tokens():
    tokens, table = torch.tensor([[1, 2, 1], [0, 2, 2]]), draw(4, 3)
    d_y = draw(2, 3, 3, seed=1)
    table.requires_grad_(True)
    (expected,) = torch.autograd.grad((embed(tokens, table) * d_y).sum(), table)
    torch.testing.assert_close(embed_backward(d_y, tokens, 4), expected, rtol=0, atol=1e-12)
    kept = embed_backward(d_y, tokens, 4, padding=0)
    assert (kept[0] == 0).all()
    torch.testing.assert_close(kept[1:], expected[1:], rtol=0, atol=1e-12)


def test_sinusoids_by_their_formula():
    made = sinusoids(7, 5, torch.zeros(0, dtype=torch.float64))
    assert made.shape == (7, 5)
    for t in range(7):
        for k in range(5):
            angle = torch.tensor(t / 10_000 ** ((k - k % 2) / 5), dtype=torch.float64)
            assert abs(made[t, k] - (angle.cos() if k % 2 else angle.sin())) < 1e-12


def test_layer_norm_against_torch_and_finite_differences():
    x, gamma, beta, d_y = draw(2, 3, 4) * 3 + 1, draw(4, seed=1) + 1.5, draw(4, seed=2), draw(2, 3, 4, seed=3)
    y, normalized, inverse = layer_norm(x, gamma, beta)
    torch.testing.assert_close(y, torch.nn.functional.layer_norm(x, (4,), gamma, beta), rtol=0, atol=1e-12)
    d = layer_norm_backward(d_y, normalized, inverse, gamma)

    def cost() -> Tensor:
        return (layer_norm(x, gamma, beta)[0] * d_y).sum()

    for got, variable in zip(d, (x, gamma, beta), strict=True):
        assert distance(got, finite_differences(cost, variable)) < 1e-7
        variable.requires_grad_(True)
    expected = torch.autograd.grad((torch.nn.functional.layer_norm(x, (4,), gamma, beta) * d_y).sum(), (x, gamma, beta))
    for got, other in zip(d, expected, strict=True):
        assert distance(got, other) < 1e-10
