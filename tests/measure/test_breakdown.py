"""Metrics over all examples, by class and by segment: the parts are what measuring them alone gives."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from leadline.errors import UsageError
from leadline.measure import Breakdown, break_down, evaluate, metric_names, segment_names

sk: Any = sklearn_metrics
RNG = np.random.default_rng(0)
TRUTH = RNG.integers(0, 3, 300)
SCORES = RNG.random((300, 3)) + 1.2 * np.eye(3)[TRUTH]
SCORES /= SCORES.sum(1, keepdims=True)
PREDICTED = SCORES.argmax(1)
DISTRICT = RNG.choice(["North", "South", ""], 300)


def three_classes() -> Breakdown:
    return break_down("multiclass", TRUTH, PREDICTED, SCORES, ("a", "b", "c"), {"district": DISTRICT})


def test_overall_holds_every_metric_of_the_task():
    found = three_classes()
    assert set(found.overall) == set(metric_names("multiclass")) and found.n == 300
    assert found.overall["roc_auc"].value == pytest.approx(sk.roc_auc_score(TRUTH, SCORES, multi_class="ovr"))
    assert found.overall["error"] == evaluate("error", TRUTH, PREDICTED)


def test_each_class_has_scikit_learns_precision_recall_and_f1():
    precision, recall, f1, counts = sk.precision_recall_fscore_support(TRUTH, PREDICTED)
    for k, (name, row) in enumerate(three_classes().classes.items()):
        assert name == "abc"[k]
        assert [row[m].value for m in ("precision", "recall", "f1")] == pytest.approx([precision[k], recall[k], f1[k]])
        assert row["recall"].n == counts[k]


def test_each_segment_is_measured_alone_and_missing_values_are_one():
    rows = three_classes().segments["district"]
    assert list(rows) == ["North", "South", "(missing)"]
    inside = DISTRICT == "North"
    assert rows["North"]["error"] == evaluate("error", TRUTH[inside], PREDICTED[inside])
    assert sum(row["error"].n or 0 for row in rows.values()) == 300


def test_segments_have_the_optimized_metric_too_where_it_is_defined():
    scores, truth = SCORES[:, :2] / SCORES[:, :2].sum(1, keepdims=True), (TRUTH == 1).astype(int)
    truth[DISTRICT == ""] = 0
    found = break_down("binary", truth, scores.argmax(1), scores, (), {"d": DISTRICT}, "roc_auc")
    assert "roc_auc" in found.segments["d"]["North"] and "roc_auc" not in found.segments["d"]["(missing)"]
    assert "macro_f1" not in found.segments["d"]["North"]


def test_calibration_bins_hold_all_examples():
    bins = three_classes().calibration
    assert sum(b.accuracy.n or 0 for b in bins) == 300
    right = np.average([b.accuracy.value for b in bins], weights=[b.accuracy.n or 0 for b in bins])
    assert right == pytest.approx(np.mean(TRUTH == PREDICTED))
    assert all(b.accuracy.interval[0] <= b.accuracy.value <= b.accuracy.interval[1] for b in bins)


def test_labels_of_a_multilabel_task_are_measured_where_they_are_known():
    t = np.array([[1, 0], [0, np.nan], [1, 1], [0, 0]])
    p = np.array([[1, 1], [1, 0], [1, 1], [0, 0]])
    found = break_down("multilabel", t, p, None, ("sun", "rain"))
    assert found.classes["sun"]["error"].value == 0.25 and found.classes["sun"]["error"].n == 4
    assert found.classes["rain"]["error"].value == pytest.approx(1 / 3) and found.classes["rain"]["error"].n == 3
    assert found.overall["exact_match"].value == 0.5
    assert found.overall["micro_f1"].value == pytest.approx(6 / 8)


def test_multilabel_f1_is_scikit_learns():
    t, p = RNG.integers(0, 2, (80, 4)), RNG.integers(0, 2, (80, 4))
    t[:, 3] = p[:, 3] = 0
    found = break_down("multilabel", t, p).overall
    for average in ("macro", "micro"):
        measured = found[f"{average}_f1"]
        assert measured.value == pytest.approx(sk.f1_score(t, p, average=average, zero_division=0))
        assert measured.interval[0] < measured.value < measured.interval[1]


def test_several_targets_of_a_regression_are_told_apart():
    y = RNG.normal(size=(100, 2))
    found = break_down("regression", y, y + np.array([0.1, 2.0]), None, ("x", "y"), {"half": np.arange(100) < 50})
    assert found.classes["x"]["mae"].value == pytest.approx(0.1)
    assert found.classes["y"]["rmse"].value == pytest.approx(2.0)
    assert list(found.segments["half"]) == ["False", "True"]
    assert break_down("regression", y[:, :1], y[:, :1] + 1).classes == {}


def test_it_survives_json():
    found = three_classes()
    assert Breakdown.from_json(json.loads(json.dumps(found.to_json()))) == found


def test_many_numbers_become_quarters_and_many_names_leave_others():
    numbers = segment_names(np.append(np.arange(100.0), np.nan))
    names, counts = np.unique(numbers, return_counts=True)
    assert sorted(names) == sorted(["≤ 25", "25 to 50", "50 to 74", "> 74", "(missing)"])
    assert counts.min() == 1 and sorted(counts)[1:] == [24, 25, 25, 26]
    assert list(np.unique(segment_names([1, 2, 2]))) == ["1", "2"]
    towns = segment_names([f"town {k}" for k in range(40)] + ["town 3"] * 5)
    assert len(np.unique(towns)) == 30 and (towns == "(others)").sum() == 11


def test_quarters_come_in_their_order():
    found = break_down("regression", np.zeros(100), np.ones(100), segments={"age": np.arange(100.0)})
    assert list(found.segments["age"]) == ["≤ 25", "25 to 50", "50 to 74", "> 74"]


def test_arrays_that_do_not_fit_are_refused():
    with pytest.raises(UsageError, match="one prediction per example"):
        break_down("binary", [0, 1], [0])
    with pytest.raises(UsageError, match="Segment 'd' needs one value per example"):
        break_down("binary", [0, 1], [0, 1], segments={"d": ["a"]})


def test_a_thousand_classes_take_neither_minutes_nor_memory():
    truth = RNG.integers(0, 1000, 3000)
    predicted = np.where(RNG.random(3000) < 0.2, (truth + 1) % 1000, truth)
    found = evaluate("macro_f1", truth, predicted)
    assert found.value == pytest.approx(sk.f1_score(truth, predicted, average="macro"))
    assert found.interval[0] < found.value < found.interval[1]
