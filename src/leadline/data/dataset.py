"""A data set as a value: typed inputs, encoded targets, and what was noticed while reading them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from leadline.data.class_values import ClassType
from leadline.data.mapped import blocks_of_rows
from leadline.data.settings import DataSettings
from leadline.errors import UsageError, nearest
from leadline.limits import TextEncoding
from leadline.measure.tasks import Task, task_named

USED_KINDS = ("number", "category", "boolean", "date", "text", "image", "series")
"""The kinds of columns a network is given; all other kinds are left out with a notice."""


@dataclass(frozen=True)
class Feature:
    """A column as it was understood: its name, its kind, and why (or why it was left out)."""

    name: str
    kind: str
    note: str = ""

    @property
    def used(self) -> bool:
        """Whether the network is given this column."""
        return self.kind in USED_KINDS


@dataclass(frozen=True, eq=False)
class Column:
    """The typed values of one used column, n of them.

    number and boolean: float64 with NaN for a missing value. category and text: int32 codes into ``levels``, −1 for a
    missing value. date: datetime64[s] with NaT for a missing value.
    """

    name: str
    kind: str
    values: np.ndarray
    levels: tuple[str, ...] = ()

    def take(self, indices: np.ndarray | slice) -> Column:
        """The same column with the rows of ``indices`` only."""
        return Column(self.name, self.kind, self.values[indices], self.levels)


def level_order(level: str) -> tuple[int, float, str]:
    """The order of a category's levels: numbers by their size, then texts by alphabet."""
    try:
        number = float(level)
    except ValueError:
        return (1, 0.0, level)
    return (0, number, level) if number == number else (1, 0.0, level)


@dataclass(frozen=True, eq=False)
class Dataset:
    """n examples: inputs that are columns of a table or one array, and a target for each.

    ``inputs`` is a tuple of `Column` or an array (n, …). ``target`` holds class indices, int64 (n,), for
    classification, and float64 (n, k) for regression and multilabel tasks (NaN: a label that is missing).
    ``sets`` says what each row may serve for when dev or test sets or extra sources were given: 0 anything, 1 dev,
    2 test, 3 training alone. ``sources`` names several sources, ``source_of`` (n,) tells which of them a row is
    from, and ``weights`` (n,) how much it counts in training (None: all alike). ``names`` are names of examples
    such as files. ``table`` keeps all columns as they were read, for showing rows to people. Of a streamed source only
    some rows are here: ``row_numbers`` (n,) says which, from 0, and ``streamed`` what the whole is. ``class_type`` says
    what the values of the classes were, whose names are text here.
    """

    name: str
    task: Task
    classes: tuple[str, ...]
    features: tuple[Feature, ...]
    inputs: tuple[Column, ...] | np.ndarray
    target: np.ndarray
    target_names: tuple[str, ...]
    settings: DataSettings = field(default_factory=DataSettings)
    notices: list[str] = field(default_factory=list)
    image_shape: tuple[int, int, int] | None = None
    sets: np.ndarray | None = None
    table: pa.Table | None = None
    sources: tuple[str, ...] = ()
    source_of: np.ndarray | None = None
    weights: np.ndarray | None = None
    names: tuple[str, ...] = ()
    row_numbers: np.ndarray | None = None
    streamed: Mapping[str, Any] = field(default_factory=dict)
    class_type: ClassType = "text"

    def __post_init__(self) -> None:
        object.__setattr__(self, "task", task_named(self.task))

    @property
    def n(self) -> int:
        """Number of examples."""
        return len(self.target)

    def __len__(self) -> int:
        return self.n

    @property
    def target_name(self) -> str:
        """The name of the target; several are joined by commas, which `leadline.data.read` understands, too."""
        return ", ".join(self.target_names)

    @property
    def is_classification(self) -> bool:
        """Whether each example has exactly one class."""
        return self.task.one_class

    @property
    def normalization(self) -> str:
        """The normalization that ``"auto"`` comes to: ``"unit"`` for images, else ``"standardize"``."""
        if self.settings.normalization != "auto":
            return self.settings.normalization
        pixels = isinstance(self.inputs, np.ndarray) and self.inputs.dtype == np.uint8
        return "unit" if pixels or self.image_shape is not None else "standardize"

    @property
    def is_series(self) -> bool:
        """Whether the inputs are series (n, steps, channels), with NaN past the end of shorter ones."""
        return self.features[0].kind == "series"

    @property
    def text_columns(self) -> tuple[str, ...]:
        """The columns of text that are used."""
        return tuple(each.name for each in self.inputs if each.kind == "text") if isinstance(self.inputs, tuple) else ()

    @property
    def text_encoding(self) -> TextEncoding:
        """The encoding of text that "auto" comes to: "tfidf" for text alone, "lsa" beside others and in streams."""
        if self.settings.text != "auto":
            return self.settings.text
        return "lsa" if len(self.inputs) > 1 or self.streamed else "tfidf"

    def class_counts(self) -> dict[str, int]:
        """Examples of each class by name; for multilabel tasks, examples that carry the label."""
        if self.is_classification:
            counts = np.bincount(self.target, minlength=len(self.classes))
        else:
            counts = np.nansum(self.target, axis=0) if self.classes else []
        return {name: int(count) for name, count in zip(self.classes, counts, strict=True)}

    def images(self, indices: Any = slice(None)) -> np.ndarray:
        """The inputs as pictures to draw: uint8 (m, h, w, c); only where ``image_shape`` is known."""
        if self.image_shape is None or not isinstance(self.inputs, np.ndarray):
            raise ValueError(f"the inputs of {self.name} are not images")
        values = self.inputs[indices].reshape(-1, *self.image_shape)
        if values.dtype == np.uint8:
            return values
        low, high = self._value_range
        return np.round((values - low) * (255 / ((high - low) or 1))).astype(np.uint8)

    def rows(self, indices: Any) -> list[dict[str, Any]]:
        """Rows as they were read (all columns, also the ones left out); empty dictionaries for arrays."""
        chosen = np.asarray(indices, dtype=np.int64)
        if self.table is None:
            return [{} for _ in chosen]
        records = self.table.take(pa.array(chosen)).to_pylist()
        if self.row_numbers is None:
            return records
        numbers = self.row_numbers[chosen].tolist()
        return [{"row in the source": number + 1} | row for number, row in zip(numbers, records, strict=True)]

    def segments(self, indices: Any = slice(None)) -> dict[str, np.ndarray]:
        """The values of the segment columns by name, text (m,), for metrics by segment; several sources are one."""
        segments: dict[str, np.ndarray] = {}
        for name in self.settings.segments if self.table is not None else ():
            segments[name] = self.column(name, indices)
        if self.source_of is not None:
            segments.setdefault("source", np.array(self.sources)[self.source_of[indices]])
        return segments

    def column(self, name: str, indices: Any = slice(None)) -> np.ndarray:
        """The values of any column as texts (m,), missing ones empty. `leadline.errors.UsageError`: no such column."""
        names = [] if self.table is None else self.table.column_names
        if self.table is None or name not in names:
            raise UsageError(f"There is no column '{name}' in {self.name}.{nearest(name, names)}")
        return np.array(["" if v is None else str(v) for v in self.table.column(name).to_pylist()])[indices]

    def fingerprint(self) -> dict[str, Any]:
        """What the data was: a hash of all values, sizes, columns with their kinds, target and classes."""
        facts: dict[str, Any] = {
            "name": self.name,
            "sha256": self._content_hash,
            "n": self.n,
            "task": self.task,
            "target": self.target_name,
            "columns": [{"name": f.name, "kind": f.kind, "note": f.note} for f in self.features],
        }
        if self.streamed:
            facts["streamed"] = dict(self.streamed)
        if self.classes:
            facts["classes"] = self.class_counts()
        if self.image_shape is not None:
            facts["image_shape"] = list(self.image_shape)
        if self.sets is not None:
            counts = np.bincount(self.sets, minlength=4).tolist()
            facts["given_sets"] = dict(
                zip(("main", "dev", "test", "extra"), counts[: 4 if counts[3] else 3], strict=False)
            )
        if self.source_of is not None:
            counts = np.bincount(self.source_of, minlength=len(self.sources)).tolist()
            facts["sources"] = [f"{name}: {count}" for name, count in zip(self.sources, counts, strict=True)]
        return facts

    @cached_property
    def _value_range(self) -> tuple[float, float]:
        values = np.asarray(self.inputs)
        return min(float(values.min()), 0.0), float(values.max())

    @cached_property
    def _content_hash(self) -> str:
        digest = hashlib.sha256(repr(dict(self.streamed)).encode() if self.streamed else b"")
        columns = self.inputs
        if isinstance(columns, np.ndarray):
            columns = (Column("inputs", "array", columns),)
        target = Column(self.target_name, self.task, self.target, self.classes)
        for column in (*columns, target):
            kind = column.values.dtype.newbyteorder("<")
            layout = [column.name, column.kind, kind.str, column.values.shape, column.levels]
            digest.update(repr(layout).encode())
            for block in blocks_of_rows(column.values):
                digest.update(np.ascontiguousarray(block, kind).reshape(-1).view(np.uint8).data)
        return digest.hexdigest()
