"""Are wrong labels random or systematic?

Networks average random wrong labels out, as long as there are not too many; systematic ones they learn (course 3,
cleaning up incorrectly labelled data). Random ones hit every class and segment in proportion to its examples and turn
into any other class alike. The cells (class pairs, segments) that hold clearly more of the wrong labels than that are
named; the test accounts for how many cells there are, by the largest excess that chance alone shows among all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leadline.errors import UsageError
from leadline.files import plain
from leadline.measure.groups import group_codes
from leadline.measure.intervals import Estimate, wilson

Array = NDArray[Any]
# Cells by name, the wrong labels in each, and the part of random wrong labels that each would hold.
Family = tuple[list[str], Array, Array]
Verdict = Literal["random", "systematic", "cannot tell"]
SIGNIFICANCE = 0.05
# Wrong labels count as systematic when more than this share of them lies where chance would not have put it.
MATTERS = 0.1
DRAWS = 4000


@dataclass(frozen=True)
class Concentration:
    """A class pair or segment that holds more wrong labels than its part.

    Attributes:
        name: such as ``"4 labelled as 9"`` or ``"annotator = B"``.
        count: wrong labels in it.
        expected: how many random wrong labels would be.

    """

    name: str
    count: int
    expected: float

    def __str__(self) -> str:
        return f"{self.name}: {self.count} where chance would put {self.expected:.1f}"


@dataclass(frozen=True)
class LabelPattern:
    """Whether wrong labels are random or systematic.

    Attributes:
        verdict: ``"random"``, ``"systematic"`` or ``"cannot tell"``.
        n: wrong labels it rests on.
        p: chance of so concentrated a cell among all of them, if wrong labels were random.
        excess: the share of the wrong labels that lies in the concentrated cells beyond what chance puts there, by
            class pairs or by the column that shows it most; without such cells, in the most concentrated one.
        concentrated: the cells, those of the clearest column first.

    """

    verdict: Verdict
    n: int
    p: float
    excess: Estimate
    concentrated: tuple[Concentration, ...] = ()

    def __str__(self) -> str:
        return self.sentence("the wrong labels")

    def sentence(self, subject: str) -> str:
        """The finding in words, about such as ``"the suspects"``."""
        if not self.n:
            return "There are no wrong labels to judge."
        share = f"{self.excess.plain()} of {self.n} in excess of chance ({self.excess.range()}), p = {self.p:.2g}"
        cells = "; ".join(str(cell) for cell in self.concentrated[:3])
        look = f"{subject[:1].upper()}{subject[1:]} look {self.verdict}"
        if self.verdict == "cannot tell":
            look = f"Whether {subject} are random or systematic is inconclusive"
        return f"{look}: {share}." + (f" {cells}." if cells else "")

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return plain(self)


def label_pattern(
    given: ArrayLike,
    right: ArrayLike,
    wrong: ArrayLike,
    classes: Sequence[str] | None = None,
    segments: Mapping[str, ArrayLike] | None = None,
    matters: float = MATTERS,
    seed: int = 0,
    groups: ArrayLike | None = None,
) -> LabelPattern:
    """Judge whether wrong labels concentrate in class pairs or segments.

    Args:
        given: the labels of all examples, class indices (m,).
        right: what they should be, (m,); only read where ``wrong``.
        wrong: which labels are wrong, boolean (m,).
        classes: names of the classes.
        segments: by column, a value per example (m,): an annotator, a device, a district.
        matters: the share in excess from which wrong labels count as systematic.
        seed: of the draws.
        groups: of examples that go together, such as copies, (m,): labels of one kind in one group count once.

    Raises:
        UsageError: if the arrays differ in length.

    """
    g, r, w = np.asarray(given), np.asarray(right), np.asarray(wrong, bool)
    if not g.shape == r.shape == w.shape or g.ndim != 1:
        raise UsageError(f"Labels need lists of one length, got shapes {g.shape}, {r.shape} and {w.shape}.")
    codes = group_codes(groups, len(g))
    if codes is not None:
        # Copies repeat one label; of a group, each kind of label is one example.
        _, once = np.unique(np.stack([codes, g, np.where(w, r, g), w], axis=1), axis=0, return_index=True)
        g, r, w = g[once], r[once], w[once]
        segments = {name: np.asarray(values)[once] for name, values in (segments or {}).items()}
    n = int(w.sum())
    if n == 0:
        return LabelPattern("cannot tell", 0, 1.0, Estimate(0.0, 0.0, 1.0, 0))
    pairs = _pairs(g, np.where(w, r, g), w, classes)
    return pattern_of([pairs, *segment_families(segments, w)], n, matters, seed)


def segment_families(segments: Mapping[str, ArrayLike] | None, wrong: Array) -> list[Family]:
    """How many wrong labels each value of each column holds, and its part of random ones."""
    return [_values(name, np.asarray(values), wrong) for name, values in (segments or {}).items()]


def pattern_of(families: Sequence[Family], n: int, matters: float = MATTERS, seed: int = 0) -> LabelPattern:
    """Whether n wrong labels gather in some cells of these families; cells come with their count and chance's part."""
    if n == 0:
        return LabelPattern("cannot tell", 0, 1.0, Estimate(0.0, 0.0, 1.0, 0))
    families = [family for family in families if len(family[0]) > 1]
    if not families:
        return LabelPattern("cannot tell", n, 1.0, Estimate(0.0, 0.0, 1.0, n))
    p, limit = _chance(families, n, np.random.default_rng(seed))
    judged = sorted((_judge(*family, n, limit) for family in families), key=lambda found: -found[0].value)
    excess = next((found for found, cells in judged if cells), judged[0][0])
    cells = tuple(cell for _, found in judged for cell in found)
    return LabelPattern(_verdict(p, excess, matters), n, p, excess, cells)


def _verdict(p: float, excess: Estimate, matters: float) -> Verdict:
    low, high = excess.interval
    if p < SIGNIFICANCE and low > matters:
        return "systematic"
    if high < matters or (p >= SIGNIFICANCE and high < 2 * matters):
        return "random"
    return "cannot tell"


def _pairs(given: Array, right: Array, wrong: Array, classes: Sequence[str] | None) -> Family:
    """Every ordered class pair: its name, how many wrong labels it holds, and its part of random ones.

    A random wrong label is drawn from all examples alike and becomes any other class alike.
    """
    k = int(max(given.max(), right.max())) + 1 if classes is None else len(classes)
    names = [str(c) for c in range(k)] if classes is None else list(classes)
    counts = np.bincount(right[wrong] * k + given[wrong], minlength=k * k).reshape(k, k)
    parts = np.repeat(np.bincount(right, minlength=k)[:, None] / max(k - 1, 1), k, axis=1)
    off = ~np.eye(k, dtype=bool)
    labels = [f"{names[i]} labelled as {names[j]}" for i, j in np.argwhere(off)]
    return labels, counts[off], parts[off] / parts[off].sum()


def _values(column: str, values: Array, wrong: Array) -> Family:
    if values.shape != wrong.shape:
        raise UsageError(f"Segment '{column}' has shape {values.shape}, but there are {len(wrong)} labels.")
    levels, codes = np.unique(values.astype(str), return_inverse=True)
    counts = np.bincount(codes[wrong], minlength=len(levels))
    return [f"{column} = {level}" for level in levels], counts, np.bincount(codes) / len(codes)


def _standardized(counts: Array, parts: Array, n: int) -> Array:
    """How many standard deviations more than its part each cell holds."""
    expected = n * parts
    return (counts - expected) / np.sqrt(np.maximum(expected * (1 - parts), 1e-12))


def _chance(families: Sequence[Family], n: int, rng: np.random.Generator) -> tuple[float, float]:
    """The p value of the largest excess over all families, and the excess that random labels rarely reach."""
    observed, largest = -np.inf, np.full(DRAWS, -np.inf)
    for _, counts, parts in families:
        observed = max(observed, float(_standardized(counts, parts, n).max()))
        drawn = rng.multinomial(n, parts, size=DRAWS)
        largest = np.maximum(largest, _standardized(drawn, parts, n).max(1))
    p = (1 + int((largest >= observed - 1e-9).sum())) / (DRAWS + 1)
    return p, float(np.quantile(largest, 1 - SIGNIFICANCE))


def _judge(
    names: list[str], counts: Array, parts: Array, n: int, limit: float
) -> tuple[Estimate, tuple[Concentration, ...]]:
    """The cells beyond the limit, and the share of the wrong labels that they hold in excess."""
    score = _standardized(counts, parts, n)
    beyond = score > limit
    chosen = beyond if beyond.any() else np.arange(len(score)) == int((counts - n * parts).argmax())
    count, part = int(counts[chosen].sum()), float(parts[chosen].sum())
    low, high = wilson(count, n)
    excess = Estimate(count / n - part, float(low) - part, float(high) - part, n)
    order = np.argsort(-(counts - n * parts))
    cells = tuple(Concentration(names[k], int(counts[k]), float(n * parts[k])) for k in order if beyond[k])
    return excess, cells
