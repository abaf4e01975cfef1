"""Error analysis: mistakes in rows, causes in columns, and how far the error falls if a cause is fixed.

One looks through a sample of the dev mistakes and ticks every cause that applies; a mistake may have several, or
none. Source: course 3, error analysis.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leadline.errors import LeadlineError, UsageError
from leadline.files import plain, write_rows
from leadline.measure.groups import clustered_rate
from leadline.measure.intervals import Estimate, examples_for_precision, proportion
from leadline.strategy.review_files import read_lines
from leadline.text import as_cell

Array = NDArray[Any]
_YES = frozenset(("1", "x", "y", "yes", "true", "✓"))
_NO = frozenset(("", "0", "n", "no", "false", "-"))


@dataclass(frozen=True)
class MistakeTable:
    """Looked-through mistakes with their causes.

    Attributes:
        rows: which example each mistake is, its number in the data set.
        causes: by name, whether it applies to each mistake, boolean (mistakes,).
        labels: what each should have been; empty if not recorded.
        predictions: what was predicted; empty if not recorded.
        comments: free text; empty if there is none.

    """

    rows: tuple[int, ...]
    causes: Mapping[str, Array]
    labels: tuple[str, ...] = ()
    predictions: tuple[str, ...] = ()
    comments: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, ticks in self.causes.items():
            if np.shape(ticks) != (len(self.rows),):
                raise UsageError(f"Cause '{name}' has {np.size(ticks)} ticks for {len(self.rows)} mistakes.")

    def with_cause(self, name: str, rows: Iterable[int]) -> MistakeTable:
        """A copy in which the cause applies to exactly these rows; a new cause becomes a new column."""
        chosen = set(rows)
        return replace(self, causes={**self.causes, name: np.array([row in chosen for row in self.rows], bool)})

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write ``lines`` as a file; whole or not at all."""
        write_rows(path, self.lines())

    def lines(self) -> Iterator[list[Any]]:
        """A head, then one line per mistake, with one column per cause that has ``x`` where it applies."""
        extras = [(n, v) for n, v in (("label", self.labels), ("prediction", self.predictions)) if v]
        comments = self.comments or ("",) * len(self.rows)
        yield ["row", *(name for name, _ in extras), *map(as_cell, self.causes), "comment"]
        for k, row in enumerate(self.rows):
            ticks = ("x" if ticked[k] else "" for ticked in self.causes.values())
            yield [row, *(as_cell(values[k]) for _, values in extras), *ticks, as_cell(comments[k])]

    @classmethod
    def from_csv(cls, path: str | os.PathLike[str]) -> MistakeTable:
        """Read what ``to_csv`` wrote or a spreadsheet saved; x, 1, y, yes and true tick a cause.

        Raises:
            LeadlineError: if the file is missing, has no ``row`` column, or holds something that is no tick.

        """
        names, lines = read_lines(path)
        if "row" not in names:
            raise LeadlineError(f"{path} has no column 'row', which says which example each line is about.")
        causes = [name for name in names if name not in ("row", "label", "prediction", "comment")]

        def text(name: str) -> tuple[str, ...]:
            return tuple(line[name] or "" for line in lines) if name in names else ()

        return cls(
            tuple(_row_number(line["row"], k + 2, path) for k, line in enumerate(lines)),
            {name: np.array([_tick(v[name], name, k + 2, path) for k, v in enumerate(lines)], bool) for name in causes},
            text("label"),
            text("prediction"),
            text("comment"),
        )


@dataclass(frozen=True)
class Cause:
    """One cause of mistakes.

    Attributes:
        name: of the cause.
        count: looked-through mistakes that it applies to.
        share: of the mistakes.
        ceiling: the error that is left at best when the cause is fixed altogether.
        gain: by how much the error falls then.

    """

    name: str
    count: int
    share: Estimate
    ceiling: Estimate
    gain: Estimate


@dataclass(frozen=True)
class ErrorAnalysis:
    """What the mistakes come from, the cause with the largest share first; ``unexplained`` have no cause ticked.

    Shares are ``of`` the mistakes, or of what the error adds up in another task. ``rest`` is what nobody has looked
    through, where the largest were looked through and not a sample.
    """

    error: Estimate
    examined: int
    causes: tuple[Cause, ...]
    unexplained: Cause
    of: str = "mistakes"
    rest: Cause | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return plain(self)

    def __str__(self) -> str:
        shown = (*self.causes, self.unexplained, *([self.rest] if self.rest else []))
        width = max(len(cause.name) for cause in shown)
        lines = [f"{self.examined} mistakes looked through; error {self.error}"]
        for cause in shown:
            share = f"{cause.share.plain():>7} of {self.of} ({cause.share.range()})"
            lines.append(f"  {cause.name:<{width}}  {share}; at best {cause.ceiling.plain()} ({cause.ceiling.range()})")
        return "\n".join(lines)


def analyse(
    causes: Mapping[str, ArrayLike], error: Estimate, weights: ArrayLike | None = None, of: str = "mistakes"
) -> ErrorAnalysis:
    """Share, ceiling and rank of each cause.

    Args:
        causes: by name, whether it applies to each looked-through mistake, boolean (mistakes,). The mistakes are all
            of the dev set's or a random sample of them.
        error: the dev error.
        weights: how much each mistake counts in the error, such as its number of wrong labels; None counts all alike.
        of: what the shares are of.

    Raises:
        UsageError: without mistakes or causes, or if the columns differ in length.

    """
    columns = {name: np.asarray(ticks, bool) for name, ticks in causes.items()}
    lengths = {len(ticks) for ticks in columns.values()}
    if len(lengths) != 1 or 0 in lengths:
        raise UsageError(f"Error analysis needs causes of one length above 0, got {sorted(lengths)}.")
    any_cause = np.logical_or.reduce(list(columns.values()))
    w = None if weights is None else np.asarray(weights, float)
    found = [_cause(name, ticks, error, w) for name, ticks in columns.items()]
    found.sort(key=lambda cause: -cause.share.value)
    return ErrorAnalysis(error, len(any_cause), tuple(found), _cause("unexplained", ~any_cause, error, w), of)


def ceiling_of(causes: Mapping[str, ArrayLike], names: Sequence[str], error: Estimate) -> Cause:
    """Several causes fixed together: mistakes that have more than one of them count once.

    Raises:
        UsageError: if a name is none of the causes.

    """
    for name in names:
        if name not in causes:
            raise UsageError(f"'{name}' is none of the causes: {', '.join(causes)}.")
    together = np.logical_or.reduce([np.asarray(causes[name], bool) for name in names])
    return _cause(" + ".join(names), together, error)


def sample_size(mistakes: int, half_width: float = 0.1) -> int:
    """How many of the mistakes to look through so that every share is known to within ±half_width.

    Raises:
        UsageError: for a negative number of mistakes, or as `leadline.measure.examples_for_precision`.

    """
    if mistakes < 0:
        raise UsageError(f"A number of mistakes is at least 0, got {mistakes}.")
    wanted = examples_for_precision(0.5, half_width)
    # Drawn from so few, a sample tells more than from endlessly many.
    corrected = int(np.ceil(wanted / (1 + (wanted - 1) / mistakes))) if mistakes else 0
    return min(corrected, mistakes)


def sample_mistakes(wrong: ArrayLike, size: int, seed: int = 0) -> Array:
    """Row numbers of a random sample of the mistakes, in order; ``wrong`` is boolean (m,)."""
    rows = np.flatnonzero(np.asarray(wrong, bool))
    return np.sort(np.random.default_rng(seed).permutation(rows)[:size])


def _cause(name: str, ticks: Array, error: Estimate, weights: Array | None = None) -> Cause:
    def share_of(chosen: Array) -> Estimate:
        if weights is None:
            return proportion(int(chosen.sum()), len(chosen), error.level)
        return clustered_rate(weights * chosen, weights, error.level)

    share, rest = share_of(ticks), share_of(~ticks)
    gain = replace(product(error, share), unit="points" if error.unit == "%" else error.unit)
    return Cause(name, int(ticks.sum()), share, product(error, rest), gain)


def product(first: Estimate, second: Estimate) -> Estimate:
    """Product of two independent estimates that are 0 or more, with the interval that theirs imply.

    Source: Zou and Donner (2008), the method of variance estimates recovery, for a product to first order.
    """
    x, y = first.value, second.value
    (x_low, x_high), (y_low, y_high) = first.interval, second.interval
    value = x * y
    low = max(float(value - np.hypot(y * (x - x_low), x * (y - y_low))), 0.0)
    high = float(value + np.hypot(y * (x_high - x), x * (y_high - y)))
    return Estimate(value, low, high, None, first.level, first.unit)


def _row_number(text: Any, line: int, path: Any) -> int:
    try:
        return int(text)
    except (TypeError, ValueError):
        raise LeadlineError(f"{path}, line {line}: row must be a whole number, got {text!r}.") from None


def _tick(text: str | None, cause: str, line: int, path: Any) -> bool:
    value = (text or "").strip().lower()
    if value in _YES:
        return True
    if value in _NO:
        return False
    raise LeadlineError(f"{path}, line {line}: {cause} is ticked with x or left empty, got {text!r}.")
