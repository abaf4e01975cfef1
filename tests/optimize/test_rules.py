"""Every update rule by itself: kernel, equation, members of a population, saved state, wrong values."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from leadline.errors import LeadlineError, UsageError
from leadline.optimize import Adam, AdamW, GradientDescent, Momentum, Nesterov, Optimizer, RMSprop

RULES = [
    GradientDescent(0.05),
    Momentum(0.05),
    Momentum(0.05, beta=0.8, bias_correction=True),
    Momentum(0.05, beta=0.0),
    Nesterov(0.05),
    Nesterov(0.05, beta=0.0),
    RMSprop(0.01),
    RMSprop(0.01, beta=0.0),
    Adam(0.01),
    Adam(0.01, beta1=0.0, beta2=0.0),
    AdamW(0.01, weight_decay=0.1),
]
each_rule = pytest.mark.parametrize("rule", RULES, ids=repr)


def draw(*shape: int, dtype: torch.dtype = torch.float64, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def train(
    rule: Optimizer,
    theta: Tensor,
    gradients: Tensor,
    fused: bool = True,
    learning_rate: float | Tensor | None = None,
    n_penalized: int | None = None,
) -> Tensor:
    """θ after one update by each of the gradients (steps, ...)."""
    theta = theta.clone()
    state = rule.start(theta, n_penalized)
    state.fused = state.fused and fused
    for gradient in gradients:
        rule.update(theta, gradient, state, learning_rate)
    return theta


@each_rule
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 2e-6)])
def test_kernel_equals_equation(rule: Optimizer, dtype: torch.dtype, tolerance: float) -> None:
    theta, gradients = draw(301, dtype=dtype), draw(100, 301, dtype=dtype, seed=1)
    assert rule.start(theta).fused == rule.has_kernel
    fused, plain = (train(rule, theta, gradients, fused, n_penalized=200) for fused in (True, False))
    torch.testing.assert_close(fused, plain, rtol=tolerance, atol=tolerance)
    assert not torch.equal(fused, theta)


VARIANTS = [
    [GradientDescent(0.05), GradientDescent(0.1)],
    [Momentum(0.05, beta=0.9, bias_correction=True), Momentum(0.1, beta=0.99, bias_correction=True)],
    [Momentum(0.05), Momentum(0.1)],
    [Nesterov(0.05, beta=0.9), Nesterov(0.1, beta=0.5)],
    [RMSprop(0.01, beta=0.9, epsilon=1e-8), RMSprop(0.02, beta=0.99, epsilon=1e-4)],
    [Adam(0.01, beta2=0.999), Adam(0.02, beta1=0.5, beta2=0.9999, epsilon=1e-6)],
    [Adam(0.01, beta1=0.8), Adam(0.01, beta1=0.9)],
    [AdamW(0.01, weight_decay=0.0), AdamW(0.02, weight_decay=0.3)],
]


@pytest.mark.parametrize("members", VARIANTS, ids=lambda members: members[0].name)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
def test_each_member_moves_as_if_alone(members: list[Optimizer], dtype: torch.dtype, tolerance: float) -> None:
    theta, gradients = draw(2, 50, dtype=dtype), draw(100, 2, 50, dtype=dtype, seed=1)
    rule = members[0].stack(members)
    assert not rule.start(theta).fused
    together = train(rule, theta, gradients, n_penalized=30)
    for index, member in enumerate(members):
        alone = train(member, theta[index], gradients[:, index], n_penalized=30)
        torch.testing.assert_close(together[index], alone, rtol=tolerance, atol=tolerance)


@each_rule
def test_a_population_with_one_rule_uses_the_kernel(rule: Optimizer) -> None:
    theta, gradients = draw(3, 20), draw(30, 3, 20, seed=1)
    assert rule.start(theta).fused == rule.has_kernel
    together = train(rule, theta, gradients, n_penalized=15)
    alone = train(rule, theta[1], gradients[:, 1], n_penalized=15)
    torch.testing.assert_close(together[1], alone, rtol=1e-12, atol=1e-12)


@each_rule
def test_scheduled_rates_of_members(rule: Optimizer) -> None:
    theta, gradients = draw(2, 20), draw(30, 2, 20, seed=1)
    rates = torch.tensor([[0.01], [0.03]], dtype=torch.float64)
    together = train(rule, theta, gradients, learning_rate=rates)
    for member, rate in enumerate((0.01, 0.03)):
        alone = train(rule, theta[member], gradients[:, member], learning_rate=rate)
        torch.testing.assert_close(together[member], alone, rtol=1e-12, atol=1e-12)


@each_rule
def test_the_scheduled_rate_replaces_the_own_one(rule: Optimizer) -> None:
    theta, gradients = draw(20), draw(5, 20, seed=1)
    other = train(replace(rule, learning_rate=0.003), theta, gradients)
    assert torch.equal(train(rule, theta, gradients, learning_rate=0.003), other)
    assert not torch.equal(train(rule, theta, gradients), other)


@each_rule
@pytest.mark.parametrize("fused", [True, False])
def test_a_saved_state_continues_bit_for_bit(rule: Optimizer, fused: bool) -> None:
    theta, gradients = draw(20), draw(20, 20, seed=1)
    through = train(rule, theta, gradients, fused)
    resumed, state = theta.clone(), rule.start(theta)
    state.fused = state.fused and fused
    for gradient in gradients[:10]:
        rule.update(resumed, gradient, state)
    saved = {name: tensor.clone() for name, tensor in state.tensors().items()}
    assert saved["step"].item() == 10
    state = rule.start(resumed)
    state.fused = state.fused and fused
    state.load(saved)
    for gradient in gradients[10:]:
        rule.update(resumed, gradient, state)
    assert torch.equal(resumed, through)


def test_load_names_what_does_not_fit() -> None:
    state = Adam().start(torch.zeros(4))
    with pytest.raises(LeadlineError, match="holds step, velocity; needed: square, step, velocity"):
        state.load(Momentum().start(torch.zeros(4)).tensors())
    with pytest.raises(LeadlineError, match=r"'velocity' has shape \(5,\); needed: \(4,\)"):
        state.load(Adam().start(torch.zeros(5)).tensors())


def test_load_forgets_a_diverged_past() -> None:
    rule, theta = RMSprop(), torch.zeros(3)
    state = rule.start(theta)
    good = {name: tensor.clone() for name, tensor in state.tensors().items()}
    rule.update(theta, torch.full((3,), torch.nan), state)
    state.load(good)
    theta.zero_()
    rule.update(theta, torch.ones(3), state)
    assert torch.isfinite(theta).all()


def test_decay_spares_what_is_not_penalized() -> None:
    theta, still = torch.ones(2, 4), torch.zeros(1, 2, 4)
    rule = AdamW(0.1, weight_decay=0.5)
    for fused in (True, False):
        decayed = train(rule, theta, still, fused, n_penalized=3)
        torch.testing.assert_close(decayed, torch.tensor([[0.95, 0.95, 0.95, 1.0]] * 2))


@each_rule
def test_denormal_and_zero_gradients_are_finite(rule: Optimizer) -> None:
    gradients = torch.tensor([[0.0, 1e-40, -1e-40, 1e-45]]).repeat(5, 1)
    for fused in (True, False):
        theta = train(rule, torch.ones(4), gradients, fused)
        assert torch.isfinite(theta).all()
        assert (theta - 1).abs().max() < 0.1


@each_rule
def test_an_update_allocates_nothing_of_the_size_of_theta(rule: Optimizer) -> None:
    n = 50_000
    theta, gradient = draw(n, dtype=torch.float32), draw(n, dtype=torch.float32, seed=1)
    for fused in (True, False):
        state = rule.start(theta)
        state.fused = state.fused and fused
        rule.update(theta, gradient, state)  # makes the scratch buffer
        with torch.profiler.profile(
            activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True, acc_events=True
        ) as profile:
            rule.update(theta, gradient, state)
        events = profile.events()
        assert events
        assert max(event.cpu_memory_usage for event in events) < n


@pytest.mark.parametrize(
    ("make", "values", "message"),
    [
        (Adam, {"learning_rate": -0.1}, "learning_rate must be greater than 0, got -0.1"),
        (Adam, {"learning_rate": 0}, "learning_rate must be greater than 0, got 0"),
        (Adam, {"learning_rate": float("inf")}, "learning_rate must be greater than 0, got inf"),
        (Adam, {"learning_rate": "fast"}, "learning_rate must be a number, got 'fast'"),
        (Momentum, {"beta": 1.0}, "beta must be at least 0 and less than 1, got 1.0"),
        (Adam, {"beta2": -0.1}, "beta2 must be at least 0 and less than 1, got -0.1"),
        (RMSprop, {"epsilon": 0.0}, "epsilon must be greater than 0, got 0.0"),
        (AdamW, {"weight_decay": -1.0}, "weight_decay must be at least 0, got -1.0"),
        (Momentum, {"bias_correction": 1}, "bias_correction must be true or false, got 1"),
        (Adam, {"learning_rate": torch.tensor([[0.1], [-0.2]])}, "learning_rate must be greater than 0, got -0.2"),
        (Adam, {"learning_rate": torch.tensor([0.1])}, "learning_rate for a population must have shape (P, 1)"),
    ],
)
def test_wrong_values_are_named(make: type[Optimizer], values: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        make(**values)
    assert str(caught.value).startswith(message)


def test_which_hyper_parameters_a_kernel_serves() -> None:
    assert all(kind().has_kernel for kind in (GradientDescent, Momentum, Nesterov, RMSprop, Adam, AdamW))
    assert not Momentum(beta=0.0).has_kernel
    assert not Adam(beta1=torch.tensor([[0.8], [0.9]])).has_kernel


def test_rules_are_values() -> None:
    assert Adam(1e-3) == Adam(learning_rate=1e-3)
    assert hash(Adam(1e-3)) == hash(Adam(1e-3))
    assert Adam(1e-3) != AdamW(1e-3)
    assert repr(Momentum(0.1)) == "Momentum(learning_rate=0.1, beta=0.9, bias_correction=False)"


def test_stack_keeps_what_is_shared_a_number() -> None:
    stacked = Adam.stack([Adam(0.1), Adam(0.2)])
    assert isinstance(stacked.learning_rate, Tensor)
    assert stacked.learning_rate.dtype == torch.float64
    assert stacked.learning_rate.tolist() == [[0.1], [0.2]]
    assert stacked.beta1 == 0.9
    assert Adam.stack([Adam(0.1), Adam(0.1)]) == Adam(0.1)
    with pytest.raises(UsageError, match="bias_correction must be the same"):
        Momentum.stack([Momentum(), Momentum(bias_correction=True)])
