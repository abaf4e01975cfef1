"""What one pass over a table that stays on disk finds out: statistics, classes, and the rows to keep in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from leadline.data.splitting.dealing import DEV, TEST, TRAIN, TRAIN_DEV, UNUSED
from leadline.data.streaming.row_groups import RowGroup
from leadline.data.streaming.row_sets import RowSets
from leadline.data.streaming.running_statistics import ColumnStatistics, NumberStatistics, statistics_of
from leadline.data.streaming.typed_pieces import TypedPieces
from leadline.data.threads import in_threads


@dataclass(frozen=True, eq=False)
class Facts:
    """What is known of a group of rows, or of several.

    ``columns`` and ``targets`` are statistics of training rows, ``classes`` how often each occurs in which set;
    ``kept`` are the rows to keep in memory, ``rows`` their numbers and ``codes`` their sets.
    """

    columns: dict[str, ColumnStatistics] = field(default_factory=dict)
    targets: tuple[NumberStatistics, ...] = ()
    classes: Counter[tuple[int, str]] = field(default_factory=Counter)
    counts: np.ndarray = field(default_factory=lambda: np.zeros(5, np.int64))
    without_target: int = 0
    kept: tuple[pa.Table, ...] = ()
    rows: tuple[np.ndarray, ...] = ()
    codes: tuple[np.ndarray, ...] = ()
    parts: tuple[np.ndarray, ...] = ()

    def __add__(self, other: Facts) -> Facts:
        columns = dict(self.columns)
        for name, statistics in other.columns.items():
            columns[name] = columns[name] + statistics if name in columns else statistics  # type: ignore[operator]
        targets = other.targets if not self.targets else self.targets
        if self.targets and other.targets:
            targets = tuple(a + b for a, b in zip(self.targets, other.targets, strict=True))
        return Facts(
            columns,
            targets,
            self.classes + other.classes,
            self.counts + other.counts,
            self.without_target + other.without_target,
            self.kept + other.kept,
            self.rows + other.rows,
            self.codes + other.codes,
            self.parts + other.parts,
        )


def gather_facts(groups: Sequence[RowGroup], sets: RowSets, pieces: TypedPieces, share: float) -> Facts:
    """One pass over all rows, several groups at a time."""
    total = Facts()
    for start in range(0, len(groups), 64):  # facts are merged now and then, in order
        some = groups[start : start + 64]
        each = in_threads(lambda group: _facts(group, sets, pieces, share), some, sum(group.n for group in some))
        for facts in each:
            total = total + facts
    return total


def _facts(group: RowGroup, sets: RowSets, pieces: TypedPieces, share: float) -> Facts:
    facts = Facts()
    for row, piece in group.pieces():
        facts = facts + _facts_of_piece(group, row, piece, sets, pieces, share)
    return facts


def _facts_of_piece(
    group: RowGroup, row: int, piece: pa.Table, sets: RowSets, pieces: TypedPieces, share: float
) -> Facts:
    where, usable = group.where(row), pieces.usable(piece)
    codes = np.where(usable, sets.of_piece(group, row, piece), UNUSED)
    training = codes == TRAIN
    inputs = [column for column in pieces.inputs(piece, where) if column.kind != "text"]
    columns = {column.name: statistics_of(column.take(training)) for column in inputs}
    classes: Counter[tuple[int, str]] = Counter()
    targets: tuple[NumberStatistics, ...] = ()
    if pieces.task.standardized:
        values = pieces.targets(piece, where, ())[training]
        targets = tuple(NumberStatistics.of(values[:, k]) for k in range(values.shape[1]))
    elif pieces.task.one_class and len(pieces.target_names) == 1:
        places, levels = pieces.levels(piece)
        for code in np.unique(codes[usable]).tolist():
            counts = np.bincount(places[(codes == code) & usable], minlength=len(levels))
            classes.update({(code, level): int(n) for level, n in zip(levels, counts, strict=True) if n})
    first = group.start + row
    kept = np.isin(codes, (TRAIN_DEV, DEV, TEST)) | (training & sets.sampled(share, first, len(piece)))
    rows = np.flatnonzero(kept)
    return Facts(
        columns,
        targets,
        classes,
        np.bincount(codes + 1, minlength=5),
        int((~usable).sum()),
        (piece.take(pa.array(rows)),) if len(rows) else (),
        (first + rows,) if len(rows) else (),
        (codes[rows],) if len(rows) else (),
        (np.full(len(rows), group.part, np.int32),) if len(rows) else (),
    )
