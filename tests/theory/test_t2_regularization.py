"""Penalties, dropout and batch normalization: T2.04 to T2.06 and T2.14."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import Tensor
from torch.nn.functional import batch_norm as torch_batch_norm

from leadline.equations.batch_norm import (
    batch_norm,
    batch_norm_at_test,
    batch_norm_backward,
    update_running_statistics,
)
from leadline.equations.dropout import draw_dropout_mask, dropout, dropout_backward
from leadline.equations.penalties import (
    l1_penalty,
    l1_penalty_backward,
    l2_penalty,
    l2_penalty_backward,
    sparsity,
)
from leadline.optimize import GradientDescent


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_t2_04_cost_and_gradient() -> None:
    """T2.04."""
    w = torch.tensor([3.0, -4.0], dtype=torch.float64)
    assert l2_penalty(w, 0.8, 10).item() == pytest.approx(0.8 / 20 * 25)
    gradient = l2_penalty_backward(w, 0.8, 10, torch.zeros_like(w))
    torch.testing.assert_close(gradient, 0.08 * w)


def test_t2_04_l2_equals_explicit_decay_for_plain_descent() -> None:
    """T2.04."""
    rate, strength, m = 0.1, 0.7, 20
    penalized, decayed = draw(30), draw(30)
    rule = GradientDescent(rate)
    states = rule.start(penalized), rule.start(decayed)
    for step in range(50):
        gradient = draw(30, seed=step)
        decayed.mul_(1 - rate * strength / m)
        rule.update(decayed, gradient, states[1])
        l2_penalty_backward(penalized, strength, m, gradient)
        rule.update(penalized, gradient, states[0])
    torch.testing.assert_close(penalized, decayed, rtol=1e-12, atol=1e-14)


def test_t2_05_cost_and_subgradient() -> None:
    """T2.05."""
    w = torch.tensor([3.0, -4.0, 0.0], dtype=torch.float64)
    assert l1_penalty(w, 0.8, 10).item() == pytest.approx(0.8 / 20 * 7)
    gradient = l1_penalty_backward(w, 0.8, 10, torch.zeros_like(w))
    assert gradient.tolist() == pytest.approx([0.04, -0.04, 0.0])


def regression_weights(strength: float) -> Tensor:
    """Weights of a line through 200 examples of which 3 of 40 features tell something."""
    x, truth = draw(200, 40), torch.zeros(40, dtype=torch.float64)
    truth[:3] = torch.tensor([2.0, -1.0, 1.5])
    y = x @ truth + 0.3 * draw(200, seed=1)
    w = 0.1 * draw(40, seed=2)
    rule = GradientDescent(0.005)  # weights then swing around 0 by less than 0.001
    state = rule.start(w)
    for _ in range(2000):
        gradient = x.T @ (x @ w - y) / 200
        l1_penalty_backward(w, strength, 200, gradient)
        rule.update(w, gradient, state)
    return w


def test_t2_05_a_large_lambda_makes_weights_vanish_and_the_report_says_so() -> None:
    """T2.05."""
    fractions = [sparsity(regression_weights(strength)).item() for strength in (0.0, 5.0, 40.0)]
    assert all(less <= more for less, more in pairwise(fractions))
    assert fractions[0] < 0.1
    assert fractions[2] == 37 / 40  # all but the three that tell something


def test_t2_06_the_mean_of_the_activations_stays() -> None:
    """T2.06."""
    generator = torch.Generator().manual_seed(1)
    for keep_prob in (0.5, 0.8, 0.95):
        mask = draw_dropout_mask(torch.empty(1000, 1000), keep_prob, generator)
        kept = (mask > 0).double().mean().item()
        assert kept == pytest.approx(keep_prob, abs=0.002)
        assert dropout(torch.full((1000, 1000), 3.0), mask).mean().item() == pytest.approx(3.0, rel=0.005)
        assert mask.max().item() == pytest.approx(1 / keep_prob)


def test_t2_06_backward_applies_the_same_mask_and_scale() -> None:
    """T2.06."""
    mask = draw_dropout_mask(torch.empty(20, 10, dtype=torch.float64), 0.6, torch.Generator().manual_seed(2))
    x = draw(20, 10).requires_grad_()
    (expected,) = torch.autograd.grad(torch.where(mask > 0, x / 0.6, 0.0 * x), x, draw(20, 10, seed=3))
    torch.testing.assert_close(dropout_backward(draw(20, 10, seed=3), mask), expected, rtol=1e-10, atol=0)


@pytest.mark.parametrize("shape", [(16, 5), (4, 5, 3, 3)])
def test_t2_14_training_and_test_mode_against_torch(shape: tuple[int, ...]) -> None:
    """T2.14."""
    gamma, beta = draw(5, seed=1) + 2, draw(5, seed=2)
    mean, variance = torch.zeros_like(gamma), torch.ones_like(gamma)
    torchs_mean, torchs_variance = torch.zeros_like(gamma), torch.ones_like(gamma)
    for step in range(5):
        x = (draw(*shape, seed=10 + step) * 3 + 1).requires_grad_()
        expected = torch_batch_norm(x, torchs_mean, torchs_variance, gamma, beta, training=True)
        y, statistics = batch_norm(x.detach(), gamma, beta)
        update_running_statistics(mean, variance, statistics)
        torch.testing.assert_close(y, expected.detach(), rtol=1e-10, atol=1e-12)
        torch.testing.assert_close(mean, torchs_mean, rtol=1e-12, atol=1e-14)
        torch.testing.assert_close(variance, torchs_variance, rtol=1e-12, atol=1e-14)
        d_y = draw(*shape, seed=20 + step)
        (expected_d_x,) = torch.autograd.grad(expected, x, d_y)
        d_x = batch_norm_backward(d_y, x.detach(), gamma, statistics)[0]
        torch.testing.assert_close(d_x, expected_d_x, rtol=1e-10, atol=1e-12)
    one = draw(*(1, *shape[1:]), seed=30)  # a batch of one works at test time
    expected = torch_batch_norm(one, torchs_mean, torchs_variance, gamma, beta, training=False)
    ours = batch_norm_at_test(one, gamma, beta, mean, variance)
    torch.testing.assert_close(ours, expected, rtol=1e-10, atol=1e-12)


def test_t2_14_a_bias_before_it_is_redundant() -> None:
    """T2.14."""
    x, gamma, beta = draw(16, 5), draw(5, seed=1), draw(5, seed=2)
    shifted = batch_norm(x + 7.0 * draw(5, seed=3), gamma, beta)[0]
    torch.testing.assert_close(shifted, batch_norm(x, gamma, beta)[0], rtol=1e-9, atol=1e-10)
    d_x = batch_norm_backward(draw(16, 5, seed=4), x, gamma, batch_norm(x, gamma, beta)[1])[0]
    torch.testing.assert_close(d_x.sum(0), torch.zeros(5, dtype=torch.float64), rtol=0, atol=1e-12)
