"""Metrics made of scores, for many resamples at once: examples are sorted once, and resamples are weights on them.

Each function takes truth and scores of m examples and returns one of weights (…, m) → (…,): how often each example was
drawn. Equal weights give the metric's plain value.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Weighted = Callable[[Array], Array]


def roc_auc_of_weights(positive: Array, scores: Array) -> Weighted:
    """Area under the ROC curve; ``positive`` boolean (m,), ``scores`` (m,)."""
    order = np.argsort(scores, kind="stable")
    starts = _tie_starts(scores[order])
    hit = positive[order].astype(float)

    def value(weights: Array) -> Array:
        drawn = weights[..., order]
        pos = np.add.reduceat(drawn * hit, starts, axis=-1)
        neg = np.add.reduceat(drawn * (1 - hit), starts, axis=-1)
        below = np.cumsum(neg, axis=-1) - neg / 2
        return _ratio((pos * below).sum(-1), pos.sum(-1) * neg.sum(-1))

    return value


def pr_auc_of_weights(positive: Array, scores: Array) -> Weighted:
    """Area under the precision-recall curve (average precision); arguments as in `roc_auc_of_weights`."""
    order = np.argsort(-scores, kind="stable")
    starts = _tie_starts(scores[order])
    hit = positive[order].astype(float)

    def value(weights: Array) -> Array:
        drawn = weights[..., order]
        step = np.add.reduceat(drawn * hit, starts, axis=-1)
        hits = np.cumsum(step, axis=-1)
        predicted = np.cumsum(np.add.reduceat(drawn, starts, axis=-1), axis=-1)
        precision = np.divide(hits, predicted, out=np.zeros_like(hits), where=predicted > 0)
        return _ratio((step * precision).sum(-1), hits[..., -1])

    return value


def calibration_error_of_weights(right: Array, confidence: Array, place: Array) -> Weighted:
    """Expected calibration error; ``place`` is each example's bin, ``right`` whether its prediction is."""
    bins = np.unique(place)
    excess = (confidence - right)[:, None] * (place[:, None] == bins)

    def value(weights: Array) -> Array:
        return _ratio(np.abs(weights @ excess).sum(-1), weights.sum(-1))

    return value


def mean_of(parts: list[Weighted]) -> Weighted:
    """The plain mean of several metrics, such as one for each class against the rest."""

    def value(weights: Array) -> Array:
        return np.mean([part(weights) for part in parts], axis=0)

    return value


def _tie_starts(ordered: Array) -> Array:
    """Where each run of equal scores begins."""
    return np.concatenate([[0], np.flatnonzero(np.diff(ordered)) + 1])


def _ratio(top: Array, bottom: Array) -> Array:
    """NaN where there is nothing to divide by, such as no positive example in a resample."""
    return np.divide(top, bottom, out=np.full(np.shape(bottom), np.nan), where=np.asarray(bottom) > 0)
