"""Weighted averages, update rules and schedules: T2.09 to T2.13, and the optimizers' part of T2.08."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import pytest
import torch
from torch import Tensor

from leadline.equations.averages import weighted_averages, window
from leadline.optimize import (
    Adam,
    AdamW,
    Cosine,
    Exponential,
    GradientDescent,
    InverseSqrt,
    InverseTime,
    LiveRate,
    Momentum,
    Nesterov,
    Optimizer,
    Piecewise,
    RMSprop,
    StepDecay,
    WarmUp,
)

STEPS = 100
Array = np.ndarray
Gradient = Callable[[Array], Array]

# An elongated bowl: ½ Σ kᵢ θᵢ², whose curvatures differ by a factor of 100.
CURVATURE = np.logspace(-1, 1, 12)
START = np.random.default_rng(5).normal(size=12)


def bowl(theta: Array) -> Array:
    return CURVATURE * theta


def ours(rule: Optimizer, fused: bool, dtype: torch.dtype = torch.float64) -> Array:
    """θ after 100 steps down the bowl."""
    theta = torch.tensor(START, dtype=dtype)
    curvature = torch.tensor(CURVATURE, dtype=dtype)
    state = rule.start(theta)
    state.fused = state.fused and fused
    for _ in range(STEPS):
        rule.update(theta, curvature * theta, state)
    return theta.double().numpy()


def torchs(make: Callable[[Iterable[Tensor]], torch.optim.Optimizer], dtype: torch.dtype) -> Array:
    theta = torch.tensor(START, dtype=dtype)
    optimizer = make([theta])
    for _ in range(STEPS):
        theta.grad = torch.tensor(CURVATURE, dtype=dtype) * theta
        optimizer.step()
    return theta.double().numpy()


def momentum(rate: float, beta: float, corrected: bool) -> Array:
    theta, v = START.copy(), np.zeros_like(START)
    for t in range(1, STEPS + 1):
        v = beta * v + (1 - beta) * bowl(theta)
        theta = theta - rate * (v / (1 - beta**t) if corrected else v)
    return theta


def nesterov(rate: float, beta: float) -> Array:
    theta, v = START.copy(), np.zeros_like(START)
    for _ in range(STEPS):
        g = bowl(theta)
        v = beta * v + (1 - beta) * g
        theta = theta - rate * (beta * v + (1 - beta) * g)
    return theta


def rmsprop(rate: float, beta: float, epsilon: float) -> Array:
    theta, s = START.copy(), np.zeros_like(START)
    for _ in range(STEPS):
        g = bowl(theta)
        s = beta * s + (1 - beta) * g**2
        theta = theta - rate * g / (np.sqrt(s) + epsilon)
    return theta


def adam(rate: float, beta1: float, beta2: float, epsilon: float, decay: float = 0.0) -> Array:
    theta, v, s = START.copy(), np.zeros_like(START), np.zeros_like(START)
    for t in range(1, STEPS + 1):
        g = bowl(theta)
        v = beta1 * v + (1 - beta1) * g
        s = beta2 * s + (1 - beta2) * g**2
        theta = theta - rate * decay * theta
        theta = theta - rate * (v / (1 - beta1**t)) / (np.sqrt(s / (1 - beta2**t)) + epsilon)
    return theta


REFERENCES = {
    "T2.08 descent": (GradientDescent(0.05), lambda: START * (1 - 0.05 * CURVATURE) ** STEPS),
    "T2.10 momentum": (Momentum(0.05), lambda: momentum(0.05, 0.9, corrected=False)),
    "T2.10 momentum, corrected": (
        Momentum(0.05, beta=0.8, bias_correction=True),
        lambda: momentum(0.05, 0.8, corrected=True),
    ),
    "T2.10 Nesterov's momentum": (Nesterov(0.05), lambda: nesterov(0.05, 0.9)),
    "T2.11 RMSprop": (RMSprop(0.01), lambda: rmsprop(0.01, 0.9, 1e-8)),
    "T2.11 RMSprop, large epsilon": (RMSprop(0.01, epsilon=0.1), lambda: rmsprop(0.01, 0.9, 0.1)),
    "T2.12 Adam": (Adam(0.01), lambda: adam(0.01, 0.9, 0.999, 1e-8)),
    "T2.12 Adam, large epsilon": (Adam(0.01, 0.8, 0.9, epsilon=0.1), lambda: adam(0.01, 0.8, 0.9, 0.1)),
    "T2.12 AdamW": (AdamW(0.01, weight_decay=0.2), lambda: adam(0.01, 0.9, 0.999, 1e-8, decay=0.2)),
}


@pytest.mark.parametrize("fused", [True, False], ids=["kernel", "equation"])
@pytest.mark.parametrize("case", REFERENCES)
def test_rules_against_references_for_100_steps(case: str, fused: bool) -> None:
    rule, reference = REFERENCES[case]
    np.testing.assert_allclose(ours(rule, fused), reference(), rtol=1e-11, atol=1e-13)


SAME_RULE_IN_TORCH = {
    "T2.08 descent": (GradientDescent(0.05), lambda theta: torch.optim.SGD(theta, lr=0.05)),
    # Torch sums the gradients where we average them: its step is 1/(1 − β) times as long.
    "T2.10 momentum": (Momentum(0.05), lambda theta: torch.optim.SGD(theta, lr=0.005, momentum=0.9)),
    "T2.10 Nesterov": (
        Nesterov(0.05),
        lambda theta: torch.optim.SGD(theta, lr=0.005, momentum=0.9, nesterov=True),
    ),
    "T2.11 RMSprop": (RMSprop(0.01), lambda theta: torch.optim.RMSprop(theta, lr=0.01, alpha=0.9)),
    "T2.12 Adam": (Adam(0.01), lambda theta: torch.optim.Adam(theta, lr=0.01)),
    "T2.12 AdamW": (
        AdamW(0.01, weight_decay=0.2),
        lambda theta: torch.optim.AdamW(theta, lr=0.01, weight_decay=0.2),
    ),
}


@pytest.mark.parametrize("fused", [True, False], ids=["kernel", "equation"])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-6), (torch.float64, 1e-12)])
@pytest.mark.parametrize("case", SAME_RULE_IN_TORCH)
def test_rules_against_torch(case: str, dtype: torch.dtype, tolerance: float, fused: bool) -> None:
    rule, make = SAME_RULE_IN_TORCH[case]
    np.testing.assert_allclose(ours(rule, fused, dtype), torchs(make, dtype), rtol=tolerance, atol=tolerance)


def test_t2_09_a_corrected_average_of_a_constant_is_the_constant_from_step_1() -> None:
    """T2.09."""
    series = torch.full((50,), 7.25, dtype=torch.float64)
    for beta in (0.5, 0.9, 0.98):
        torch.testing.assert_close(weighted_averages(series, beta), series, rtol=1e-12, atol=0)
        uncorrected = weighted_averages(series, beta, corrected=False)
        assert uncorrected[0].item() == pytest.approx((1 - beta) * 7.25)


def test_t2_09_a_value_older_than_the_window_weighs_less_than_a_third() -> None:
    """T2.09."""
    for beta in (0.9, 0.98, 0.999):
        impulse = torch.zeros(5000, dtype=torch.float64)
        impulse[0] = 1.0
        weights = weighted_averages(impulse, beta, corrected=False)
        age = round(window(beta))
        assert weights[age].item() / weights[0].item() == pytest.approx(np.exp(-1), abs=0.02)


def test_t2_11_and_t2_12_defaults() -> None:
    """T2.11."""
    assert (RMSprop().beta, RMSprop().epsilon) == (0.9, 1e-8)
    assert (Adam().beta1, Adam().beta2, Adam().epsilon) == (0.9, 0.999, 1e-8)


def test_t2_12_the_first_step_of_adam_has_the_length_of_the_learning_rate() -> None:
    """T2.12."""
    theta = torch.zeros(3, dtype=torch.float64)
    rule = Adam(0.01)
    rule.update(theta, torch.tensor([1e-3, -5.0, 1e4], dtype=torch.float64), rule.start(theta))
    torch.testing.assert_close(theta, torch.tensor([-0.01, 0.01, -0.01], dtype=torch.float64), rtol=2e-5, atol=0)


def test_t2_13_inverse_time_decay() -> None:
    """T2.13."""
    schedule = InverseTime(decay=1.0)
    rates = [schedule(0.2, epoch, 0) for epoch in (1, 2, 3, 4)]
    assert rates == pytest.approx([0.1, 0.0667, 0.05, 0.04], abs=5e-5)
    assert schedule(0.2, 0, 0) == 0.2


def test_t2_13_exponential_and_staircase_decay() -> None:
    """T2.13."""
    assert Exponential(0.95)(0.2, 3, 0) == pytest.approx(0.2 * 0.95**3)
    assert Exponential(0.95)(0.2, 0, 0) == 0.2
    staircase = StepDecay(every=10)
    assert [staircase(0.2, epoch, 0) for epoch in (0, 9, 10, 19, 20)] == pytest.approx([0.2, 0.2, 0.1, 0.1, 0.05])


def test_t2_13_square_root_decay_keeps_its_constant_and_never_divides_by_zero() -> None:
    """T2.13."""
    assert [InverseSqrt(0.5, per="epoch")(0.2, epoch, 99) for epoch in (0, 1, 4, 100)] == pytest.approx(
        [0.1, 0.1, 0.05, 0.01]
    )
    assert [InverseSqrt(0.5)(0.2, 9, step) for step in (0, 1, 4, 100)] == pytest.approx([0.1, 0.1, 0.05, 0.01])


def test_t2_13_manual_rates_given_and_changed_while_running() -> None:
    """T2.13."""
    given = Piecewise({3: 0.01})
    assert [given(0.2, epoch, 0) for epoch in (2, 3)] == [0.2, 0.01]
    wish: list[float | None] = [None]
    running = LiveRate(given, lambda: wish[0])
    assert running(0.2, 0, 0) == 0.2
    wish[0] = 0.07
    assert running(0.2, 1, 10) == 0.07


def test_t2_13_warm_up_and_cosine() -> None:
    """T2.13."""
    schedule = WarmUp(steps=10, schedule=Cosine(epochs=4))
    assert schedule(0.2, 0, 0) == pytest.approx(0.02)
    assert [schedule(0.2, epoch, 100) for epoch in (0, 2, 4)] == pytest.approx([0.2, 0.1, 0.0])
