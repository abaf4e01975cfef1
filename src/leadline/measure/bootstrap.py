"""Bootstrap intervals for metrics that are no simple proportion (Efron and Tibshirani, 1993).

Three forms, by what the metric is made of: a mean of per-example values (studentized, on the log scale for
positive ones), a function of a confusion matrix (cells drawn at once, whatever the number of examples), and
anything else (examples drawn with replacement). The last two are bias-corrected and accelerated (BCa).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leadline.errors import UsageError
from leadline.measure.intervals import Estimate, normal_quantile

Array = NDArray[Any]
RESAMPLES = 2000
# Above this many examples the normal approximation of a mean is as good as resampling, and far quicker.
LARGE = 10_000
GROUPS = 50
# So many values at once stay in the cache of one core.
IN_CACHE = 100_000


def bootstrap(
    statistic: Callable[..., Any],
    *samples: ArrayLike,
    resamples: int = RESAMPLES,
    seed: int = 0,
    level: float = 0.95,
    method: str = "bca",
    vectorized: bool = False,
    unit: str = "",
) -> Estimate:
    """Interval of any statistic of examples.

    Args:
        statistic: takes one array per sample and returns a number. If ``vectorized``, it takes arrays of
            shape (resamples, m, …) and returns (resamples,).
        *samples: arrays whose first axis holds the same m examples; they are resampled together.
        resamples: how many times the examples are drawn.
        seed: of the draws; the same seed gives the same interval.
        level: of the interval.
        method: ``"bca"`` or ``"percentile"``.
        vectorized: see ``statistic``.
        unit: how the number is shown, as in ``Estimate``.

    Raises:
        UsageError: if the samples are empty or differ in length, or the method is unknown.

    """
    arrays = [np.asarray(sample) for sample in samples]
    m = len(arrays[0])
    if not m or any(len(array) != m for array in arrays):
        raise UsageError(f"Bootstrap needs samples of one length above 0, got {[len(a) for a in arrays]}.")
    if method not in ("bca", "percentile"):
        raise UsageError(f"Unknown bootstrap method '{method}'. Allowed: bca, percentile.")

    def evaluate(indices: Array) -> Array:
        if vectorized:
            return np.asarray(statistic(*(array[indices] for array in arrays)), float)
        return np.array([statistic(*(array[row] for array in arrays)) for row in indices], float)

    rng = np.random.default_rng(seed)
    rows = max(1, min(resamples, 4_000_000 // m))
    sizes = [min(rows, resamples - start) for start in range(0, resamples, rows)]
    replicates = np.concatenate([evaluate(rng.integers(0, m, (size, m))) for size in sizes])
    value = float(evaluate(np.arange(m)[None])[0])
    if method == "percentile" or m == 1:
        low, high = percentile_interval(replicates, level)
    else:
        # Leaving out a block of examples at a time bounds the work; the acceleration is hardly affected.
        blocks = np.array_split(rng.permutation(m), min(m, 200))
        left_out = np.concatenate([evaluate(np.setdiff1d(np.arange(m), block)[None]) for block in blocks])
        low, high = bca_interval(value, replicates, left_out, level)
    return Estimate(value, low, high, m, level, unit)


def bootstrap_weights(
    statistic: Callable[[Array], Array],
    m: int,
    resamples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
    unit: str = "",
) -> Estimate:
    """Interval of a statistic of m weighted examples, which maps weights (r, m) to (r,): many resamples at once.

    Raises:
        UsageError: without examples.

    """
    return bootstrap_all([statistic], m, resamples, seed, level, unit)[0]


def bootstrap_all(
    statistics: Sequence[Callable[[Array], Array]],
    m: int,
    resamples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
    unit: str = "",
) -> list[Estimate]:
    """`bootstrap_weights` of each of the ``statistics``: the weights, which cost most, are drawn once for all."""
    if m < 1:
        raise UsageError("Bootstrap needs at least one example.")
    rng, rows = np.random.default_rng(seed), max(1, IN_CACHE // m)

    def each(parts: Iterable[Array]) -> Array:
        return np.concatenate([[statistic(weights) for statistic in statistics] for weights in parts], axis=1)

    values = each([np.ones((1, m))])[:, 0].tolist()
    sizes = [min(rows, resamples - start) for start in range(0, resamples, rows)]
    replicates = each(drawn_weights(rng, size, m) for size in sizes)
    if m == 1:
        ends = [percentile_interval(row, level) for row in replicates]
    else:
        blocks = np.array_split(rng.permutation(m), min(m, 200))
        left_out = each(_without(chosen, m) for chosen in _grouped(blocks, rows))
        ends = [bca_interval(*found, level) for found in zip(values, replicates, left_out, strict=True)]
    return [Estimate(value, low, high, m, level, unit) for value, (low, high) in zip(values, ends, strict=True)]


def drawn_weights(rng: np.random.Generator, rows: int, m: int) -> Array:
    """How often each of m examples is drawn in each resample, (rows, m)."""
    places = rng.integers(0, m, (rows, m)) + m * np.arange(rows)[:, None]
    return np.bincount(places.ravel(), minlength=rows * m).reshape(rows, m).astype(float)


def _grouped(blocks: list[Array], rows: int) -> list[list[Array]]:
    return [blocks[start : start + rows] for start in range(0, len(blocks), rows)]


def _without(blocks: list[Array], m: int) -> Array:
    """Weights (blocks, m) that leave out one block of examples each."""
    weights = np.ones((len(blocks), m))
    for row, block in enumerate(blocks):
        weights[row, block] = 0
    return weights


def bootstrap_confusion(
    statistic: Callable[[Array], Array],
    confusion: ArrayLike,
    resamples: int = RESAMPLES,
    seed: int = 0,
    level: float = 0.95,
    unit: str = "%",
) -> Estimate:
    """Interval of a function of a confusion matrix (…, K, K): resampling examples only moves counts between
    cells.

    ``statistic`` maps (…, K, K) to (…,).

    Raises:
        UsageError: if the matrix is empty.

    """
    counts = np.asarray(confusion, float)
    n = int(counts.sum())
    if n == 0:
        raise UsageError("A confusion matrix without examples has no interval.")
    value = float(statistic(counts))
    cells = np.flatnonzero(counts)
    shares = counts.ravel()[cells] / n
    rng, rows = np.random.default_rng(seed), max(1, 8_000_000 // counts.size)
    if counts.size > LARGE:
        return Estimate(value, *_jackknifed(statistic, counts, value, level, rng), n, level, unit)
    sizes = [min(rows, resamples - start) for start in range(0, resamples, rows)]
    shares /= shares.sum()
    replicates = np.concatenate([statistic(_drawn_cells(rng, size, n, shares, cells, counts.shape)) for size in sizes])
    without = np.repeat(counts.reshape(1, -1), len(cells), axis=0)
    without[np.arange(len(cells)), cells] -= 1
    left_out = statistic(without.reshape(-1, *counts.shape)) if n > 1 else np.full(len(cells), value)
    low, high = bca_interval(value, replicates, left_out, level, counts.ravel()[cells])
    return Estimate(value, low, high, n, level, unit)


def _drawn_cells(
    rng: np.random.Generator, rows: int, n: int, shares: Array, cells: Array, shape: tuple[int, ...]
) -> Array:
    """Confusion matrices (rows, K, K) of n examples drawn anew."""
    drawn = np.zeros((rows, int(np.prod(shape))))
    drawn[:, cells] = rng.multinomial(n, shares, size=rows)
    return drawn.reshape(rows, *shape)


def _jackknifed(
    statistic: Callable[[Array], Array], counts: Array, value: float, level: float, rng: np.random.Generator
) -> tuple[float, float]:
    """Interval by leaving out one of 50 groups of examples at a time, for so many classes that resamples lose some.

    Source: Efron and Tibshirani (1993), the delete-d jackknife.
    """
    examples = rng.permutation(np.repeat(np.arange(counts.size), counts.ravel().astype(np.int64)))
    groups = np.array_split(examples, min(GROUPS, len(examples)))
    left_out = np.array(
        [float(statistic(counts - np.bincount(group, minlength=counts.size).reshape(counts.shape))) for group in groups]
    )
    g = len(groups)
    half = normal_quantile(level) * float(np.sqrt((g - 1) / g * np.sum((left_out - left_out.mean()) ** 2)))
    return value - half, value + half


def percentile_interval(replicates: Array, level: float) -> tuple[float, float]:
    """The middle ``level`` of the replicates."""
    low, high = np.nanquantile(replicates, [0.5 - level / 2, 0.5 + level / 2])
    return float(low), float(high)


def bca_interval(
    value: float, replicates: Array, left_out: Array, level: float, weights: Array | None = None
) -> tuple[float, float]:
    """The bias-corrected and accelerated interval.

    ``left_out`` holds the statistic without each example (or block), ``weights`` how many examples share a
    value.
    """
    good = replicates[np.isfinite(replicates)]
    if not good.size or good.min() == good.max():
        return (float(good.min()), float(good.max())) if good.size else (value, value)
    normal = NormalDist()
    below = (np.sum(good < value) + 0.5 * np.sum(good == value)) / good.size
    bias = normal.inv_cdf(float(np.clip(below, 1 / (good.size + 1), good.size / (good.size + 1))))
    finite = np.isfinite(left_out)
    w = np.ones(len(left_out)) if weights is None else weights
    w, left_out = w[finite], left_out[finite]
    pull = np.average(left_out, weights=w) - left_out if w.sum() else np.zeros(1)
    square = float(np.sum(w * pull**2)) if pull.size > 1 else 0.0
    acceleration = float(np.sum(w * pull**3)) / (6 * square**1.5) if square > 0 else 0.0
    z = normal_quantile(level)

    def corrected(side: float) -> float:
        moved = bias + side * z
        return normal.cdf(bias + moved / max(1 - acceleration * moved, 1e-6))

    low, high = np.quantile(good, [corrected(-1), corrected(1)])
    return float(low), float(high)


def mean_interval(
    values: ArrayLike,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
    unit: str = "",
    positive: bool = False,
    kurtosis: float = 0.0,
) -> Estimate:
    """Mean of per-example values (m,) with a studentized bootstrap interval.

    ``positive`` works on the log of the mean, which suits squared or absolute errors and keeps the interval
    above 0. Above 10 000 examples the normal approximation on the same scale takes the place of the draws.
    ``kurtosis`` is the least that the mean of the squares over the square of the mean is taken to be, where more is
    known of it than a few examples show.

    Raises:
        UsageError: if there are no values.

    """
    x = np.asarray(values, float)
    if not x.size:
        raise UsageError("The mean of no examples has no interval.")
    mean, error = float(x.mean()), float(x.std(ddof=1) / np.sqrt(x.size)) if x.size > 1 else np.inf
    if x.size < 2 or error == 0:
        return Estimate(mean, None if x.size < 2 else mean, None if x.size < 2 else mean, x.size, level, unit)
    error = max(error, abs(mean) * float(np.sqrt(max(kurtosis - 1, 0) / (x.size - 1))))
    logarithmic = positive and mean > 0
    z = normal_quantile(level)
    t_low, t_high = (-z, z) if x.size > LARGE else _studentized(x, mean, logarithmic, level, resamples, seed)
    if logarithmic:
        low, high = mean * np.exp(-t_high * error / mean), mean * np.exp(-t_low * error / mean)
    else:
        low, high = mean - t_high * error, mean - t_low * error
    return Estimate(mean, float(low), float(high), x.size, level, unit)


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
