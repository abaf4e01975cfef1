"""Bootstrap intervals for metrics that are no simple proportion (Efron and Tibshirani, 1993).

Two forms, by what the metric is made of: a function of a confusion matrix (cells drawn at once, whatever the number of
examples), and anything else (examples drawn with replacement). Both are bias-corrected and accelerated (BCa). Means of
per-example values have `leadline.measure.means`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leadline.errors import UsageError
from leadline.measure.classification import MANY_CELLS
from leadline.measure.groups import design_effect, few_groups, group_codes
from leadline.measure.intervals import Estimate, normal_quantile

Array = NDArray[Any]
RESAMPLES = 2000
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
    groups: ArrayLike | None = None,
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
        groups: of examples that go together (m,): they are drawn together.

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

    rng, codes = np.random.default_rng(seed), group_codes(groups, m)
    if codes is None:
        rows = max(1, min(resamples, 4_000_000 // m))
        sizes = [min(rows, resamples - start) for start in range(0, resamples, rows)]
        replicates = np.concatenate([evaluate(rng.integers(0, m, (size, m))) for size in sizes])
    else:
        draws = drawn_examples(rng, codes, m, resamples)
        replicates = np.concatenate([evaluate(drawn[None]) for drawn in draws])
    value = float(evaluate(np.arange(m)[None])[0])
    if method == "percentile" or _count(codes, m) == 1:
        low, high = percentile_interval(replicates, level)
    else:
        blocks = _blocks(rng, codes, m)
        left_out = np.concatenate([evaluate(np.setdiff1d(np.arange(m), block)[None]) for block in blocks])
        low, high = bca_interval(value, replicates, left_out, level)
    return Estimate(value, low, high, m, level, unit, few_groups(codes))


def _count(codes: Array | None, m: int) -> int:
    """How many units are drawn: examples, or groups of them."""
    return m if codes is None else int(codes.max()) + 1


def drawn_examples(rng: np.random.Generator, codes: Array | None, m: int, resamples: int) -> Iterator[Array]:
    """As many of the m examples, or of their groups, as there are, drawn with replacement, again and again."""
    if codes is None:
        yield from (rng.integers(0, m, m) for _ in range(resamples))
        return
    order, sizes = np.argsort(codes, kind="stable"), np.bincount(codes)
    members = np.split(order, np.cumsum(sizes)[:-1])
    for _ in range(resamples):
        yield np.concatenate([members[group] for group in rng.integers(0, len(sizes), len(sizes))])


def _blocks(rng: np.random.Generator, codes: Array | None, m: int, most: int = 200) -> list[Array]:
    """Examples that are left out together, whole groups of them: fewer than each alone, which hardly matters."""
    blocks = np.array_split(rng.permutation(_count(codes, m)), min(_count(codes, m), most))
    return blocks if codes is None else [np.flatnonzero(np.isin(codes, block)) for block in blocks]


def bootstrap_weights(
    statistic: Callable[[Array], Array],
    m: int,
    resamples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
    unit: str = "",
    groups: ArrayLike | None = None,
) -> Estimate:
    """Interval of a statistic of m weighted examples, which maps weights (r, m) to (r,): many resamples at once.

    The examples of a group (``groups``, (m,)) are drawn together.

    Raises:
        UsageError: without examples, or if there is not one group per example.

    """
    return bootstrap_all([statistic], m, resamples, seed, level, unit, groups)[0]


def bootstrap_all(
    statistics: Sequence[Callable[[Array], Array]],
    m: int,
    resamples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
    unit: str = "",
    groups: ArrayLike | None = None,
) -> list[Estimate]:
    """`bootstrap_weights` of each of the ``statistics``: the weights, which cost most, are drawn once for all."""
    if m < 1:
        raise UsageError("Bootstrap needs at least one example.")
    rng, rows, codes = np.random.default_rng(seed), max(1, IN_CACHE // m), group_codes(groups, m)
    units = _count(codes, m)

    def each(parts: Iterable[Array]) -> Array:
        return np.concatenate([[statistic(weights) for statistic in statistics] for weights in parts], axis=1)

    values = each([np.ones((1, m))])[:, 0].tolist()
    sizes = [min(rows, resamples - start) for start in range(0, resamples, rows)]
    drawn = (drawn_weights(rng, size, units) for size in sizes)
    replicates = each(weights if codes is None else weights[:, codes] for weights in drawn)
    if units == 1:
        ends = [percentile_interval(row, level) for row in replicates]
    else:
        blocks = _blocks(rng, codes, m)
        left_out = each(_without(chosen, m) for chosen in _batched(blocks, rows))
        ends = [bca_interval(*parts, level) for parts in zip(values, replicates, left_out, strict=True)]
    return [
        Estimate(value, low, high, m, level, unit, few_groups(codes))
        for value, (low, high) in zip(values, ends, strict=True)
    ]


def drawn_weights(rng: np.random.Generator, rows: int, m: int) -> Array:
    """How often each of m examples is drawn in each resample, (rows, m)."""
    places = rng.integers(0, m, (rows, m)) + m * np.arange(rows)[:, None]
    return np.bincount(places.ravel(), minlength=rows * m).reshape(rows, m).astype(float)


def _batched(blocks: list[Array], rows: int) -> list[list[Array]]:
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
    spread: float = 1.0,
) -> Estimate:
    """Interval of a function of a confusion matrix (…, K, K): resampling examples only moves counts between
    cells.

    ``statistic`` maps (…, K, K) to (…,). ``spread`` is the design effect: so many examples count as one.

    Raises:
        UsageError: if the matrix is empty.

    """
    counts = np.asarray(confusion, float) / spread
    n = max(round(counts.sum()), 1) if np.any(confusion) else 0
    if n == 0:
        raise UsageError("A confusion matrix without examples has no interval.")
    value = float(statistic(counts))
    cells = np.flatnonzero(counts)
    shares = counts.ravel()[cells] / n
    rng, rows = np.random.default_rng(seed), max(1, 8_000_000 // counts.size)
    if counts.size > MANY_CELLS:
        examples = np.repeat(np.arange(counts.size), counts.ravel().astype(np.int64))
        blocks = [examples[block] for block in _blocks(rng, None, len(examples), GROUPS)]
        return Estimate(value, *_jackknifed(statistic, counts, value, level, blocks), n, level, unit)
    sizes = [min(rows, resamples - start) for start in range(0, resamples, rows)]
    shares /= shares.sum()
    replicates = np.concatenate([statistic(_drawn_cells(rng, size, n, shares, cells, counts.shape)) for size in sizes])
    left_out = _without_one_of_each(statistic, counts, cells) if n > 1 else np.full(len(cells), value)
    low, high = bca_interval(value, replicates, left_out, level, counts.ravel()[cells])
    return Estimate(value, low, high, n, level, unit)


def bootstrap_grouped_confusion(
    statistic: Callable[[Array], Array],
    cells: Array,
    classes: int,
    groups: ArrayLike,
    seed: int = 0,
    level: float = 0.95,
    unit: str = "%",
) -> Estimate:
    """`bootstrap_confusion` where examples go together.

    Args:
        statistic: as there.
        cells: of the confusion matrix, the one that each example is counted in: true class · classes + predicted.
        classes: their number.
        groups: (m,).
        seed: of the draws.
        level: of the interval.
        unit: how the number is shown.

    """
    m, codes = len(cells), group_codes(groups, len(cells))
    counts = np.bincount(cells, minlength=classes**2).reshape(classes, classes).astype(float)
    if counts.size > MANY_CELLS:
        value, rng = float(statistic(counts)), np.random.default_rng(seed)
        blocks = [cells[block] for block in _blocks(rng, codes, m, GROUPS)]
        return Estimate(value, *_jackknifed(statistic, counts, value, level, blocks), m, level, unit, few_groups(codes))
    used = np.flatnonzero(counts)
    pulls = np.zeros(counts.size)
    pulls[used] = float(statistic(counts)) - _without_one_of_each(statistic, counts, used)
    influence = pulls[cells]
    spread = design_effect(influence - influence.mean(), codes)
    estimate = bootstrap_confusion(statistic, counts, seed=seed, level=level, unit=unit, spread=spread)
    return replace(estimate, n=m, warning=few_groups(codes))


def _without_one_of_each(statistic: Callable[[Array], Array], counts: Array, cells: Array) -> Array:
    """The statistic without one example of each of these cells; of less, where fewer count."""
    without = np.repeat(counts.reshape(1, -1), len(cells), axis=0)
    without[np.arange(len(cells)), cells] -= np.minimum(counts.ravel()[cells], 1)
    return statistic(without.reshape(-1, *counts.shape))


def _drawn_cells(
    rng: np.random.Generator, rows: int, n: int, shares: Array, cells: Array, shape: tuple[int, ...]
) -> Array:
    """Confusion matrices (rows, K, K) of n examples drawn anew."""
    drawn = np.zeros((rows, int(np.prod(shape))))
    drawn[:, cells] = rng.multinomial(n, shares, size=rows)
    return drawn.reshape(rows, *shape)


def _jackknifed(
    statistic: Callable[[Array], Array], counts: Array, value: float, level: float, blocks: Sequence[Array]
) -> tuple[float, float]:
    """Interval by leaving out one of 50 blocks of examples at a time, for so many classes that resamples lose some.

    ``blocks`` hold the cells of their examples. Source: Efron and Tibshirani (1993), the delete-d jackknife.
    """
    left_out = np.array(
        [float(statistic(counts - np.bincount(block, minlength=counts.size).reshape(counts.shape))) for block in blocks]
    )
    g = len(blocks)
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
