from __future__ import annotations

import numpy as np
import pytest

from leadline.soundings.effects import (
    CANNOT_TELL,
    HELPS,
    HURTS,
    Effect,
    chance_of_gain,
    effect,
    outcome,
    shrunk,
    usual_variance,
    verdict,
)
from leadline.soundings.scores import Score


def scores(errors: list[float], draws: np.ndarray) -> list[Score]:
    return [Score(error, error + draws) for error in errors]


def test_what_both_find_hard_cancels():
    shared = 0.01 * np.random.default_rng(0).standard_normal(200)
    found = effect(scores([0.1, 0.102, 0.098], shared), scores([0.08, 0.082, 0.078], shared))
    assert found.value == pytest.approx(-0.02)
    assert found.sampling < 1e-12
    assert found.seeds > 0
    own = 0.01 * np.random.default_rng(1).standard_normal(200)
    apart = effect(scores([0.1, 0.102, 0.098], shared), scores([0.08, 0.082, 0.078], own))
    assert apart.sampling == pytest.approx(0.01 * 2**0.5, rel=0.15)


def test_intervals_of_effects_hold_the_truth():
    """Over draws of the dev set and of the seeds, from a model with both kinds of luck."""
    random, held, trials, m, seeds = np.random.default_rng(5), 0, 200, 400, 4
    for _ in range(trials):
        hard = random.random(m) < 0.2
        first = hard & (random.random((seeds, m)) < 0.6 + 0.02 * random.standard_normal((seeds, 1)))
        second = hard & (random.random((seeds, m)) < 0.5 + 0.02 * random.standard_normal((seeds, 1)))
        counts = random.multinomial(m, np.full(m, 1 / m), size=200)
        groups = [[Score(float(w.mean()), counts @ w / m) for w in wrong] for wrong in (first, second)]
        low, high = effect(*groups).measured("points").interval
        held += low <= -0.02 <= high
    assert 0.9 * trials <= held


def test_more_seeds_tell_more():
    random = np.random.default_rng(2)
    draws = np.zeros(50)
    few = effect(scores([0.1, 0.11, 0.09], draws), scores([0.09, 0.1, 0.08], draws))
    errors = list(0.1 + 0.01 * random.standard_normal(20))
    many = effect(scores(errors, draws), scores([e - 0.01 for e in errors], draws))
    assert many.seeds < 0.5 * few.seeds


def test_verdicts():
    assert verdict(Effect(-0.03, 0.005, 0.005, 0.01)) == HELPS
    assert verdict(Effect(0.03, 0.005, 0.005, 0.01)) == HURTS
    assert verdict(Effect(-0.01, 0.005, 0.005, 0.01)) == CANNOT_TELL
    assert verdict(Effect(-0.016, 0.005, 0.005, 0.01)) == HELPS
    assert verdict(Effect(-0.016, 0.005, 0.005, 0.01), comparisons=12) == CANNOT_TELL


def test_the_winner_of_many_without_effect_is_drawn_back():
    """Of 12 remedies that do nothing, the best looks good; shrinkage takes most of it back, and leaves real ones."""
    random = np.random.default_rng(4)
    looked, kept, real = [], [], []
    for _ in range(200):
        effects = [Effect(float(v), 0.0, 0.01, 0.01) for v in 0.01 * random.standard_normal(12)]
        best = min(effects, key=lambda e: e.value)
        looked.append(best.value)
        kept.append(shrunk(best, usual_variance(effects, error=0.1)).value)
        effects[0] = Effect(-0.08, 0.0, 0.01, 0.01)
        real.append(shrunk(effects[0], usual_variance(effects, error=0.1)).value)
    assert np.mean(looked) < -0.015
    assert np.mean(kept) > 0.5 * np.mean(looked)
    assert np.mean(real) < -0.065


def test_harm_beyond_doubt_does_not_make_gains_likelier():
    small = [Effect(v, 0.0, 0.01, 0.01) for v in (-0.01, 0.005, 0.01)]
    assert usual_variance([*small, Effect(0.5, 0.0, 0.01, 0.01)], 0.1) == usual_variance(small, 0.1)


def test_the_outcome_has_the_luck_of_one_more_training():
    found = Effect(-0.02, 0.02, 0.004, 0.01)
    expected = outcome(found, 0.1, usual=1.0, unit="%")
    low, high = expected.interval
    assert expected.value == pytest.approx(0.08, abs=1e-4)
    assert expected.level == 0.9
    assert high - low == pytest.approx(2 * 1.645 * np.hypot(0.004, 0.01), rel=0.01)  # not the dev set's: it is the same
    assert outcome(found, 0.005, 1.0, "%").interval[0] == 0


def test_chance_of_gain():
    assert chance_of_gain(Effect(-0.01, 0.0, 0.01, 0.01)) == pytest.approx(0.841, abs=1e-3)
    assert chance_of_gain(Effect(0.0, 0.0, 0.01, 0.01)) == 0.5
    assert chance_of_gain(Effect(-0.01, 0.0, 0.0, 0.0)) == 1
