"""Slices with a high error, found in the columns of a dev set.

A slice is one condition on a column or up to three together, as the upper levels of a decision tree are: ``age > 60``,
``district = North and rooms ≤ 3``. All single conditions and all pairs are tried, and a third condition on the best
pairs. With so many, some look bad by chance; so the whole search is repeated on shuffled mistakes, and a slice is
reported only if it stands out from the worst ones that those show (Westfall and Young, 1993). Slices of one, two and
three conditions are each compared with the worst of as many conditions, so that the many pairs do not hide a clear
single condition. Scores are corrected for skewness, so that small slices do not set the limit for large ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leadline.errors import UsageError
from leadline.files import plain
from leadline.measure.groups import group_codes, rate
from leadline.measure.intervals import Estimate, difference

Array = NDArray[Any]
Measure = Callable[..., Estimate]
# Categories beyond the most frequent ones are too rare to be slices.
MOST_CATEGORIES = 20
QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
# A further condition must make a slice stand out by this much more; otherwise the simpler one is reported.
WORTH_A_CONDITION = 0.5
WORTH = 2.0
"""Times log C it is about the largest of C squared normal variables: what the best of C conditions adds by chance."""
# Pairs of conditions that a third one is added to.
BEAM = 5
# So many groups of about one size exchange their mistakes.
GROUPS_ALIKE = 20


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
    measure: Measure | None = None,
    metric: str = "error",
    groups: ArrayLike | None = None,
) -> tuple[Slice, ...]:
    """Find slices whose error is higher than elsewhere, the clearest first.

    Each one is set aside before the next is looked for, so that they do not repeat each other, and neither does it
    count in what the next one is compared with.

    Args:
        columns: by name, numbers or texts (m,); NaN and None are missing values.
        wrong: whether each example is predicted wrongly, boolean (m,); or how wrong it is, numbers of 0 or more (m,).
        most: how many slices to look for.
        least: examples that a slice must have.
        significance: the largest p to report.
        shuffles: of the mistakes, which set the precision of p.
        seed: of the shuffles.
        measure: the error of examples from their ``wrong`` and ``groups=``; by default the share that is wrong.
        metric: what that is.
        groups: of examples that go together (m,): their mistakes are shuffled together.

    Raises:
        UsageError: if a column's length is not that of ``wrong``.

    """
    given = np.asarray(wrong)
    mistakes = given if given.dtype.kind == "b" or measure is not None else given.astype(bool)
    m, codes = len(mistakes), group_codes(groups, len(mistakes))
    conditions = Conditions.of(columns, m, least)
    rng, kept, slices = np.random.default_rng(seed), np.arange(m), []
    while len(slices) < most and conditions.names:
        own = None if codes is None else codes[kept]
        clearest = _clearest(conditions.among(kept), mistakes[kept], least, shuffles, rng, own)
        if clearest is None or clearest[1] > significance:
            break
        chosen, p = clearest
        inside = np.zeros(m, bool)
        inside[kept] = conditions.members[chosen][:, kept].all(0)
        kept = kept[~inside[kept]]
        outside = np.isin(np.arange(m), kept)
        error, rest = (_measured(measure, mistakes, part, codes) for part in (inside, outside))
        share, rows = float(mistakes[inside].sum() / mistakes.sum()), np.flatnonzero(inside)
        description = " and ".join(conditions.names[k] for k in chosen)
        slices.append(Slice(description, rows, error, rest, difference(error, rest), share, p, metric))
        # A slice and its complement say the same; what is left must still be varied enough to search.
        if len(kept) < 2 * least:
            break
    return tuple(slices)


def _measured(measure: Measure | None, mistakes: Array, part: Array, codes: Array | None) -> Estimate:
    groups = None if codes is None else codes[part]
    return (rate if measure is None else measure)(mistakes[part], groups=groups)


@dataclass(frozen=True, eq=False)
class Conditions:
    """All single conditions: their names, the column of each, and which examples meet them, boolean (c, m)."""

    names: list[str]
    columns: Array
    members: Array

    @classmethod
    def of(cls, columns: Mapping[str, ArrayLike], m: int, least: int) -> Conditions:
        """Those of columns (m,) that at least so many examples meet, and as many do not; each set of examples once."""
        names: list[str] = []
        members: list[Array] = []
        of_column: list[int] = []
        known: set[bytes] = set()
        for place, (column, values) in enumerate(columns.items()):
            v = np.asarray(values)
            if v.shape != (m,):
                raise UsageError(f"Column '{column}' has shape {v.shape}, but there are {m} examples.")
            for name, inside in _column_conditions(column, v):
                key = np.packbits(inside).tobytes()
                if least <= inside.sum() <= m - least and key not in known:
                    known.add(key)
                    names.append(name)
                    members.append(inside)
                    of_column.append(place)
        return cls(names, np.array(of_column, int), np.array(members, bool).reshape(len(members), m))

    def among(self, rows: Array) -> Conditions:
        """The same for some of the examples."""
        return Conditions(self.names, self.columns, self.members[:, rows])


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
    conditions: Conditions, wrong: Array, least: int, shuffles: int, rng: np.random.Generator, codes: Array | None
) -> tuple[list[int], float] | None:
    """The slice of one to three conditions that stands out most, and its p value among all that were tried."""
    if len(wrong) == 0 or wrong.min() == wrong.max():
        return None
    # The first column is the truth, the others shuffled mistakes: the same search runs on all at once.
    outcomes = shuffled(wrong, shuffles, rng, codes)
    inside = conditions.members.astype(np.float32)
    single = standardized_excess(inside, outcomes, least)
    pairs, triples = _Best(outcomes.shape[1]), _Best(outcomes.shape[1])
    beams = _Beams(outcomes.shape[1])
    for k in range(len(inside) - 1):
        scores = standardized_excess(inside[k] * inside[k + 1 :], outcomes, least)
        others = np.arange(k + 1, len(inside))
        beams.offer(scores, k, others)
        adds = scores > np.maximum(single[k], single[k + 1 :]) + WORTH_A_CONDITION
        pairs.offer(np.where(adds, scores, -np.inf), np.stack([np.full(len(others), k), others], axis=1))
    if len(inside) > 2:
        _extend(beams, triples, inside, outcomes, least)
    found = _Best(outcomes.shape[1])
    found.offer(single, np.arange(len(inside))[:, None])
    families = [family for family in (found, pairs, triples) if np.isfinite(family.scores[0])]
    if not families:
        return None
    leads = np.array([family.lead() for family in families])
    clearest = families[int(leads[:, 0].argmax())]
    overall = leads.max(0)
    chosen = _simplest([int(c) for c in clearest.chosen], inside, outcomes[:, :1], least)
    return chosen, float((overall >= overall[0] - 1e-9).mean())


def _simplest(chosen: list[int], inside: Array, outcome: Array, least: int) -> list[int]:
    """The conditions without those that any of as many random ones would add as much as."""

    def strength(conditions: list[int]) -> float:
        return max(0.0, float(standardized_excess(inside[conditions].prod(0)[None], outcome, least)[0, 0])) ** 2

    while len(chosen) > 1:
        fewer = [[c for c in chosen if c != each] for each in chosen]
        best = max(fewer, key=strength)
        if strength(chosen) - strength(best) >= WORTH * np.log(len(inside)):
            break
        chosen = best
    return chosen


class _Best:
    """The best score of each outcome (r,) among slices of as many conditions; which one, of the first outcome."""

    def __init__(self, outcomes: int) -> None:
        self.scores = np.full(outcomes, -np.inf)
        self.chosen: Array = np.empty(0, int)

    def offer(self, scores: Array, slices: Array) -> None:
        """Take these (s, r) into account, of slices whose conditions are ``slices`` (s, conditions)."""
        top = scores.max(0)
        if top[0] > self.scores[0]:
            self.chosen = slices[int(scores[:, 0].argmax())]
        self.scores = np.maximum(self.scores, top)

    def lead(self) -> Array:
        """How far each outcome's best lies above what shuffled mistakes have, in their standard deviations, (r,)."""
        chance = self.scores[1:][np.isfinite(self.scores[1:])]
        if len(chance) < 2:
            return self.scores
        return (self.scores - chance.mean()) / max(float(chance.std()), 1e-6)


class _Beams:
    """The few pairs of conditions with the highest scores, for each outcome its own."""

    def __init__(self, outcomes: int) -> None:
        self.scores = np.full((BEAM, outcomes), -np.inf)
        self.pairs = np.zeros((BEAM, outcomes, 2), int)

    def offer(self, scores: Array, first: int, seconds: Array) -> None:
        """Keep the best of those there are and of ``first`` with each of ``seconds``, by ``scores`` (s, r)."""
        count = min(BEAM, len(scores))
        top = np.argpartition(-scores, count - 1, axis=0)[:count]
        pairs = np.stack([np.full(top.shape, first), seconds[top]], axis=-1)
        scores = np.concatenate([self.scores, np.take_along_axis(scores, top, 0)])
        pairs = np.concatenate([self.pairs, pairs])
        kept = np.argsort(-scores, axis=0, kind="stable")[:BEAM]
        self.scores = np.take_along_axis(scores, kept, 0)
        self.pairs = np.take_along_axis(pairs, kept[..., None], 0)


def _extend(beams: _Beams, triples: _Best, inside: Array, outcomes: Array, least: int) -> None:
    """A third condition on the best pairs of each outcome."""
    for r in range(outcomes.shape[1]):
        own = outcomes[:, r : r + 1]
        for pair, score in zip(beams.pairs[:, r], beams.scores[:, r], strict=True):
            if not np.isfinite(score):
                continue
            rows = np.flatnonzero(inside[pair[0]] * inside[pair[1]])
            scores = excess_of_counts(inside[:, rows].sum(1), inside[:, rows] @ own[rows], own, least)[:, 0]
            best = int(scores.argmax())
            if scores[best] > max(score + WORTH_A_CONDITION, triples.scores[r]):
                triples.scores[r] = scores[best]
                if r == 0:
                    triples.chosen = np.array([*pair, best])


def shuffled(wrong: Array, shuffles: int, rng: np.random.Generator, codes: Array | None = None) -> Array:
    """Mistakes as they are and shuffled, float32 (m, 1 + shuffles).

    Groups are shuffled as a whole, among those of about their size; a group with fewer or more examples than the one
    whose mistakes it gets has them repeated or cut.
    """
    if codes is None:
        return np.stack([wrong, *(rng.permutation(wrong) for _ in range(shuffles))], axis=1).astype(np.float32)
    order = np.argsort(codes, kind="stable")
    members = np.split(order, np.flatnonzero(np.diff(codes[order])) + 1)
    members.sort(key=len)
    outcomes = np.empty((len(wrong), 1 + shuffles), np.float32)
    outcomes[:, 0] = wrong
    alike = np.array_split(np.arange(len(members)), max(1, len(members) // GROUPS_ALIKE))
    for s in range(1, 1 + shuffles):
        for places in alike:
            for place, donor in zip(places, rng.permutation(places), strict=True):
                values = wrong[rng.permutation(members[donor])]
                outcomes[members[place], s] = np.resize(values, len(members[place]))
    return outcomes


def standardized_excess(inside: Array, outcomes: Array, least: int) -> Array:
    """Standardized excess of mistakes (slices, outcomes) given how many there are (moments of drawing without
    replacement)."""
    return excess_of_counts(inside.sum(1, dtype=np.float64), inside @ outcomes, outcomes, least)


def excess_of_counts(sizes: Array, counts: Array, outcomes: Array, least: int) -> Array:
    """The same from the sizes (slices,) and mistakes (slices, outcomes) of slices of the examples (m, outcomes).

    Mistakes are rare, so their number in a small slice is skewed: standardized alone, small slices would look bad by
    chance most often, and set a limit that larger ones have to pass. `normal_score` takes the skewness out.
    """
    m, own = outcomes.shape[0], outcomes[:, 0].astype(np.float64)
    n = sizes.astype(np.float64)[:, None]
    spread = np.sqrt(np.maximum(n * own.var() * (m - n) / (m - 1), 1e-12))
    excess = (counts - n * own.mean()) / spread
    third = float(((own - own.mean()) ** 3).mean()) / max(float(own.var()) ** 1.5, 1e-12)
    skewness = third * (1 - 2 * n / m) / np.sqrt(np.maximum(n * (1 - n / m), 1e-9))
    return np.where((n >= least) & (n <= m - least), normal_score(excess, skewness), -np.inf)


def normal_score(standardized: Array, skewness: Array) -> Array:
    """The normal variable of one that is skewed like a gamma distribution (Wilson and Hilferty, 1931)."""
    g = np.where(np.abs(skewness) < 1e-3, 1e-3, skewness)
    return 6 / g * (np.cbrt(np.maximum(g * standardized / 2 + 1, 0)) - 1) + g / 6
