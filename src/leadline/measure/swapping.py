"""Which of two models is better on the same examples, by swapping their answers.

If both are equally good in the sense that nothing changes when their answers to an example are exchanged, the
difference of their metrics is one of those that random exchanges give, and the test is exact for every metric and any
tail of the errors (the paired randomization test of Fisher, 1935; Ojala and Garriga, 2010). Groups of examples are
exchanged as a whole.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.measure import classification as c
from leadline.measure.intervals import normal_quantile
from leadline.measure.metric import Metric

Array = NDArray[Any]
RESAMPLES, MOST_RESAMPLES = 1999, 20_000
# So many swaps must lie beyond a limit before it is read off them; further out it is that of a normal distribution.
LEAST_BEYOND = 5
AT_ONCE = 4_000_000
FEW_RESAMPLES = 400


def exact_sign_flip(differences: Array) -> float:
    """Chance that random signs give sums of these whole numbers (g,) at least as far from 0, by all 2^g signs.

    The distribution comes from its characteristic function Π cos(ω d). For differences of 1 this is McNemar's exact
    test (1947).
    """
    sizes, counts = np.unique(np.abs(differences[differences != 0]).astype(np.int64), return_counts=True)
    reach = int(sizes @ counts)
    if reach == 0:
        return 1.0
    points = 2 * reach + 1
    frequencies = 2 * np.pi * np.arange(points) / points
    cosines = np.cos(np.outer(sizes, frequencies))
    with np.errstate(divide="ignore"):
        log_size = counts @ np.log(np.abs(cosines))
    characteristic = np.exp(log_size) * np.prod(np.where(cosines < 0, (-1.0) ** counts[:, None], 1.0), axis=0)
    chances = np.fft.fft(characteristic).real / points
    sums = np.minimum(np.arange(points), points - np.arange(points))  # sums of both signs, by their size
    return float(np.clip(chances[sums >= abs(int(differences.sum()))].sum(), 0.0, 1.0))


def swapped_differences(
    metric: Metric, y_true: Array, first: Array, second: Array, codes: Array | None, resamples: int, seed: int
) -> Array:
    """metric(first) − metric(second) after random exchanges of the answers to examples or groups ``codes``, (r,)."""
    rng = np.random.default_rng(seed)
    if metric.counted is not None and y_true.ndim == 1:
        return _by_cells(metric, y_true, first, second, codes, resamples, rng)
    twice = np.concatenate([y_true, y_true]), np.concatenate([first, second])
    weighted = metric.weighted(*twice)
    units = len(y_true) if codes is None else int(codes.max()) + 1
    rows, differences = max(1, AT_ONCE // (2 * len(y_true))), []
    for start in range(0, resamples, rows):
        swapped = rng.random((min(rows, resamples - start), units)) < 0.5
        swapped = swapped if codes is None else swapped[:, codes]
        if weighted is not None:
            weights = np.concatenate([~swapped, swapped], axis=1).astype(float)
            differences.append(weighted(weights) - weighted(1 - weights))
        else:
            differences.append(_one_by_one(metric, y_true, first, second, swapped))
    return np.concatenate(differences)


def _one_by_one(metric: Metric, y_true: Array, first: Array, second: Array, swapped: Array) -> Array:
    """The same for a metric that can only be computed from answers; ``swapped`` (r, m)."""
    shape = (-1, *(1,) * (first.ndim - 1))
    exchanged = (
        (np.where(s.reshape(shape), second, first), np.where(s.reshape(shape), first, second)) for s in swapped
    )
    return np.array([metric.value(y_true, a) - metric.value(y_true, b) for a, b in exchanged])


def _by_cells(
    metric: Metric,
    y_true: Array,
    first: Array,
    second: Array,
    codes: Array | None,
    resamples: int,
    rng: np.random.Generator,
) -> Array:
    """The same for a function of the confusion matrix, in which an exchange moves counts between cells."""
    assert metric.counted is not None
    k = metric.classes or int(max(y_true.max(), first.max(), second.max())) + 1
    cells = [y_true.astype(np.int64) * k + answers.astype(np.int64) for answers in (first, second)]
    used, moves, times = _moves(cells[0], cells[1], codes)
    count = min(resamples, FEW_RESAMPLES) if k * k > c.MANY_CELLS else resamples
    rows, differences = max(1, AT_ONCE // (k * k + len(moves))), []
    totals = [np.bincount(part, minlength=k * k).astype(float) for part in cells]
    for start in range(0, count, rows):
        moved = rng.binomial(times, 0.5, (min(rows, count - start), len(moves))) @ moves
        change = np.zeros((len(moved), k * k))
        change[:, used] = moved
        a, b = ((total + sign * change).reshape(-1, k, k) for total, sign in zip(totals, (1, -1), strict=True))
        differences.append(metric.counted(a) - metric.counted(b))
    return np.concatenate(differences)


def _moves(of_first: Array, of_second: Array, codes: Array | None) -> tuple[Array, Array, Array]:
    """The cells in use (u,), what an exchange adds to the first model's (e, u), and how many do so (e,)."""
    differ = of_first != of_second
    used, places = np.unique(np.concatenate([of_first[differ], of_second[differ]]), return_inverse=True)
    pairs = np.stack(np.split(places.reshape(-1), 2), axis=1)
    if codes is None:
        pairs, times = np.unique(pairs, axis=0, return_counts=True)
        rows = np.arange(len(pairs))
    else:
        _, rows = np.unique(codes[differ], return_inverse=True)
        rows = rows.reshape(-1)
        times = np.ones(int(rows.max(initial=-1)) + 1, np.int64)
    moves = np.zeros((len(times), len(used)))
    np.add.at(moves, (rows, pairs[:, 1]), 1)
    np.add.at(moves, (rows, pairs[:, 0]), -1)
    return used, moves, times


def resamples_for(level: float) -> int:
    """How many exchanges show what differs by chance in fewer than 1 − level of cases."""
    return int(min(max(RESAMPLES, 4 * LEAST_BEYOND / (1 - level)), MOST_RESAMPLES))


def chance_limit(differences: Array, level: float) -> float:
    """The size of a difference that exchanges exceed in a share 1 − level of cases at most."""
    sizes = np.sort(np.abs(differences))
    n = len(sizes)
    if (1 - level) * (n + 1) >= LEAST_BEYOND:
        return float(sizes[min(int(np.ceil(level * (n + 1))), n) - 1])
    known = 1 - LEAST_BEYOND / (n + 1)
    return chance_limit(differences, known) * normal_quantile(level) / normal_quantile(known)


def chance_of(differences: Array, observed: float) -> float:
    """The p-value of an observed difference, either way."""
    reached = np.abs(differences) >= abs(observed) - 1e-12
    return float((1 + reached.sum()) / (1 + len(differences)))
