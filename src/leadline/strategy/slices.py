"""Slices with a high error, found in the columns of a dev set.

A slice is one condition on a column or two together, as the upper levels of a decision tree are: ``age > 60``,
``district = North and rooms ≤ 3``. With many of them tried, some look bad by luck; so the whole search is repeated on
shuffled mistakes, and a slice is reported only if it stands out from the worst slices that those find (Westfall and
Young, 1993, the maximum over all tests).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leadline.errors import UsageError
from leadline.files import plain
from leadline.measure.intervals import Estimate, difference, proportion

Array = NDArray[Any]
# Categories beyond the most frequent ones are too rare to be slices.
MOST_CATEGORIES = 20
QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
# Two conditions must stand out by this much more than either alone; otherwise the simpler slice is reported.
WORTH_A_CONDITION = 1.0


@dataclass(frozen=True)
class Slice:
    """A part of the dev set with a high error.

    Attributes:
        description: its conditions, such as ``"age > 60 and sex = male"``.
        rows: the examples in it.
        error: in the slice.
        rest: outside of it and of the slices found before it.
        excess: error − rest.
        share: of all mistakes that lie in it.
        p: chance of so bad a slice somewhere among all that were tried, if mistakes were spread at random.
        metric: what ``error`` and ``rest`` are.

    """

    description: str
    rows: Array
    error: Estimate
    rest: Estimate
    excess: Estimate
    share: float
    p: float
    metric: str = "error"

    def to_json(self) -> dict[str, Any]:
        """Plain values; how many rows it has in the place of the rows."""
        return {key: value for key, value in plain(self).items() if key != "rows"} | {"n": len(self.rows)}

    def __str__(self) -> str:
        return f"{self.description}: {self.metric} {self.error}, elsewhere {self.rest.plain()}; p = {self.p:.3f}"


def find_slices(
    columns: Mapping[str, ArrayLike],
    wrong: ArrayLike,
    most: int = 5,
    least: int = 20,
    significance: float = 0.05,
    shuffles: int = 199,
    seed: int = 0,
    measure: Callable[[Array], Estimate] | None = None,
    metric: str = "error",
) -> tuple[Slice, ...]:
    """Find slices whose error is higher than elsewhere, the clearest first.

    Each one found is set aside before the next is looked for, so that they do not repeat each other, and neither does
    it count in what the next one is compared with.

    Args:
        columns: by name, numbers or texts (m,); NaN and None are missing values.
        wrong: whether each example is predicted wrongly, boolean (m,); or how wrong it is, numbers of 0 or more (m,).
        most: how many slices to look for.
        least: examples that a slice must have.
        significance: the largest p to report.
        shuffles: of the mistakes, which set the precision of p.
        seed: of the shuffles.
        measure: the error of examples from their ``wrong``; by default the share that is wrong.
        metric: what that is.

    Raises:
        UsageError: if a column's length is not that of ``wrong``.

    """
    given = np.asarray(wrong)
    mistakes = given if given.dtype.kind == "b" or measure is not None else given.astype(bool)
    measured = measure or (lambda part: proportion(int(part.sum()), len(part)))
    names, members = _conditions(columns, len(mistakes), least)
    rng = np.random.default_rng(seed)
    kept = np.arange(len(mistakes))
    found: list[Slice] = []
    while len(found) < most and names:
        result = _clearest(members[:, kept], mistakes[kept], least, shuffles, rng)
        if result is None or result[1] > significance:
            break
        chosen, p = result
        inside = members[chosen].all(0)
        inside &= np.isin(np.arange(len(mistakes)), kept)
        outside = np.zeros(len(mistakes), bool)
        kept = kept[~inside[kept]]
        outside[kept] = True
        error, rest = measured(mistakes[inside]), measured(mistakes[outside])
        share, rows = float(mistakes[inside].sum() / mistakes.sum()), np.flatnonzero(inside)
        description = " and ".join(names[k] for k in chosen)
        found.append(Slice(description, rows, error, rest, difference(error, rest), share, p, metric))
        # A slice and its complement say the same; what is left must still be varied enough to search.
        if len(kept) < 2 * least:
            break
    return tuple(found)


def _conditions(columns: Mapping[str, ArrayLike], m: int, least: int) -> tuple[list[str], Array]:
    """Names of all single conditions and which examples meet them, boolean (conditions, m)."""
    names: list[str] = []
    members: list[Array] = []
    for column, values in columns.items():
        v = np.asarray(values)
        if v.shape != (m,):
            raise UsageError(f"Column '{column}' has shape {v.shape}, but there are {m} examples.")
        for name, inside in _column_conditions(column, v):
            if least <= inside.sum() <= m - least and not any(np.array_equal(inside, other) for other in members):
                names.append(name)
                members.append(inside)
    return names, np.array(members, bool).reshape(len(members), m)


def _column_conditions(column: str, values: Array) -> Iterator[tuple[str, Array]]:
    missing = _is_missing(values)
    if missing.any():
        yield f"{column} is missing", missing
    present = values[~missing]
    distinct = np.unique(present.astype(str)) if values.dtype.kind not in "fiu" else np.unique(present)
    if values.dtype.kind in "fiu" and len(distinct) > MOST_CATEGORIES // 2:
        for cut in np.unique(np.quantile(present, QUANTILES)):
            below = np.zeros(len(values), bool)
            below[~missing] = present <= cut
            yield f"{column} ≤ {cut:.4g}", below
            yield f"{column} > {cut:.4g}", ~below & ~missing
        return
    texts = np.where(missing, "", values.astype(str))
    counts = sorted(((int((texts == str(v)).sum()), str(v)) for v in distinct), reverse=True)
    for _, value in counts[:MOST_CATEGORIES]:
        yield f"{column} = {value}", (texts == value) & ~missing


def _is_missing(values: Array) -> Array:
    if values.dtype.kind == "f":
        return np.isnan(values)
    if values.dtype.kind == "O":
        return np.array([v is None or (isinstance(v, float) and np.isnan(v)) for v in values], bool)
    return np.zeros(len(values), bool)


def _clearest(
    members: Array, wrong: Array, least: int, shuffles: int, rng: np.random.Generator
) -> tuple[list[int], float] | None:
    """The slice of one or two conditions that stands out most, and its p value among all that were tried."""
    if len(wrong) == 0 or wrong.min() == wrong.max():
        return None
    # The first column is the truth, the others shuffled mistakes: the same search runs on all at once.
    outcomes = np.stack([wrong, *(rng.permutation(wrong) for _ in range(shuffles))], axis=1).astype(np.float32)
    inside = members.astype(np.float32)
    single = standardized_excess(inside, outcomes, least)
    best_single, best = single.argmax(0), single.max(0)
    chosen: list[int] = [int(best_single[0])]
    for k in range(len(members) - 1):
        pairs = standardized_excess(inside[k] * inside[k + 1 :], outcomes, least)
        # A pair competes with what it adds: its own score less the price of a second condition.
        reduced = pairs - WORTH_A_CONDITION
        pairs = np.where(reduced > np.maximum(single[k], single[k + 1 :]), reduced, -np.inf)
        top, place = pairs.max(0), pairs.argmax(0)
        if top[0] > best[0]:
            chosen = [k, k + 1 + int(place[0])]
        best = np.maximum(best, top)
    if not np.isfinite(best[0]):
        return None
    return chosen, float((best >= best[0]).mean())


def standardized_excess(inside: Array, outcomes: Array, least: int) -> Array:
    """Standardized excess of mistakes (slices, outcomes) given how many there are (moments of drawing without
    replacement)."""
    m, own = outcomes.shape[0], outcomes[:, 0].astype(np.float64)
    n = inside.sum(1, dtype=np.float64)[:, None]
    rate = own.mean()
    spread = np.sqrt(np.maximum(n * own.var() * (m - n) / (m - 1), 1e-12))
    usable = (n >= least) & (n <= m - least)
    return np.where(usable, (inside @ outcomes - n * rate) / spread, -np.inf)
