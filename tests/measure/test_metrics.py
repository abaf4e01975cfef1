"""The registry: names, directions, tasks, segments, and the error form that the ladder needs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.special import stdtrit
from sklearn import metrics as sklearn_metrics

from leadline.errors import UsageError
from leadline.measure import METRICS, as_error, by_segment, cost_metric, evaluate, metric, metric_names, proportion
from leadline.measure.ranked import area_difference, rarest

# The hints of scikit-learn are narrower than what it documents.
sk: Any = sklearn_metrics
RNG = np.random.default_rng(0)
TRUTH = RNG.integers(0, 2, 400)
SCORES = np.clip(0.35 * TRUTH + 0.65 * RNG.random(400), 0, 1)
PREDICTED = (SCORES > 0.5).astype(int)
EXPECTED = {
    "accuracy": sk.accuracy_score(TRUTH, PREDICTED),
    "error": 1 - sk.accuracy_score(TRUTH, PREDICTED),
    "precision": sk.precision_score(TRUTH, PREDICTED),
    "recall": sk.recall_score(TRUTH, PREDICTED),
    "f1": sk.f1_score(TRUTH, PREDICTED),
    "f2": sk.fbeta_score(TRUTH, PREDICTED, beta=2),
    "f0.5": sk.fbeta_score(TRUTH, PREDICTED, beta=0.5),
    "macro_f1": sk.f1_score(TRUTH, PREDICTED, average="macro"),
    "weighted_f1": sk.f1_score(TRUTH, PREDICTED, average="weighted"),
    "macro_precision": sk.precision_score(TRUTH, PREDICTED, average="macro"),
    "weighted_precision": sk.precision_score(TRUTH, PREDICTED, average="weighted"),
    "macro_recall": sk.recall_score(TRUTH, PREDICTED, average="macro"),
    "weighted_recall": sk.recall_score(TRUTH, PREDICTED, average="weighted"),
    "balanced_accuracy": sk.balanced_accuracy_score(TRUTH, PREDICTED),
    "roc_auc": sk.roc_auc_score(TRUTH, SCORES),
    "pr_auc": sk.average_precision_score(TRUTH, SCORES),
    "log_loss": sk.log_loss(TRUTH, SCORES),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_the_value_is_scikit_learns_and_lies_in_its_interval(name):
    prediction = SCORES if metric(name).needs == "scores" else PREDICTED
    measured = evaluate(name, TRUTH, prediction)
    assert measured.value == pytest.approx(EXPECTED[name])
    assert measured.interval[0] < measured.value < measured.interval[1]


def test_every_metric_of_regression_is_there():
    values = RNG.normal(size=100)
    for name in metric_names("regression"):
        assert evaluate(name, values, values + 0.1 * RNG.normal(size=100)).has_interval


def test_every_multiclass_metric_measures_three_classes():
    truth = RNG.integers(0, 3, 200)
    p = RNG.random((200, 3)) + np.eye(3)[truth]
    p /= p.sum(1, keepdims=True)
    for name in metric_names("multiclass"):
        measured = evaluate(name, truth, p if METRICS[name].needs == "scores" else p.argmax(1), task="multiclass")
        assert measured.interval[0] <= measured.value <= measured.interval[1]


def test_multilabel_accuracy_and_error_add_up():
    truth = np.array([[1, 0], [0, np.nan], [1, 1]])
    predicted = np.array([[1, 1], [0, 0], [1, 1]])
    accuracy, error = (evaluate(name, truth, predicted, task="multilabel") for name in ("accuracy", "error"))
    assert accuracy.value == pytest.approx(0.8) == 1 - error.value
    assert accuracy.interval == pytest.approx((1 - error.interval[1], 1 - error.interval[0]))


def test_directions():
    assert {m.name for m in METRICS.values() if m.direction == "minimize"} == {
        "error",
        "log_loss",
        "ece",
        "rmse",
        "mae",
    }
    assert metric("f1").better(0.9, 0.8) and metric("rmse").better(1.0, 2.0)


def test_an_unknown_metric_gets_the_nearest_name():
    with pytest.raises(UsageError, match=r"Unknown metric 'acuracy'\. Did you mean 'accuracy'"):
        metric("acuracy")
    with pytest.raises(UsageError, match=r"does not apply to a regression task\. Allowed: rmse, mae, r2"):
        metric("accuracy", "regression")
    with pytest.raises(UsageError, match="No examples"):
        evaluate("accuracy", [], [])


def test_maximized_metrics_become_errors():
    error = as_error("accuracy", proportion(90, 100))
    assert str(error) == str(proportion(10, 100))
    assert as_error("rmse", proportion(1, 2)) == proportion(1, 2)


def test_by_segment():
    country = np.where(np.arange(400) < 100, "US", "CH")
    found = by_segment("error", country, TRUTH, PREDICTED)
    assert list(found) == ["CH", "US"]
    assert found["US"].n == 100
    assert found["CH"].value == pytest.approx(np.mean(TRUTH[100:] != PREDICTED[100:]))
    with pytest.raises(UsageError, match="one name per example"):
        by_segment("error", country[:5], TRUTH, PREDICTED)


# --- many resamples at once ---------------------------------------------------------------------------------

NOISE = np.random.default_rng(5)
LABELS = np.where(NOISE.random((60, 3)) < 0.1, np.nan, NOISE.integers(0, 2, (60, 3)))
CASES = {
    "rmse": (NOISE.normal(size=60), NOISE.normal(size=60)),
    "mae": (NOISE.normal(size=(60, 2)), NOISE.normal(size=(60, 2))),
    "log_loss": (NOISE.integers(0, 3, 60), NOISE.dirichlet(np.ones(3), 60)),
    "macro_f1": (LABELS, NOISE.integers(0, 2, (60, 3))),
    "micro_f1": (LABELS, NOISE.integers(0, 2, (60, 3))),
    "accuracy": (LABELS, NOISE.integers(0, 2, (60, 3))),
    "error": (LABELS, NOISE.integers(0, 2, (60, 3))),
    "cost": (NOISE.integers(0, 2, 60), NOISE.integers(0, 2, 60)),
}


@pytest.mark.parametrize("name", list(CASES))
def test_weights_are_repetitions_of_examples(name: str) -> None:
    truth, prediction = CASES[name]
    found = cost_metric([[0, 3], [10, 0]]) if name == "cost" else metric(name)
    of_weights = found.weighted(truth, prediction)
    assert of_weights is not None
    draws = np.random.default_rng(0).integers(0, 60, (5, 60))
    weights = np.stack([np.bincount(row, minlength=60) for row in draws]).astype(float)
    expected = [found.value(truth[row], prediction[row]) for row in draws]
    assert of_weights(weights) == pytest.approx(expected)


@pytest.mark.parametrize("name", ["roc_auc", "pr_auc"])
@pytest.mark.parametrize("classes", [2, 3])
def test_the_difference_of_two_areas_has_the_error_of_a_jackknife(name: str, classes: int) -> None:
    rng, found = np.random.default_rng(3), metric(name)
    truth = rng.integers(0, classes, 300)
    first, second = (np.eye(classes)[truth] + rng.normal(size=(300, classes)) for _ in range(2))
    if classes == 2:
        first, second = first[:, 1], second[:, 1]
    assert found.influence is not None
    values = found.value(truth, first), found.value(truth, second)
    measured = area_difference(truth, first, second, found.influence, values)
    left_out = []
    for k in range(300):
        rest = np.delete(np.arange(300), k)
        left_out.append(found.value(truth[rest], first[rest]) - found.value(truth[rest], second[rest]))
    error = (299 * np.var(left_out)) ** 0.5
    assert measured.value == values[0] - values[1]
    half = measured.interval[1] - measured.value
    assert half == pytest.approx(stdtrit(rarest(truth, first) - 1, 0.975) * error, rel=0.05)
