"""A set's predictions as a Parquet file: one row per example, readable by any tool."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv

from leadline.errors import LeadlineError, UsageError
from leadline.files import replacing
from leadline.measure import task_named
from leadline.runs.folder import RunFolder

SEGMENTS, GROUPED = b"segments", b"groups"
GROUP = "group"
LEFT_OUT = "left_out"
"""The set of what the members of a final network left out, beside those of the split."""


def predictions_table(
    task: str,
    classes: Sequence[str],
    outputs: np.ndarray,
    labels: np.ndarray | None = None,
    rows: np.ndarray | None = None,
    target: str = "value",
    segments: Mapping[str, np.ndarray] | None = None,
    groups: np.ndarray | None = None,
    answers: np.ndarray | None = None,
) -> pa.Table:
    """The columns ``row``, ``label``, ``prediction``, one ``probability_CLASS`` per class, and one per segment.

    `outputs` (m, k) are probabilities of the classes, or of each label in a multi-label task, or values in
    the target's units. `labels` are class indices (m,), 0 or 1 (m, k) with NaN for a missing one, or values
    (m, k).
    A multi-label task, and a regression of several values, has its columns once per label. `segments` are the columns
    that metrics are broken down by, (m,) each; one whose name is taken is called ``segment_NAME``. `groups` (m,)
    say which examples go together, in the column ``group``. `answers` (m,) are predicted classes where a threshold
    decided; by default the most probable ones.
    """
    columns: dict[str, Any] = {} if rows is None else {"row": rows}
    made = task_named(task).columns(outputs, labels, classes)
    if answers is not None and task_named(task).one_class:
        made["prediction"] = np.asarray(classes, dtype=object)[answers]
    for name, values in made.items():
        # A label that is missing is null; a class is text, also in a table without rows.
        kind = pa.string() if values.dtype == object else None
        columns[name] = pa.array(values, kind, from_pandas=name.startswith("label"))
    columns |= {} if groups is None else {GROUP: groups}
    named = {f"segment_{name}" if name in columns else name: values for name, values in (segments or {}).items()}
    columns |= {name: pa.array(values.astype(str), pa.string()) for name, values in named.items()}
    metadata = {b"target": target.encode()} | ({SEGMENTS: json.dumps(list(named)).encode()} if named else {})
    metadata |= {} if groups is None else {GROUPED: GROUP.encode()}
    return pa.table(columns).replace_schema_metadata(metadata)


@dataclass(frozen=True, eq=False)
class Answers:
    """What a run answered on one set, in the order of the table.

    Attributes:
        rows: numbers of the examples in the data, (m,).
        truth: class indices (m,), labels (m, k) with NaN where missing, or values (m, k).
        labels: what was predicted, of the same kind.
        scores: probabilities of classes or labels (m, k), or the values.
        segments: by column, the part each example belongs to, texts (m,).
        groups: which examples go together, (m,); None where each stands for itself.

    """

    rows: np.ndarray
    truth: np.ndarray
    labels: np.ndarray
    scores: np.ndarray
    segments: Mapping[str, np.ndarray]
    groups: np.ndarray | None = None

    def in_order_of_rows(self) -> Answers:
        """The same, by ascending numbers of the examples."""
        order = np.argsort(self.rows, kind="stable")
        groups = None if self.groups is None else self.groups[order]
        segments = {name: values[order] for name, values in self.segments.items()}
        return Answers(self.rows[order], self.truth[order], self.labels[order], self.scores[order], segments, groups)


def read_answers(path: str | os.PathLike[str], task: str, classes: Sequence[str]) -> Answers:
    """Read what `write_table` wrote of a set. `leadline.errors.LeadlineError`: there is none, or it is damaged."""
    table = read_table(path)
    rows = table["row"].to_numpy()
    grouped = (table.schema.metadata or {}).get(GROUPED)
    groups = None if grouped is None else table[grouped.decode()].to_numpy()
    named = json.loads((table.schema.metadata or {}).get(SEGMENTS, b"[]"))
    segments = {name: np.array(table[name].to_pylist(), dtype=object) for name in named}
    labels, predictions, outputs = task_named(task).read_columns(
        table.column_names, lambda name: table[name].to_numpy(), classes
    )
    return Answers(rows, labels, predictions, outputs, segments, groups)


def predictions_path(folder: RunFolder, part: str) -> Path:
    """Where a run's predictions on a set ("train", "train_dev", "dev", "test") are kept."""
    return folder / "predictions" / f"{part}.parquet"


def check_table_path(path: str | os.PathLike[str]) -> Path:
    """The path, if its ending names a format that `write_table` writes; else `leadline.errors.UsageError`."""
    path = Path(path)
    if path.suffix.lower() not in (".csv", ".parquet"):
        raise UsageError(f"{path}: predictions are written as .csv or .parquet, by the file's ending.")
    return path


def write_table(table: pa.Table, path: str | os.PathLike[str]) -> Path:
    """Write a table as CSV or Parquet, by the ending of the path; whole or not at all."""
    path = check_table_path(path)
    writers = {".csv": csv.write_csv, ".parquet": pq.write_table}
    with replacing(path) as draft:
        writers[path.suffix.lower()](table, draft)
    return path


def read_table(path: str | os.PathLike[str]) -> pa.Table:
    """A set's predictions. `leadline.errors.LeadlineError`: there are none, or the file is damaged."""
    try:
        return pq.read_table(path)
    except FileNotFoundError:
        raise LeadlineError(f"There are no predictions at {path}.") from None
    except (OSError, pa.ArrowInvalid) as error:
        raise LeadlineError(f"{path} cannot be read: {error}") from None
