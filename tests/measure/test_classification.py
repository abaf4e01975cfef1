"""Every metric of a classifier equals scikit-learn's, and its interval covers."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sklearn_metrics

from leadline.errors import UsageError
from leadline.measure import calibration_curve, class_metrics, confusion_matrix, false_alarms_per_day, mean_cost
from leadline.measure import classification as c

# The hints of scikit-learn are narrower than what it documents.
sk: Any = sklearn_metrics
RNG = np.random.default_rng(0)


def labels(k, m=300, right=0.7):
    truth = RNG.integers(0, k, m)
    return truth, np.where(RNG.random(m) < right, truth, RNG.integers(0, k, m))


def probabilities(truth, k):
    scores = RNG.random((len(truth), k)) + 0.8 * np.eye(k)[truth]
    return scores / scores.sum(1, keepdims=True)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=40))
@settings(max_examples=60, deadline=None)
def test_confusion_metrics_equal_scikit_learns_also_with_empty_classes(pairs):
    truth, predicted = np.array(pairs).T
    confusion = confusion_matrix(truth, predicted, 4)
    np.testing.assert_array_equal(confusion, sk.confusion_matrix(truth, predicted, labels=range(4)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for ours, theirs in ((c.precision, sk.precision_score), (c.recall, sk.recall_score), (c.f1, sk.f1_score)):
            per_class = theirs(truth, predicted, average=None, labels=range(4), zero_division=0)
            np.testing.assert_allclose(ours(confusion), per_class)
            for kind in (c.macro, c.weighted):
                expected = theirs(truth, predicted, average=kind.__name__, zero_division=0)
                assert kind(ours(confusion), confusion) == pytest.approx(expected)
        expected = sk.fbeta_score(truth, predicted, beta=2, average=None, labels=range(4), zero_division=0)
        np.testing.assert_allclose(c.f_beta(confusion, 2.0), expected)
        assert c.balanced_accuracy(confusion) == pytest.approx(sk.balanced_accuracy_score(truth, predicted))
    assert c.accuracy(confusion) == pytest.approx(sk.accuracy_score(truth, predicted))


def test_a_stack_of_confusion_matrices_is_evaluated_at_once():
    stack = RNG.integers(0, 9, (5, 3, 3))
    np.testing.assert_allclose(c.f1(stack), [c.f1(one) for one in stack])
    np.testing.assert_allclose(c.macro(c.f1(stack), stack), [c.macro(c.f1(one), one) for one in stack])


def test_areas_equal_scikit_learns_also_with_ties():
    truth, _ = labels(2)
    for scores in (probabilities(truth, 2), np.round(probabilities(truth, 2), 1)):
        assert c.roc_auc(truth, scores) == pytest.approx(sk.roc_auc_score(truth, scores[:, 1]))
        assert c.pr_auc(truth, scores) == pytest.approx(sk.average_precision_score(truth, scores[:, 1]))
        assert c.roc_auc(truth, scores[:, 1]) == c.roc_auc(truth, scores)
    truth, _ = labels(4)
    scores = probabilities(truth, 4)
    assert c.roc_auc(truth, scores) == pytest.approx(sk.roc_auc_score(truth, scores, multi_class="ovr"))
    assert c.pr_auc(truth, scores) == pytest.approx(sk.average_precision_score(np.eye(4)[truth], scores))


def test_areas_without_a_class_are_undefined():
    assert np.isnan(c.roc_auc([0, 0], [0.1, 0.2]))
    assert np.isnan(c.pr_auc([0, 0], [0.1, 0.2]))


@pytest.mark.parametrize("k", [2, 5])
def test_log_loss_equals_scikit_learns(k):
    truth, _ = labels(k)
    p = probabilities(truth, k)
    assert c.log_loss(truth, p) == pytest.approx(sk.log_loss(truth, p, labels=range(k)))


def test_log_loss_of_certain_mistakes_is_finite():
    p = np.array([[1.0, 0.0], [0.0, 1.0]])
    assert c.log_loss([1, 1], p) == pytest.approx(sk.log_loss([1, 1], p, labels=[0, 1]))


def test_calibration_error_equals_its_definition():
    truth, _ = labels(3)
    p = probabilities(truth, 3)
    expected = 0.0
    for low in np.arange(10) / 10:
        inside = (p.max(1) > low) & (p.max(1) <= low + 0.1)
        if inside.any():
            gap = p.max(1)[inside].mean() - (p.argmax(1) == truth)[inside].mean()
            expected += inside.mean() * abs(gap)
    assert c.calibration_error(truth, p) == pytest.approx(expected)
    assert sum(share for _, _, share in calibration_curve(truth, p)) == pytest.approx(1)


def test_a_confidence_on_the_edge_belongs_to_the_bin_below():
    (first, second) = calibration_curve([1, 1, 1], [0.5, 0.51, 0.59])
    assert first == (0.5, 0.0, pytest.approx(1 / 3))
    assert second[0] == pytest.approx(0.55)


def test_a_calibrated_classifier_has_a_small_calibration_error():
    p = RNG.uniform(0.5, 1, 100_000)
    truth = (RNG.random(100_000) < p).astype(int)
    assert c.calibration_error(truth, p) < 0.01
    assert c.calibration_error(truth, np.minimum(p + 0.1, 1)) > 0.05


def test_metrics_by_class_carry_wilsons_interval_of_their_own_share():
    rows = class_metrics([[40, 10], [5, 45]])
    assert str(rows[0]["recall"]) == "80.0 % (67.0 to 88.8 %, n = 50)"
    assert rows[0]["precision"].n == 45
    assert rows[1]["f1"].value == pytest.approx(2 * 45 / (50 + 55))


def test_the_interval_of_f1_covers_95_percent():
    rng = np.random.default_rng(0)
    shares = np.array([0.15, 0.04, 0.06, 0.75]) * rng.uniform(0.9, 1.1, (20_000, 4))
    shares /= shares.sum(1, keepdims=True)
    counts = rng.multinomial(1000, shares)
    low, high = c.f1_interval(counts[:, 0], counts[:, 1], counts[:, 2])
    truth = 2 * shares[:, 0] / (2 * shares[:, 0] + shares[:, 1] + shares[:, 2])
    assert np.mean((low <= truth) & (truth <= high)) == pytest.approx(0.95, abs=0.015)


def test_errors_have_their_price():
    confusion = [[90, 10], [2, 98]]
    assert mean_cost(confusion, [[0, 1], [50, 0]]) == pytest.approx((10 + 100) / 200)
    with pytest.raises(UsageError, match="shape"):
        mean_cost(confusion, [[0, 1, 2]])


def test_false_alarms_per_day():
    assert str(false_alarms_per_day(3, 48)) == "1.5 per 24 h (0.5 to 4.4)"
    assert false_alarms_per_day(0, 24).interval[0] == 0
    rng = np.random.default_rng(0)
    counts, hours, rate = rng.poisson(20, 5000), 240.0, 2.0
    covered = [low <= rate <= high for low, high in (false_alarms_per_day(int(k), hours).interval for k in counts)]
    assert np.mean(covered) == pytest.approx(0.95, abs=0.015)
    with pytest.raises(UsageError, match="more than 0 hours"):
        false_alarms_per_day(1, 0)


def test_multilabel_error_leaves_missing_labels_out():
    truth = np.array([[1, 0, np.nan], [0, np.nan, 1]])
    predicted = np.array([[1, 1, 1], [0, 0, 1]])
    measured = c.multilabel_error(truth, predicted)
    assert measured.value == pytest.approx(1 / 4)
    assert measured.n == 2
    with pytest.raises(UsageError, match="No label is known"):
        c.multilabel_error(np.full((2, 2), np.nan), np.ones((2, 2)))


def test_multilabel_interval_covers_although_labels_go_together():
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(4000):
        # Half of an example's labels are wrong together, or none.
        wrong = np.repeat(rng.random((300, 1)) < 0.2, 4, axis=1) & (rng.random((300, 4)) < 0.5)
        low, high = c.multilabel_error(np.zeros((300, 4)), wrong.astype(float)).interval
        hits += low <= 0.1 <= high
    assert hits / 4000 == pytest.approx(0.95, abs=0.015)


def test_bad_labels_are_named():
    with pytest.raises(UsageError, match="between 0 and 1, got 0 to 3"):
        confusion_matrix([0, 3], [1, 1], 2)
    with pytest.raises(UsageError, match="one length"):
        confusion_matrix([0, 1], [1])
    with pytest.raises(UsageError, match="one row per example"):
        c.roc_auc([0, 1], [[0.5, 0.5]])
