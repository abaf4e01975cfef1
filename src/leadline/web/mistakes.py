"""The mistakes of a run as its page shows them: windows of cards, the causes and what they come to, and groups."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from leadline.measure import Estimate
from leadline.review.mistake_list import MistakeList, MistakeQuery, Order, ShownMistake
from leadline.review.mistakes import find_mistakes
from leadline.review.sheet import ReviewSheet
from leadline.review.store import ReviewStore
from leadline.runs.run import Run
from leadline.strategy import Cause, MistakeTable
from leadline.web.memory import Background, BackgroundTask, RecentValues, signature

WINDOW = 60
KEYS = "123456789"
TYPICAL = 6


@dataclass(frozen=True)
class Group:
    """A slice or cluster in which mistakes gather: what it is, the rows of its mistakes, and a few typical ones."""

    name: str
    note: str
    rows: frozenset[int]
    typical: tuple[int, ...] = ()


@dataclass(frozen=True)
class Filter:
    """What the page was asked for; empty texts ask for all."""

    true: str = ""
    predicted: str = ""
    cause: str = ""
    group: int | None = None
    state: str = ""
    order: Order = "sample"

    def query(self, **changed: Any) -> dict[str, str]:
        """The parts of the address, without those that ask for all."""
        values = vars(self) | changed
        return {name: str(v) for name, v in values.items() if v not in ("", None) and (name, v) != ("order", "sample")}


@dataclass(frozen=True)
class Card:
    """A mistake on the page; ``causes`` are those ticked, ``examined`` says that somebody has looked at it."""

    rank: int
    mistake: ShownMistake
    causes: tuple[str, ...]
    examined: bool
    fields: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class CauseLine:
    """A cause in the table: the key that ticks it, and what it comes to; None before anything was looked through."""

    name: str
    key: str
    count: int
    cause: Cause | None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Ends of the share's interval, in percent."""
        if self.cause is None:
            return None
        low, high = self.cause.share.interval
        return 100 * low, 100 * high


@dataclass(frozen=True)
class CauseTable:
    """The lines of the table, what their shares are of, and whether shares and ceilings are still to come."""

    lines: list[CauseLine]
    of: str
    pending: bool = False


class Mistakes:
    """What pages on mistakes ask for, over all runs."""

    def __init__(self, background: Background) -> None:
        self.background = background
        self._lists: RecentValues[MistakeList] = RecentValues(8)
        self._sheets: RecentValues[ReviewSheet] = RecentValues(16)
        self._causes: RecentValues[CauseTable] = RecentValues(32)

    def list(self, run: Run) -> MistakeList:
        """The run's mistakes. LeadlineError: it has no dev predictions."""
        return self._lists.get(signature(run.predictions_path()), lambda: MistakeList.of(run))

    def sheet(self, store: ReviewStore) -> ReviewSheet:
        """The run's reviews, read again when their files have changed."""
        return self._sheets.get((str(store.folder.path), *store.files()), store.sheet)

    def causes(self, run: Run, store: ReviewStore, wait: bool = True) -> CauseTable:
        """What the causes come to; without `wait`, where that would take long, at first only how often each is ticked.

        Resampling the residuals of a regression takes a second; everything else is done at once.
        """
        mistakes, sheet = self.list(run), self.sheet(store)
        key = (signature(run.predictions_path()), *store.files())
        if not wait and mistakes.task.graded and self._causes.peek(key) is None:
            return cause_table(sheet, mistakes, count_only=True)
        return self._causes.get(key, lambda: cause_table(sheet, mistakes))

    def groups(self, run: Run) -> BackgroundTask:
        """The search for slices and clusters, in the background; its result is a list of `Group`."""
        key = ("groups", signature(run.predictions_path()))
        return self.background.start(key, lambda: find_groups(run))

    def ranks(self, run: Run, sheet: ReviewSheet, asked: Filter) -> Any:
        """Places of the asked mistakes in their order; None while the group is still being looked for."""
        rows: frozenset[int] | None = None
        if asked.group is not None:
            task = self.groups(run)
            if not task.done.is_set():
                return None
            groups = task.result or []
            rows = groups[asked.group].rows if 0 <= asked.group < len(groups) else frozenset()
        if asked.cause:
            ticked = frozenset(sheet.tags.get(asked.cause, ()))
            rows = ticked if rows is None else rows & ticked
        if asked.state:
            every = self.list(run).rows.tolist() if rows is None else rows
            rows = frozenset(row for row in every if (row in sheet.examined) == (asked.state == "done"))
        query = MistakeQuery(asked.true or None, asked.predicted or None, rows)
        return self.list(run).ranks(query, asked.order)


def find_groups(run: Run) -> list[Group]:
    """Slices or clusters in which the run's mistakes gather, the clearest first."""
    mistakes = find_mistakes(run)
    groups = []
    for part in mistakes.slices:
        rows = frozenset(mistakes.rows[[k for k in part.rows if mistakes.wrong[k]]].tolist())
        groups.append(Group(part.description, _note(part.metric, part.error, part.rest, part.share), rows))
    for number, cluster in enumerate(mistakes.clusters, 1):
        rows = frozenset(mistakes.rows[cluster.mistakes].tolist())
        note = _note("error", cluster.error, cluster.rest, cluster.share)
        typical = tuple(mistakes.rows[cluster.mistakes[:TYPICAL]].tolist())
        groups.append(Group(f"Alike {number}", note, rows, typical))
    return groups


def _note(metric: str, error: Estimate, rest: Estimate, share: float) -> str:
    return f"{metric} {error.plain()}, elsewhere {rest.plain()}; {100 * share:.0f} % of the mistakes"


def cause_table(sheet: ReviewSheet, mistakes: MistakeList, count_only: bool = False) -> CauseTable:
    """The causes in the order of their keys, and those without one.

    Rows that are no mistakes any more do not count. A regression says at last what nobody has looked at.
    """
    examined = [row for row in sheet.examined if row in mistakes.position]
    ticks = {name: np.array([row in sheet.tags[name] for row in examined], bool) for name in sheet.causes}
    causes: dict[str, Cause] = {}
    unexplained = rest = None
    of, known = mistakes.judged.shares_of, bool(examined and ticks)
    if known and not count_only:
        analysis = mistakes.judged.analyse(MistakeTable(tuple(examined), ticks))
        causes, unexplained = {cause.name: cause for cause in analysis.causes}, analysis.unexplained
        rest, of = analysis.rest, analysis.of
    lines = [
        CauseLine(name, KEYS[k] if k < len(KEYS) else "", int(column.sum()), causes.get(name))
        for k, (name, column) in enumerate(ticks.items())
    ]
    untold = len(examined) - int(np.logical_or.reduce([np.zeros(len(examined), bool), *ticks.values()]).sum())
    lines.append(CauseLine("", "0", untold, unexplained))
    if rest is not None:
        lines.append(CauseLine("", "", rest.count, rest))
    return CauseTable(lines, of, known and count_only)


def tags_of(sheet: ReviewSheet, rows: Iterable[int]) -> dict[str, list[str] | None]:
    """The causes of each row as JSON; None for rows that nobody has looked at."""
    return {str(row): sheet.tags_of(row) if row in sheet.examined else None for row in rows}
