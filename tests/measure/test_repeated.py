"""The mean over seeds: its interval holds seeds and examples, and covers what it states."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from leadline.errors import UsageError
from leadline.measure import metric
from leadline.measure.groups import rate
from leadline.measure.repeated import TwoWay, over_folds, over_seeds


def answers(random: np.random.Generator, k: int, m: int, seeds: float, each: float, copies: int = 1) -> np.ndarray:
    """Wrong answers (k, m): examples differ in difficulty, trainings by ``seeds``, both by ``each`` of a training."""
    hard = np.repeat(random.normal(-2, 1.5, m // copies), copies)
    own = random.normal(0, seeds, (k, 1)) + random.normal(0, each, (k, m // copies)).repeat(copies, 1)
    luck = random.random(m // copies).repeat(copies)
    return (luck < expit(hard + own)).astype(int)


def truth(seeds: float, each: float) -> float:
    random = np.random.default_rng(1)
    return float(expit(random.normal(-2, np.sqrt(1.5**2 + seeds**2 + each**2), 2_000_000)).mean())


def test_the_variance_is_that_of_a_crossed_design() -> None:
    values = np.array([[0.0, 2.0, 4.0], [1.0, 3.0, 8.0]])
    spread = TwoWay.of(values)
    assert spread.of_seeds == pytest.approx(np.var([2.0, 4.0], ddof=1) / 2)
    assert spread.of_examples == pytest.approx(np.var([0.5, 2.5, 6.0], ddof=1) / 3)
    left = values - values.mean(1, keepdims=True) - values.mean(0) + values.mean()
    assert spread.variance == pytest.approx(spread.of_seeds + spread.of_examples - (left**2).sum() / 2 / 6)


def test_equal_trainings_leave_the_interval_over_examples() -> None:
    wrong = (np.arange(400) % 8 == 0).astype(int)
    mean, alone = over_seeds(metric("error"), np.zeros(400, int), [wrong] * 5), rate(wrong == 1)
    assert mean.value == alone.value
    assert mean.interval == pytest.approx(alone.interval, abs=0.001)


def test_seeds_that_differ_widen_it() -> None:
    y = np.zeros(2000, int)
    trainings = [(np.arange(2000) % 100 < share).astype(int) for share in (5, 10, 15, 20, 25)]
    mean = over_seeds(metric("error"), y, trainings)
    assert mean.value == pytest.approx(0.15)
    # Student's t with 4 degrees of freedom of five trainings alone: ±9.8 points
    assert mean.interval[1] - mean.interval[0] > 0.15


def test_few_seeds_are_said() -> None:
    wrong = (np.arange(100) % 8 == 0).astype(int)
    assert "only 2 seeds" in over_seeds(metric("error"), np.zeros(100, int), [wrong, 1 - wrong]).warning
    with pytest.raises(UsageError, match="two trainings"):
        over_seeds(metric("error"), np.zeros(100, int), [wrong])


@pytest.mark.parametrize("name", ["f1", "roc_auc", "rmse"])
def test_other_metrics_by_the_jackknife(name: str) -> None:
    random = np.random.default_rng(0)
    found = metric(name)
    truths = random.normal(size=(600, 1)) if name == "rmse" else (random.random(600) < 0.4).astype(int)
    scores = [truths + random.normal(0, 0.7, truths.shape) for _ in range(5)]
    given = scores if name != "f1" else [(each > 0.5).astype(int) for each in scores]
    mean = over_seeds(found, truths, given)
    assert mean.value == pytest.approx(np.mean([found.value(truths, each) for each in given]))
    assert 0 < mean.interval[1] - mean.interval[0] < 0.15


def test_one_dealing_of_folds_has_the_interval_over_examples() -> None:
    wrong = (np.arange(300) % 7 == 0).astype(int)
    alone = over_folds(metric("error"), np.zeros(300, int), [wrong])
    assert alone.interval == pytest.approx(rate(wrong == 1).interval)
    assert over_folds(metric("error"), np.zeros(300, int), [wrong, 1 - wrong]).warning == ""


@pytest.mark.verify
@pytest.mark.parametrize(("seeds", "each"), [(0.0, 0.0), (0.3, 1.0), (0.2, 0.5)])
@pytest.mark.parametrize(("k", "m", "copies"), [(5, 200, 1), (5, 1000, 1), (10, 400, 1), (5, 800, 4)])
def test_coverage(k: int, m: int, copies: int, seeds: float, each: float) -> None:
    random, right = np.random.default_rng(k * m), truth(seeds, each)
    groups = None if copies == 1 else np.repeat(np.arange(m // copies), copies)
    held = 0
    for _ in range(2000):
        trainings = answers(random, k, m, seeds, each, copies)
        low, high = over_seeds(metric("error"), np.zeros(m, int), list(trainings), groups=groups).interval
        held += low <= right <= high
    assert abs(held / 2000 - 0.95) <= 0.015 + 0.007  # 0.7 points are 1.5 standard errors of 2 000 draws
