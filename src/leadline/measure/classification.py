"""Metrics of classifiers: from confusion matrices, from scores, and for several labels per example.

Functions of a confusion matrix accept leading axes (…, K, K), rows the truth and columns the prediction, so
that a bootstrap evaluates all its resamples at once. Values equal scikit-learn's; an undefined ratio (0 / 0)
is 0, as there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leadline.errors import UsageError
from leadline.measure.groups import clustered_rate, design_effect, few_groups, group_codes
from leadline.measure.intervals import Estimate, normal_quantile, wilson

Array = NDArray[Any]
# Cells of a confusion matrix above which resamples lose classes.
MANY_CELLS = 10_000


def confusion_matrix(y_true: ArrayLike, y_pred: ArrayLike, n_classes: int | None = None) -> Array:
    """Counts (K, K), true class by predicted class, from integer labels (m,) in 0…K−1.

    Raises:
        UsageError: if the lengths differ or a label lies outside the classes.

    """
    matches(y_true, y_pred)
    t, p = np.asarray(y_true).astype(np.int64), np.asarray(y_pred).astype(np.int64)
    highest = int(max(t.max(initial=0), p.max(initial=0)))
    k = n_classes or highest + 1
    if highest >= k or min(t.min(initial=0), p.min(initial=0)) < 0:
        raise UsageError(f"Labels must lie between 0 and {k - 1}, got {min(t.min(), p.min())} to {highest}.")
    return np.bincount(t * k + p, minlength=k * k).reshape(k, k)


def matches(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """Whether each prediction is right (m,).

    Raises:
        UsageError: if the shapes differ.

    """
    t, p = np.asarray(y_true), np.asarray(y_pred)
    if t.shape != p.shape or t.ndim != 1:
        raise UsageError(f"Truth and prediction must be lists of one length, got shapes {t.shape} and {p.shape}.")
    return np.asarray(t == p)


def _ratio(top: Array, bottom: Array) -> Array:
    top, bottom = np.broadcast_arrays(np.asarray(top, float), np.asarray(bottom, float))
    return np.divide(top, bottom, out=np.zeros(bottom.shape), where=bottom != 0)


def _parts(confusion: ArrayLike) -> tuple[Array, Array, Array]:
    """Hits, true counts and predicted counts per class, each (…, K)."""
    c = np.asarray(confusion, float)
    return np.diagonal(c, axis1=-2, axis2=-1), c.sum(-1), c.sum(-2)


def accuracy(confusion: ArrayLike) -> Array:
    """Share of examples on the diagonal (…,)."""
    hits, true, _ = _parts(confusion)
    return _ratio(hits.sum(-1), true.sum(-1))


def precision(confusion: ArrayLike) -> Array:
    """Per class (…, K): of the examples predicted as the class, the share that is of it."""
    hits, _, predicted = _parts(confusion)
    return _ratio(hits, predicted)


def recall(confusion: ArrayLike) -> Array:
    """Per class (…, K): of the examples of the class, the share that is predicted as it."""
    hits, true, _ = _parts(confusion)
    return _ratio(hits, true)


def f_beta(confusion: ArrayLike, beta: float = 1.0) -> Array:
    """Per class (…, K): weighted harmonic mean of precision and recall; β above 1 favours recall."""
    hits, true, predicted = _parts(confusion)
    return _ratio((1 + beta**2) * hits, beta**2 * true + predicted)


def f1(confusion: ArrayLike) -> Array:
    """Per class (…, K): harmonic mean of precision and recall."""
    return f_beta(confusion)


def macro(per_class: Array, confusion: ArrayLike) -> Array:
    """Plain mean over the classes that occur in truth or prediction, (…, K) → (…,)."""
    _, true, predicted = _parts(confusion)
    return _ratio((per_class * (true + predicted > 0)).sum(-1), (true + predicted > 0).sum(-1))


def weighted(per_class: Array, confusion: ArrayLike) -> Array:
    """Mean over classes weighted by their true counts, (…, K) → (…,)."""
    _, true, _ = _parts(confusion)
    return _ratio((per_class * true).sum(-1), true.sum(-1))


def balanced_accuracy(confusion: ArrayLike) -> Array:
    """Mean recall over the classes that occur in the truth (…,)."""
    _, true, _ = _parts(confusion)
    return _ratio((recall(confusion) * (true > 0)).sum(-1), (true > 0).sum(-1))


def mean_cost(confusion: ArrayLike, costs: ArrayLike) -> Array:
    """Average cost per example (…,), where ``costs`` (K, K) prices each kind of error (true by predicted).

    Raises:
        UsageError: if the costs have another shape.

    """
    c, price = np.asarray(confusion, float), np.asarray(costs, float)
    if price.shape != c.shape[-2:]:
        raise UsageError(f"Costs need the shape {c.shape[-2:]} (true by predicted class), got {price.shape}.")
    return _ratio((c * price).sum((-2, -1)), c.sum((-2, -1)))


def f1_interval(
    hits: ArrayLike, misses: ArrayLike, false_alarms: ArrayLike, level: float = 0.95
) -> tuple[Array, Array]:
    """Interval of F1, which is a growing function 2J / (1 + J) of the proportion J = hits / (all three)."""
    total = np.asarray(hits, float) + np.asarray(misses) + np.asarray(false_alarms)
    low, high = wilson(hits, total, level)
    return 2 * low / (1 + low), 2 * high / (1 + high)


def class_metrics(confusion: ArrayLike, level: float = 0.95) -> list[dict[str, Estimate]]:
    """Precision, recall and F1 of every class of a confusion matrix (K, K), with intervals.

    ``n`` is what each is a share of: predicted examples, true examples, and all that are hit, missed or
    falsely hit.
    """
    hits, true, predicted = _parts(confusion)
    rows = []
    for k in range(len(hits)):
        shares = {"precision": (hits[k], predicted[k]), "recall": (hits[k], true[k])}
        row = {name: _share(top, n, level) for name, (top, n) in shares.items()}
        union = true[k] + predicted[k] - hits[k]
        low, high = f1_interval(hits[k], true[k] - hits[k], predicted[k] - hits[k], level)
        row["f1"] = Estimate(float(f1(confusion)[k]), float(low), float(high), int(union), level)
        rows.append(row)
    return rows


def _share(top: float, n: float, level: float) -> Estimate:
    low, high = wilson(top, n, level)
    return Estimate(float(_ratio(np.asarray(top), np.asarray(n))), float(low), float(high), int(n), level)


def grouped_class_metrics(
    y_true: ArrayLike, y_pred: ArrayLike, classes: Sequence[int], groups: ArrayLike, level: float = 0.95
) -> list[dict[str, Estimate]]:
    """`class_metrics` of these classes where examples go together: labels, predictions and groups, (m,) each."""
    t, p, codes = np.asarray(y_true), np.asarray(y_pred), np.asarray(groups)
    rows = []
    for k in classes:
        true, predicted = t == k, p == k
        hit, union = true & predicted, true | predicted
        row = {
            name: _share_in_groups(hit, base, codes, level)
            for name, base in (("precision", predicted), ("recall", true))
        }
        jaccard = _share_in_groups(hit, union, codes, level)
        value, low, high = (2 * j / (1 + j) for j in (jaccard.value, *jaccard.interval))
        row["f1"] = replace(jaccard, value=value, low=low, high=high)
        rows.append(row)
    return rows


def _share_in_groups(top: Array, base: Array, groups: Array, level: float) -> Estimate:
    if not base.any():
        return Estimate(0.0, 0.0, 1.0, 0, level)
    return clustered_rate(top[base], np.ones(int(base.sum())), level, groups[base])


def roc_auc(y_true: ArrayLike, scores: ArrayLike) -> float:
    """Area under the ROC curve: the chance that a positive example scores above a negative one, ties half.

    ``scores`` is (m,) for two classes, or (m, K) for K (one class against the rest, plain mean). NaN if a
    class is missing from the truth.
    """
    t, s = np.asarray(y_true), _scores(y_true, scores)
    if s.ndim == 2:
        return float(np.mean([roc_auc(t == k, s[:, k]) for k in range(s.shape[1])]))
    positive = t.astype(bool)
    n_pos, n_neg = int(positive.sum()), int((~positive).sum())
    if not n_pos or not n_neg:
        return float("nan")
    _, group, counts = np.unique(s, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[group]
    return float((ranks[positive].sum() - n_pos * (n_pos + 1) / 2) / (n_pos * n_neg))


def pr_auc(y_true: ArrayLike, scores: ArrayLike) -> float:
    """Area under the precision-recall curve as average precision: Σ (recall step · precision).

    Shapes as in ``roc_auc``; NaN if a class is missing from the truth.
    """
    t, s = np.asarray(y_true), _scores(y_true, scores)
    if s.ndim == 2:
        return float(np.mean([pr_auc(t == k, s[:, k]) for k in range(s.shape[1])]))
    order = np.argsort(-s, kind="stable")
    positive, s = t.astype(bool)[order], s[order]
    if not positive.any():
        return float("nan")
    last_of_ties = np.append(np.flatnonzero(np.diff(s)), len(s) - 1)
    hits = np.cumsum(positive)[last_of_ties]
    return float(np.sum(np.diff(hits, prepend=0) / hits[-1] * hits / (last_of_ties + 1)))


def log_loss(y_true: ArrayLike, probabilities: ArrayLike) -> float:
    """Mean of −log of the probability given to the true class; shapes as in ``roc_auc``."""
    return float(example_log_loss(y_true, probabilities).mean())


def example_log_loss(y_true: ArrayLike, probabilities: ArrayLike) -> Array:
    """−log of the probability of each example's true class (m,), never infinite."""
    p = two_columns(y_true, probabilities)
    # Rows that do not quite sum to 1 (float32) are scaled, and 0 becomes the smallest step of the number
    # format.
    p = p / p.sum(1, keepdims=True)
    chosen = p[np.arange(len(p)), np.asarray(y_true).astype(np.int64)]
    return -np.log(np.clip(chosen, np.finfo(float).eps, 1))


def calibration_error(y_true: ArrayLike, probabilities: ArrayLike, bins: int = 10) -> float:
    """Expected calibration error: mean over equally wide bins of |confidence − accuracy|, weighted by their
    size.

    Source: Naeini et al. (2015), Guo et al. (2017). Confidence is the probability of the predicted class.
    """
    return float(sum(b[2] * abs(b[0] - b[1]) for b in calibration_curve(y_true, probabilities, bins)))


def calibration_curve(y_true: ArrayLike, probabilities: ArrayLike, bins: int = 10) -> list[tuple[float, float, float]]:
    """Per non-empty bin of confidence: mean confidence, accuracy, share of the examples."""
    right, confidence, place = confidence_bins(y_true, probabilities, bins)
    curve = []
    for b in np.unique(place):
        inside = place == b
        curve.append((float(confidence[inside].mean()), float(right[inside].mean()), float(inside.mean())))
    return curve


def confidence_bins(y_true: ArrayLike, probabilities: ArrayLike, bins: int = 10) -> tuple[Array, Array, Array]:
    """Whether each prediction is right, its probability, and the number of the equally wide bin of that, (m,) each."""
    p = two_columns(y_true, probabilities)
    confidence, right = p.max(1), p.argmax(1) == np.asarray(y_true)
    return right, confidence, np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)


def two_columns(y_true: ArrayLike, probabilities: ArrayLike) -> Array:
    """Probabilities as (m, K), also where only the second class's are given as (m,)."""
    p = _scores(y_true, probabilities)
    return np.stack([1 - p, p], axis=1) if p.ndim == 1 else p


def _scores(y_true: ArrayLike, scores: ArrayLike) -> Array:
    t, s = np.asarray(y_true), np.asarray(scores, float)
    if s.ndim == 2 and s.shape[1] == 1:
        s = s[:, 0]
    if t.ndim != 1 or s.ndim not in (1, 2) or len(s) != len(t) or not len(t):
        raise UsageError(f"Scores need one row per example: got shapes {t.shape} (truth) and {s.shape} (scores).")
    return s[:, 1] if s.ndim == 2 and s.shape[1] == 2 else s


def multilabel_error(
    y_true: ArrayLike, y_pred: ArrayLike, level: float = 0.95, groups: ArrayLike | None = None
) -> Estimate:
    """Share of wrong labels among the known ones; (m, k) each, NaN in the truth where a label is missing.

    The interval respects that the labels of an example, and of the examples of a group, go together
    (`leadline.measure.groups.clustered_rate`).

    Raises:
        UsageError: if shapes differ or no label is known.

    """
    t, p = np.asarray(y_true, float), np.asarray(y_pred, float)
    if t.shape != p.shape or t.ndim != 2:
        raise UsageError(f"Several labels per example need two (m, k) arrays, got shapes {t.shape} and {p.shape}.")
    known = ~np.isnan(t)
    wrong, labels = ((t != p) & known).sum(1), known.sum(1)
    if not labels.sum():
        raise UsageError("No label is known, so there is no error to measure.")
    return clustered_rate(wrong, labels, level, groups)


def alarm_rate(alarm: ArrayLike, hours: float, level: float = 0.95, groups: ArrayLike | None = None) -> Estimate:
    """`false_alarms_per_day` from whether each example is a false alarm, boolean (m,); alarms of a group go together.

    Raises:
        UsageError: as `false_alarms_per_day`, and if there is not one group per example.

    """
    false = np.asarray(alarm, float)
    codes = group_codes(groups, len(false))
    spread = design_effect(false - false.mean(), codes)
    rate = false_alarms_per_day(false.sum() / spread, hours / spread, level)
    return replace(rate, n=len(false), warning=few_groups(codes))


def false_alarms_per_day(alarms: float, hours: float, level: float = 0.95) -> Estimate:
    """False alarms of a detector per 24 hours, from a count over a time of listening, with a score interval.

    Raises:
        UsageError: for a negative count or a time that is not above 0.

    """
    if alarms < 0 or hours <= 0:
        raise UsageError(f"Need a count of 0 or more and more than 0 hours, got {alarms} in {hours} h.")
    z = normal_quantile(level)
    half = z * (alarms + z * z / 4) ** 0.5
    per_day = 24 / hours
    low = 0.0 if alarms == 0 else (alarms + z * z / 2 - half) * per_day
    return Estimate(alarms * per_day, low, (alarms + z * z / 2 + half) * per_day, None, level, "per 24 h")
