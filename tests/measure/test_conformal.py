from __future__ import annotations

import math

import numpy as np
import pytest
from mapie.classification import SplitConformalClassifier
from mapie.regression import SplitConformalRegressor
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

from leadline.errors import UsageError
from leadline.measure.conformal import class_scores, conformal, coverage_of, value_scores


def drawn(m: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels, and what a badly calibrated network says of four classes."""
    random = np.random.default_rng(seed)
    z = random.normal(size=(m, 4))
    p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    labels = (p.cumsum(1) < random.random((m, 1))).sum(1)
    sure = p**4
    return labels, sure / sure.sum(1, keepdims=True)


@pytest.mark.parametrize("coverage", [0.6, 0.9])
def test_sets_hold_the_right_class_as_often_as_asked(coverage: float) -> None:
    held = []
    for seed in range(200):
        labels, p = drawn(400, seed)
        rule = conformal(class_scores(labels[:50], p[:50]), coverage)
        held.append(rule.sets(p[50:])[np.arange(350), labels[50:]].mean())
    assert coverage - 0.01 <= np.mean(held) <= coverage + 0.03


def test_intervals_hold_the_value_as_often_as_asked() -> None:
    held = []
    for seed in range(200):
        random = np.random.default_rng(seed)
        y, predicted = random.standard_t(3, 240), np.zeros(240)
        rule = conformal(value_scores(y[:40], predicted[:40]), 0.8)
        low, high = rule.intervals(predicted[40:])
        held.append(((low <= y[40:]) & (y[40:] <= high)).mean())
    assert np.mean(held) == pytest.approx(math.ceil(41 * 0.8) / 41, abs=0.015)  # the exact value without ties


def test_each_group_is_covered_on_its_own() -> None:
    random = np.random.default_rng(0)
    groups = np.array(["quiet", "loud"])[random.integers(0, 2, 4000)]
    y = random.normal(size=4000) * np.where(groups == "loud", 5, 1)
    zero = np.zeros(4000)
    together = conformal(value_scores(y[:2000], zero[:2000]), 0.9)
    apart = conformal(value_scores(y[:2000], zero[:2000]), 0.9, groups[:2000])
    quiet = groups[2000:] == "quiet"

    def shares(low: np.ndarray, high: np.ndarray) -> tuple[float, float]:
        held = (low <= y[2000:]) & (y[2000:] <= high)
        return float(held[quiet].mean()), float(held[~quiet].mean())

    assert shares(*together.intervals(zero[2000:]))[0] > 0.98 > 0.85 > shares(*together.intervals(zero[2000:]))[1]
    assert shares(*apart.intervals(zero[2000:], groups[2000:])) == pytest.approx((0.9, 0.9), abs=0.03)
    assert apart.intervals(np.zeros(1), ["elsewhere"])[1][0] == apart.score  # a new group: what holds for all


def test_too_few_examples_promise_nothing_but_everything() -> None:
    rule = conformal([0.1, 0.2, 0.3], 0.9)
    assert rule.score == math.inf
    assert rule.sets(np.array([[0.7, 0.2, 0.1]])).all()
    assert conformal(np.arange(9), 0.9).score == 8 and conformal(np.arange(10), 0.9).score == 9


def test_the_most_probable_class_is_never_left_out() -> None:
    rule = conformal(np.full(99, 0.01), 0.5)
    assert rule.sets(np.array([[0.4, 0.35, 0.25]])).tolist() == [[True, False, False]]


def test_of_several_values_all_are_held_together() -> None:
    scores = value_scores(np.array([[1.0, 5.0], [0.0, 0.0]]), np.array([[0.0, 1.0], [0.5, -0.25]]))
    assert scores.tolist() == [4.0, 0.5]
    low, high = conformal(np.arange(1, 10), 0.5).intervals(np.zeros((2, 3)))
    assert (high == 5).all() and (low == -5).all() and low.shape == (2, 3)


def test_coverage_has_an_interval_by_groups() -> None:
    held = np.r_[np.ones(90), np.zeros(10)].astype(bool)
    alone, copied = coverage_of(held), coverage_of(np.repeat(held, 5), np.repeat(np.arange(100), 5))
    assert alone.value == copied.value == 0.9
    assert copied.interval == pytest.approx(alone.interval, abs=0.01)


@pytest.mark.parametrize("coverage", [0.0, 1.0, 1.2, -0.1])
def test_a_coverage_that_cannot_be(coverage: float) -> None:
    with pytest.raises(UsageError, match="coverage must be greater than 0 and less than 1"):
        conformal([0.1, 0.2], coverage)
    with pytest.raises(UsageError, match="there are none"):
        conformal([], 0.9)


def test_sets_and_intervals_are_those_of_mapie() -> None:
    labels, p = drawn(300, 5)
    x = np.arange(300.0)[:, None]  # a row's number stands for what a network says of it

    class Network(ClassifierMixin, BaseEstimator):
        classes_ = np.arange(4)
        fitted_ = True

        def fit(self, x: np.ndarray, y: np.ndarray) -> Network:
            return self

        def predict_proba(self, x: np.ndarray) -> np.ndarray:
            return p[x[:, 0].astype(int)]

        def predict(self, x: np.ndarray) -> np.ndarray:
            return self.predict_proba(x).argmax(1)

    theirs = SplitConformalClassifier(Network(), confidence_level=0.8, conformity_score="lac", prefit=True)
    _, sets = theirs.conformalize(x[:150], labels[:150]).predict_set(x[150:])
    ours = conformal(class_scores(labels[:150], p[:150]), 0.8).sets(p[150:])
    empty = ~sets[:, :, 0].any(1)
    assert (ours[~empty] == sets[~empty, :, 0]).all() and (ours[empty].sum(1) == 1).all()

    values = np.random.default_rng(0).normal(size=300)

    class Line(RegressorMixin, BaseEstimator):
        fitted_ = True

        def fit(self, x: np.ndarray, y: np.ndarray) -> Line:
            return self

        def predict(self, x: np.ndarray) -> np.ndarray:
            return 0.01 * x[:, 0]

    _, ends = (
        SplitConformalRegressor(Line(), confidence_level=0.8, prefit=True)
        .conformalize(x[:150], values[:150])
        .predict_interval(x[150:])
    )
    predicted = 0.01 * x[:, 0]
    low, high = conformal(value_scores(values[:150], predicted[:150]), 0.8).intervals(predicted[150:])
    assert low == pytest.approx(ends[:, 0, 0]) and high == pytest.approx(ends[:, 1, 0])
