"""The best of many on one dev set: corrected for the choice, it is what new examples show."""

from __future__ import annotations

import numpy as np
import pytest

from leadline.errors import UsageError
from leadline.strategy.selection_bias import corrected_best


def measured(truths: np.ndarray, m: int, draws: int, copies: int = 1, root: bool = False) -> tuple[float, float, float]:
    """Mean bias of the apparent and of the expected error of the best, and how often the interval holds the truth."""
    rng = np.random.default_rng(0)
    apparent, expected, hits = [], [], 0
    for k in range(draws):
        if root:
            losses = (truths[:, None] * rng.normal(size=(len(truths), m))) ** 2
        else:
            losses = (rng.random((len(truths), m)) < truths[:, None]).astype(float)
        groups = None if copies == 1 else np.repeat(np.arange(m), copies)
        chosen = corrected_best(np.repeat(losses, copies, axis=1), groups, root, "" if root else "%", 200, k)
        truth = truths[chosen.best]
        apparent.append(chosen.apparent - truth)
        expected.append(chosen.expected.value - truth)
        hits += chosen.expected.interval[0] <= truth <= chosen.expected.interval[1]
    return float(np.mean(apparent)), float(np.mean(expected)), hits / draws


@pytest.mark.parametrize("copies", [1, 10])
def test_without_signal_the_interval_holds_the_truth(copies):
    """T3.20: of 20 candidates that all guess, the best seems to have 45 % and is expected to have 50 %."""
    apparent, expected, covered = measured(np.full(20, 0.5), 300, 150 if copies == 1 else 60, copies)
    assert apparent < -0.04 and abs(expected) < 0.012
    assert covered >= 0.93


@pytest.mark.parametrize(("low", "high", "m"), [(0.2, 0.5, 300), (0.08, 0.12, 300), (0.1, 0.3, 1000)])
def test_with_true_differences_it_is_not_overdone(low, high, m):
    apparent, expected, covered = measured(np.linspace(low, high, 15), m, 150)
    assert apparent < 0 and abs(expected) < max(abs(apparent), 0.006)
    assert covered >= 0.91


def test_a_regression():
    apparent, expected, covered = measured(np.full(20, 2.0), 200, 60, root=True)
    assert apparent < -0.1 and abs(expected) < 0.04 and covered >= 0.9


def test_the_epoch_that_early_stopping_chose():
    """T3.20: predictions that wander without signal; neighbouring epochs are much alike."""
    rng, apparent, expected, hits = np.random.default_rng(0), [], [], 0
    for _ in range(100):
        truth, answers, losses = rng.random(200) < 0.5, rng.random(200) < 0.5, []
        for _ in range(60):
            answers = np.where(rng.random(200) < 0.05, rng.random(200) < 0.5, answers)
            losses.append(answers != truth)
        chosen = corrected_best(np.array(losses, float), resamples=200)
        apparent.append(chosen.apparent)
        expected.append(chosen.expected.value)
        hits += chosen.expected.interval[0] <= 0.5 <= chosen.expected.interval[1]
    assert np.mean(apparent) < 0.46 and np.mean(expected) == pytest.approx(0.5, abs=0.012)
    assert hits >= 92


def test_one_candidate_is_left_as_it_is():
    losses = (np.arange(200) % 5 == 0).astype(float)[None]
    chosen = corrected_best(losses)
    assert chosen.optimism == 0 and chosen.apparent == 0.2
    assert chosen.expected.interval[0] == pytest.approx(0.15, abs=0.01)
    with pytest.raises(UsageError, match="one row per candidate"):
        corrected_best([1.0, 2.0])
