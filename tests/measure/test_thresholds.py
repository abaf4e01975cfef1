from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import f1_score, precision_score, recall_score

from leadline.errors import LeadlineError, UsageError
from leadline.measure import ErrorCost, configured_metrics, metric
from leadline.measure.thresholds import Limit, Threshold, choose_threshold


def scored(m: int = 400, rare: float = 0.15, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    y = (random.random(m) < rare).astype(int)
    return y, 1 / (1 + np.exp(-(random.normal(size=m) + 2.2 * y - 2.5)))


def every_threshold(s: np.ndarray) -> np.ndarray:
    values = np.unique(s)
    return np.array([values[0] / 2, *((values[1:] + values[:-1]) / 2), (1 + values[-1]) / 2])


def test_the_best_f1_of_all_thresholds() -> None:
    y, s = scored()
    found = choose_threshold(y, s, metric("f1"))
    best = max(f1_score(y, s >= t) for t in every_threshold(s)[:-1])
    assert found.score is not None and found.score.value == pytest.approx(best)
    assert f1_score(y, s >= found.value.value) == pytest.approx(best)
    assert found.usual is not None and found.usual.value < best
    assert found.usual.value == pytest.approx(f1_score(y, s >= 0.5))
    low, high = found.value.interval
    assert 0 < low < found.value.value < high < 1 and found.optimism > 0


def test_the_most_precision_with_enough_recall() -> None:
    y, s = scored()
    found = choose_threshold(y, s, metric("precision"), [Limit(metric("recall"), 0.8, at_most=False)])
    allowed = [t for t in every_threshold(s) if recall_score(y, s >= t) >= 0.8]
    best = max(precision_score(y, s >= t) for t in allowed)
    assert recall_score(y, s >= found.value.value) >= 0.8
    assert precision_score(y, s >= found.value.value) == pytest.approx(best)
    assert found.limits == ("recall >= 0.8",)


def test_the_least_cost_is_near_the_threshold_of_the_costs() -> None:
    """With calibrated probabilities an alarm pays where p · c(miss) > (1 − p) · c(false alarm)."""
    random = np.random.default_rng(1)
    s = random.random(20_000)
    y = (random.random(20_000) < s).astype(int)
    costs = configured_metrics("binary", ("no", "yes"), [ErrorCost("yes", "no", 4.0), ErrorCost("no", "yes", 1.0)])
    found = choose_threshold(y, s, costs["cost"], resamples=100)
    assert found.value.value == pytest.approx(1 / 5, abs=0.04)
    low, high = found.value.interval
    assert low < 0.2 < high


def test_false_alarms_are_kept_below_a_limit() -> None:
    y, s = scored(2000)
    alarms = configured_metrics("binary", ("quiet", "alarm"), seconds_per_example=10)["false_alarms_per_day"]
    found = choose_threshold(y, s, metric("recall"), [Limit(alarms, 100.0, at_most=True)], resamples=50)
    false = ((s >= found.value.value) & (y == 0)).sum()
    assert false * 24 * 3600 / (2000 * 10) <= 100
    just_lower = np.sort(s[s < found.value.value])[-1]
    lower = ((s >= just_lower) & (y == 0)).sum() * 24 * 3600 / 20_000 > 100
    assert lower or recall_score(y, s >= just_lower) == recall_score(y, s >= found.value.value)


def test_optimism_is_how_much_worse_new_examples_are() -> None:
    chosen, told = [], []
    y_new, s_new = scored(20_000, seed=99)
    for seed in range(30):
        found = choose_threshold(*scored(120, seed=seed), metric("f1"), resamples=100)
        assert found.score is not None
        chosen.append(found.score.value - f1_score(y_new, s_new >= found.value.value))
        told.append(found.optimism)
    assert np.mean(chosen) > 0.03 and np.mean(told) == pytest.approx(np.mean(chosen), abs=0.05)


def test_examples_of_a_group_are_drawn_together() -> None:
    y, s = scored(100)
    groups = np.repeat(np.arange(100), 5)
    alone = choose_threshold(y, s, metric("accuracy"))
    copied = choose_threshold(np.repeat(y, 5), np.repeat(s, 5), metric("accuracy"), groups=groups)
    assert copied.value.interval == pytest.approx(alone.value.interval)


def test_what_cannot_be_chosen() -> None:
    y, s = scored()
    with pytest.raises(UsageError, match="by roc_auc, no function of counts"):
        choose_threshold(y, s, metric("roc_auc"))
    with pytest.raises(LeadlineError, match="both classes"):
        choose_threshold(np.zeros(9, int), s[:9], metric("f1"))
    with pytest.raises(LeadlineError, match=r"No threshold reaches precision >= 1.5 .*best is"):
        choose_threshold(y, s, metric("f1"), [Limit(metric("precision"), 1.5, at_most=False)])
    both = [Limit(metric("recall"), 1.0, at_most=False), Limit(metric("precision"), 0.99, at_most=False)]
    with pytest.raises(LeadlineError, match="together on the dev set"):
        choose_threshold(y, s, metric("f1"), both)


def test_json_gives_the_same_threshold_back() -> None:
    found = choose_threshold(*scored(), metric("f1"), [Limit(metric("recall"), 0.5, at_most=False)], resamples=20)
    assert Threshold.from_json(found.to_json()) == found
    assert "chosen for f1 with recall >= 0.5" in str(found)
