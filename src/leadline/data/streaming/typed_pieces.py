"""Pieces of a streamed table as typed columns and encoded targets, with the types that a sample has shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from leadline.data.arrow import compute, is_text
from leadline.data.columns import Where, categories, looks_numeric, typed
from leadline.data.dataset import Column
from leadline.errors import LeadlineError
from leadline.measure.tasks import Task


@dataclass(frozen=True)
class TypedPieces:
    """The kinds of the columns that are used, the targets, and the task.

    ``given`` are the columns whose kind the user has set: text among their numbers then counts as missing.
    """

    kinds: Mapping[str, str]
    target_names: tuple[str, ...]
    task: Task
    given: frozenset[str] = frozenset()

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that a piece needs."""
        return (*self.kinds, *self.target_names)

    def usable(self, piece: pa.Table) -> np.ndarray:
        """Which rows have their target, bool (m,); of several labels, one suffices."""
        valid = [piece.column(name).is_valid().to_numpy() for name in self.target_names]
        return np.logical_or.reduce(valid) if self.task.partial_labels else np.logical_and.reduce(valid)

    def inputs(self, piece: pa.Table, where: Where) -> tuple[Column, ...]:
        """Typed columns. LeadlineError, with row and column, for a value that is not of its column's kind."""
        columns = []
        for name, kind in self.kinds.items():
            values = piece.column(name)
            if kind == "number" and name not in self.given and is_text(values.type):
                _check_numbers(name, values, where)
            columns.append(typed(name, values, kind, where))
        return tuple(columns)

    def levels(self, piece: pa.Table) -> tuple[np.ndarray, tuple[str, ...]]:
        """The classes of a piece by name, and which of them each row has, −1 for none; {} for other tasks."""
        name = self.target_names[0]
        return categories(name, piece.column(name))

    def targets(self, piece: pa.Table, where: Where, classes: Sequence[str]) -> np.ndarray:
        """Class indices int64 (m,), or numbers and labels float64 (m, k); what is missing is −1 or NaN."""
        if self.task.one_class and len(self.target_names) == 1:
            codes, levels = self.levels(piece)
            own = {name: k for k, name in enumerate(classes)}
            strange = next((level for level in levels if level not in own), None)
            if strange is not None:
                row = int(np.argmax(codes == levels.index(strange)))
                raise LeadlineError(f"{where(row)}, column '{self.target_names[0]}': '{strange}' is no known class.")
            return np.array([*(own[level] for level in levels), -1], np.int64)[codes]
        numbers = [typed(name, piece.column(name), "number", where).values for name in self.target_names]
        values = np.stack(numbers, axis=1)
        return values.argmax(axis=1) if self.task.one_class else values


def _check_numbers(name: str, values: pa.ChunkedArray, where: Where) -> None:
    wrong = ~looks_numeric(values) & compute.is_valid(values).to_numpy()
    if wrong.any():
        row = int(wrong.argmax())
        raise LeadlineError(
            f"{where(row)}, column '{name}': {str(values[row].as_py())[:40]!r} is not a number, but the column's "
            f'other values are.\nMend it, or set types = {{ "{name}" = "number" }} to count it as missing '
            '(or "category").'
        )
