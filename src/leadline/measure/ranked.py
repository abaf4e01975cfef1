"""Areas under the ROC and precision-recall curves with intervals, from what each example contributes.

The influence of an example is how the area answers to its weight, times the number of examples; the mean of their
squares over that number is the area's variance (the infinitesimal jackknife of Efron, 1982; for the ROC curve nearly
that of DeLong, DeLong and Clarke-Pearson, 1988). Intervals are on the logit scale, which keeps them inside 0 to 1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from leadline.measure.groups import few_groups, group_codes, group_sums
from leadline.measure.intervals import Estimate, wilson

Array = NDArray[Any]
# (whether each example is positive, its score) → the area and the influence of each example (m,)
Influence = Callable[[Array, Array], tuple[float, Array]]


def roc_auc_influence(positive: Array, scores: Array) -> tuple[float, Array]:
    """Area under the ROC curve and influences; ``positive`` boolean (m,), ``scores`` (m,), both classes present."""
    _, group = np.unique(scores, return_inverse=True)
    pos, neg = (np.bincount(group[part], minlength=group.max() + 1) for part in (positive, ~positive))
    n_pos, n_neg = pos.sum(), neg.sum()
    below = (np.cumsum(neg) - neg / 2)[group] / n_neg  # share of negatives that a positive beats
    above = (n_pos - np.cumsum(pos) + pos / 2)[group] / n_pos
    area = float(below[positive].mean())
    share = n_pos / len(scores)
    return area, np.where(positive, (below - area) / share, (above - area) / (1 - share))


def pr_auc_influence(positive: Array, scores: Array) -> tuple[float, Array]:
    """Area under the precision-recall curve (average precision) and influences; arguments as above."""
    _, group = np.unique(-scores, return_inverse=True)  # the highest scores are group 0
    hits, all_ = (np.bincount(group[part], minlength=group.max() + 1) for part in (positive, slice(None)))
    predicted = np.cumsum(all_)
    precision = np.cumsum(hits) / predicted
    area = float(hits @ precision / hits.sum())
    # An example is among the predicted of every threshold at or below its score; there it moves the precision.
    raises, lowers = hits * (1 - precision) / predicted, hits * precision / predicted
    up, down = (np.cumsum(part[::-1])[::-1][group] for part in (raises, lowers))
    own = precision[group] - area + up
    return area, np.where(positive, own, -down) * len(scores) / hits.sum()


def area_interval(
    y_true: Array,
    scores: Array,
    influence: Influence,
    value: float,
    level: float = 0.95,
    groups: Array | None = None,
) -> Estimate:
    """An area with its interval, of the second of two classes, or the mean over K classes, each against the rest.

    The quantile is Student's t with as many degrees of freedom as the rarest class has examples but one. An area of
    exactly 0 or 1 has no spread of its own; its interval is Wilson's of as many examples as that class has.

    Args:
        y_true: class indices (m,).
        scores: of the second of two classes (m,), or of all (m, K).
        influence: of the curve.
        value: the area.
        level: of the interval.
        groups: of examples that go together (m,).

    """
    codes = group_codes(groups, len(y_true))
    m, rare = len(y_true), rarest(y_true, scores, codes)
    if not 0 < value < 1 or rare < 2:
        low, high = wilson(value * rare, rare, level) if np.isfinite(value) else (np.nan, np.nan)
        return Estimate(value, float(low), float(high), m, level, "", few_groups(codes))
    error = _error_of(mean_influence(y_true, scores, influence), codes)
    half = float(stdtrit(rare - 1, 0.5 + level / 2)) * error / (value * (1 - value))
    odds = value / (1 - value) * np.exp(np.array([-half, half]))
    low, high = odds / (1 + odds)
    return Estimate(value, float(low), float(high), m, level, "", few_groups(codes))


def _error_of(influence: Array, codes: Array | None) -> float:
    """Standard error of a number to which each example adds its influence (m,), with mean 0."""
    sums = group_sums(influence, codes)
    n = len(sums)
    return float(np.sqrt(np.sum(sums**2) * n / max(n - 1, 1))) / len(influence)


def area_difference(
    y_true: Array,
    first: Array,
    second: Array,
    influence: Influence,
    values: tuple[float, float],
    level: float = 0.95,
    groups: Array | None = None,
) -> Estimate:
    """First area − second area on the same examples, of which both classes have two at least.

    What an example adds to one area and to the other is subtracted, which keeps that they are hard for both (DeLong,
    DeLong and Clarke-Pearson, 1988). Arguments as in `area_interval`.
    """
    own = mean_influence(y_true, first, influence) - mean_influence(y_true, second, influence)
    codes = group_codes(groups, len(y_true))
    half = float(stdtrit(rarest(y_true, first, codes) - 1, 0.5 + level / 2)) * _error_of(own, codes)
    value = values[0] - values[1]
    return Estimate(value, value - half, value + half, len(own), level, "", few_groups(codes))


def mean_influence(y_true: Array, scores: Array, influence: Influence) -> Array:
    """The influence of each example (m,) on the area, or on the mean of the areas of each class against the rest."""
    return np.mean([influence(*part)[1] for part in _parts(y_true, scores)], axis=0)


def rarest(y_true: Array, scores: Array, codes: Array | None = None) -> int:
    """How many examples, or groups of them, the rarest class has, or the rest of the commonest."""

    def count(chosen: Array) -> int:
        return int(chosen.sum()) if codes is None else len(np.unique(codes[chosen]))

    return min(min(count(positive), count(~positive)) for positive, _ in _parts(y_true, scores))


def _parts(y_true: Array, scores: Array) -> list[tuple[Array, Array]]:
    """Which examples are positive, and their scores: of the second of two classes, or of each of several."""
    if scores.ndim == 2 and scores.shape[1] > 2:
        return [(y_true == k, scores[:, k]) for k in range(scores.shape[1])]
    return [(y_true == 1, scores if scores.ndim == 1 else scores[:, -1])]
