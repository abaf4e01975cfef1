"""Metrics of several labels per example; labels that are missing (NaN in the truth) count nowhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leadline.errors import UsageError

Array = NDArray[Any]
Weighted = Callable[[Array], Array]


def wrong_labels(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """Which known labels are predicted wrongly, boolean (m, k).

    Raises:
        UsageError: if the shapes differ or are no (m, k).

    """
    t, p = np.asarray(y_true, float), np.asarray(y_pred, float)
    if t.shape != p.shape or t.ndim != 2:
        raise UsageError(f"Several labels per example need two (m, k) arrays, got shapes {t.shape} and {p.shape}.")
    return (t != p) & ~np.isnan(t)


def exact_matches(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """Whether all known labels of an example are right, for the examples that have any, boolean (≤ m,).

    Raises:
        UsageError: as `wrong_labels`, or if no label is known.

    """
    wrong, known = wrong_labels(y_true, y_pred), ~np.isnan(np.asarray(y_true, float))
    if not known.any():
        raise UsageError("No label is known, so there is nothing to match.")
    return np.logical_not(wrong[known.any(1)].any(1))


def f1_of_weights(y_true: ArrayLike, y_pred: ArrayLike, average: str = "macro") -> Weighted:
    """F1 over the labels as a function of weights (…, m) on the examples.

    ``"macro"`` averages the labels' F1 (0 for one that occurs in neither truth nor prediction), ``"micro"`` counts all
    labels together.
    """
    wrong, t = wrong_labels(y_true, y_pred), np.asarray(y_true, float)
    hits = ((t == 1) & ~wrong).astype(float)

    def value(weights: Array) -> Array:
        hit, missed_or_false = weights @ hits, weights @ wrong.astype(float)
        if average == "micro":
            hit, missed_or_false = hit.sum(-1, keepdims=True), missed_or_false.sum(-1, keepdims=True)
        union = 2 * hit + missed_or_false
        return np.divide(2 * hit, union, out=np.zeros_like(union), where=union > 0).mean(-1)

    return value
