"""The reviews of one run in memory: which mistakes were looked through, their causes, and verdicts on labels.

Everything in a sheet is a cell of its own: a cause, a mistake that was looked through, a tick, a verdict. People's
actions change cells, so that two who work on one run at a time overwrite each other only where they mean the same cell.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np

from leadline.runs.folder import RunFolder
from leadline.runs.reviews import LABEL_VERDICTS, MISTAKES, load_mistakes, load_verdicts
from leadline.strategy.corrections import Corrections, Review
from leadline.strategy.error_analysis import MistakeTable

Kind = Literal["cause", "examined", "tag", "verdict"]


class SheetCell(NamedTuple):
    """Where something can be said: ``row`` is −1 for a cause, ``name`` is empty but for causes and ticks."""

    kind: Kind
    row: int = -1
    name: str = ""


Value = Any
"""What a cell holds, None for nothing: the place of a cause; label, prediction and comment of a mistake that was looked
through; 1 for a tick; content, old, new, verdict and time of a review."""


@dataclass
class ReviewSheet:
    """What people said about one run, cell by cell.

    Attributes:
        causes: their names in the order in which they were made.
        examined: mistakes that were looked through by row: label, prediction, comment.
        tags: rows by cause.
        verdicts: reviews of labels that are not applied yet, by row.

    """

    causes: list[str] = field(default_factory=list)
    examined: dict[int, tuple[str, str, str]] = field(default_factory=dict)
    tags: dict[str, set[int]] = field(default_factory=dict)
    verdicts: dict[int, Review] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: RunFolder) -> ReviewSheet:
        """What the files of a run say. LeadlineError: one of them is damaged."""
        sheet = cls(verdicts={review.row: review for review in load_verdicts(folder)})
        table = load_mistakes(folder)
        if table is None:
            return sheet
        blank = ("",) * len(table.rows)
        columns = (table.labels or blank, table.predictions or blank, table.comments or blank)
        sheet.examined = dict(zip(table.rows, zip(*columns, strict=True), strict=True))
        sheet.causes = list(table.causes)
        rows = np.array(table.rows, np.int64)
        sheet.tags = {name: set(rows[ticks].tolist()) for name, ticks in table.causes.items()}
        return sheet

    def write(self, folder: RunFolder, kinds: Collection[str]) -> None:
        """Write the files that hold cells of these kinds; one without anything in it goes away."""
        if {"cause", "examined", "tag"} & set(kinds):
            if self.examined or self.causes:
                self.table().to_csv(folder / MISTAKES)
            else:
                (folder / MISTAKES).unlink(missing_ok=True)
        if "verdict" in kinds:
            if self.verdicts:
                self.corrections().to_csv(folder / LABEL_VERDICTS)
            else:
                (folder / LABEL_VERDICTS).unlink(missing_ok=True)

    def table(self) -> MistakeTable:
        """The looked-through mistakes with their causes, by row."""
        rows = sorted(self.examined)
        columns = list(zip(*(self.examined[row] for row in rows), strict=True)) or [(), (), ()]
        ticks = {name: np.array([row in self.tags[name] for row in rows], bool) for name in self.causes}
        labels, predictions, comments = columns
        return MistakeTable(tuple(rows), ticks, labels, predictions, comments)

    def corrections(self) -> Corrections:
        """The verdicts by row."""
        return Corrections(tuple(self.verdicts[row] for row in sorted(self.verdicts)))

    def tags_of(self, row: int) -> list[str]:
        """The causes of a mistake, in the order of all causes."""
        return [name for name in self.causes if row in self.tags[name]]

    def get(self, cell: SheetCell) -> Value:
        """What a cell holds."""
        if cell.kind == "cause":
            return self.causes.index(cell.name) if cell.name in self.causes else None
        if cell.kind == "examined":
            columns = self.examined.get(cell.row)
            return None if columns is None else list(columns)
        if cell.kind == "tag":
            return 1 if cell.row in self.tags.get(cell.name, ()) else None
        review = self.verdicts.get(cell.row)
        return None if review is None else [review.content, review.old, review.new, review.verdict, review.when]

    def set(self, cell: SheetCell, value: Value) -> None:
        """Put a value into a cell; a tick needs its cause and its mistake, a cause goes only with its ticks."""
        setter: Mapping[str, Any] = {"cause": self._set_cause, "examined": self._set_examined, "tag": self._set_tag}
        if cell.kind == "verdict":
            if value is None:
                self.verdicts.pop(cell.row, None)
            else:
                self.verdicts[cell.row] = Review(cell.row, *value)
        else:
            setter[cell.kind](cell, value)

    def may_clear(self, cell: SheetCell) -> bool:
        """Whether nothing hangs on the cell any more: no tick on a cause, none on a mistake."""
        if cell.kind == "cause":
            return not self.tags.get(cell.name)
        return cell.kind != "examined" or not any(cell.row in rows for rows in self.tags.values())

    def _set_cause(self, cell: SheetCell, place: int | None) -> None:
        if cell.name in self.causes:
            self.causes.remove(cell.name)
        if place is None:
            self.tags.pop(cell.name, None)
        else:
            self.causes.insert(place, cell.name)
            self.tags.setdefault(cell.name, set())

    def _set_examined(self, cell: SheetCell, value: list[str] | None) -> None:
        if value is None:
            self.examined.pop(cell.row, None)
        else:
            label, prediction, comment = value
            self.examined[cell.row] = (label, prediction, comment)

    def _set_tag(self, cell: SheetCell, value: int | None) -> None:
        rows = self.tags[cell.name]
        if value is None:
            rows.discard(cell.row)
        else:
            rows.add(cell.row)
