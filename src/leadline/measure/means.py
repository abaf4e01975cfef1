"""Intervals for means of per-example values, such as squared or absolute errors, log losses and gains.

A studentized bootstrap (Efron and Tibshirani, 1993), on the log scale for positive values, whose long tails are fitted
(`leadline.measure.tails`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leadline.errors import UsageError
from leadline.measure.bootstrap import IN_CACHE, RESAMPLES, percentile_interval
from leadline.measure.groups import few_groups, group_codes, group_means
from leadline.measure.intervals import Estimate, normal_quantile
from leadline.measure.tails import long_tailed_ends, tail_warning

Array = NDArray[Any]
# Above this many values of either sign the normal approximation is as good as resampling, and far quicker.
MANY = 10_000


def mean_interval(
    values: ArrayLike,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
    unit: str = "",
    positive: bool = False,
    groups: ArrayLike | None = None,
) -> Estimate:
    """Mean of per-example values (m,) with its interval.

    Args:
        values: (m,).
        level: of the interval.
        resamples: of the bootstrap.
        seed: of the draws.
        unit: as in `Estimate`.
        positive: whether all values are 0 or more: their tail is fitted, and the interval stays above 0.
        groups: of examples that go together (m,).

    Raises:
        UsageError: if there are no values, or not one group for each.

    """
    given = np.asarray(values, float)
    if not given.size:
        raise UsageError("The mean of no examples has no interval.")
    codes, mean = group_codes(groups, len(given)), float(given.mean())
    x = group_means(given, codes)
    if x.size < 2:
        return Estimate(mean, None, None, given.size, level, unit, few_groups(codes))
    if x.std() <= 1e-12 * abs(mean):
        return Estimate(mean, mean, mean, given.size, level, unit, few_groups(codes))
    ends = long_tailed_ends(x, level, resamples, seed) if positive and mean > 0 else None
    if ends is None:
        ends = _studentized_ends(x, mean, positive and mean > 0, level, resamples, seed)
    warning = "; ".join(filter(None, (few_groups(codes), tail_warning(x) if positive else "")))
    return Estimate(mean, *ends, given.size, level, unit, warning)


def _studentized_ends(
    x: Array, mean: float, logarithmic: bool, level: float, resamples: int, seed: int
) -> tuple[float, float]:
    error, z = float(x.std(ddof=1) / np.sqrt(x.size)), normal_quantile(level)
    t_low, t_high = (-z, z) if x.size > MANY else _studentized(x, mean, logarithmic, level, resamples, seed)
    if logarithmic:
        return mean * float(np.exp(-t_high * error / mean)), mean * float(np.exp(-t_low * error / mean))
    return mean - t_high * error, mean - t_low * error


def _studentized(
    x: Array, mean: float, logarithmic: bool, level: float, resamples: int, seed: int
) -> tuple[float, float]:
    """Quantiles of (mean* − mean) / error* over resamples, on the log scale if asked."""
    rng, m = np.random.default_rng(seed), x.size
    rows = max(1, IN_CACHE // m)
    statistics, centred = [], x - mean
    for start in range(0, resamples, rows):
        drawn = centred.take(rng.integers(0, m, (min(rows, resamples - start), m)))
        moved = drawn.mean(-1)
        squares = np.einsum("ij,ij->i", drawn, drawn) - m * moved**2
        means, errors = mean + moved, np.sqrt(np.maximum(squares, 0) / (m - 1) / m)
        usable = (errors > 0) & ((means > 0) | (not logarithmic))
        means, errors = means[usable], errors[usable]
        statistics.append(np.log(means / mean) * means / errors if logarithmic else (means - mean) / errors)
    return percentile_interval(np.concatenate(statistics), level)
