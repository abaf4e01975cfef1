"""Random compositions of every layer, loss and penalty: differences, autograd, and the objective of training."""

from __future__ import annotations

from dataclasses import replace

import plain_forward
import torch
from hypothesis import given, settings
from problems import Problem, problems

from leadline.network.gradient_check import gradient_check, start_near
from leadline.training import Objective


@settings(max_examples=40, derandomize=True, deadline=None)
@given(problems())
def test_gradients_by_finite_differences(problem: Problem) -> None:
    p = problem
    check = gradient_check(p.network, p.x, p.y, p.loss, p.l2, p.l1, entries=8)
    assert check.passed, check
    assert all(row.difference < 1e-7 for row in check.rows if row.verdict in ("correct", "zero")), check
    assert all(row.verdict != "rounding" or row.got**2 < 1e-6 for row in check.rows), check


@settings(max_examples=60, derandomize=True, deadline=None)
@given(problems())
def test_gradients_by_autograd(problem: Problem) -> None:
    p = problem
    parameters = start_near(p.network, tuple(p.x.shape[1:]), seed=0)
    random = torch.Generator().manual_seed(0)
    objective = Objective(p.network, p.loss, parameters, p.l2, p.l1, generator=random)
    z = objective.output(p.x).clone()
    gradient = objective.gradient(z, p.y).clone()

    theta = parameters.theta.clone().requires_grad_()
    weights, m = theta[: parameters.layout.n_penalized], len(p.x)
    plain = plain_forward.output(objective.network, parameters, theta, p.x, objective.memories)
    cost = plain_forward.cost(p.loss, plain, p.y)
    cost = cost + p.l2 / (2 * m) * (weights**2).sum() + p.l1 / (2 * m) * weights.abs().sum()
    (expected,) = torch.autograd.grad(cost, theta)

    torch.testing.assert_close(z, plain.detach(), rtol=1e-10, atol=1e-12)
    assert (gradient - expected).norm() <= 1e-10 * expected.norm()
    objective.memories = [replace(memory, fixed_noise=True) for memory in objective.memories]
    torch.testing.assert_close(objective.cost(p.x, p.y), cost.detach(), rtol=1e-10, atol=0)
