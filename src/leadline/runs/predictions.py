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

from leadline.errors import LeadlineError, UsageError
from leadline.files import replacing

SEGMENTS = b"segments"


def predictions_table(
    task: str,
    classes: Sequence[str],
    outputs: np.ndarray,
    labels: np.ndarray | None = None,
    rows: np.ndarray | None = None,
    target: str = "value",
    segments: Mapping[str, np.ndarray] | None = None,
) -> pa.Table:
    """The columns ``row``, ``label``, ``prediction``, one ``probability_CLASS`` per class, and one per segment.

    `outputs` (m, k) are probabilities of the classes, or of each label in a multi-label task, or values in
    the target's units. `labels` are class indices (m,), 0 or 1 (m, k) with NaN for a missing one, or values
    (m, k).
    A multi-label task, and a regression of several values, has its columns once per label. `segments` are the columns
    by whose values metrics are told apart, (m,) each; one whose name is taken is called ``segment_NAME``.
    """
    columns = _columns(task, classes, outputs, labels, rows)
    named = {f"segment_{name}" if name in columns else name: values for name, values in (segments or {}).items()}
    columns |= {name: pa.array(values.astype(str), pa.string()) for name, values in named.items()}
    metadata = {b"target": target.encode()} | ({SEGMENTS: json.dumps(list(named)).encode()} if named else {})
    return pa.table(columns).replace_schema_metadata(metadata)


def _columns(
    task: str, classes: Sequence[str], outputs: np.ndarray, labels: np.ndarray | None, rows: np.ndarray | None
) -> dict[str, Any]:
    columns: dict[str, Any] = {} if rows is None else {"row": rows}
    if task in ("binary", "multiclass"):
        names = np.asarray(classes, dtype=object)
        if labels is not None:
            columns["label"] = pa.array(names[labels.astype(int)], pa.string())
        columns["prediction"] = pa.array(names[outputs.argmax(1)], pa.string())
        columns |= {f"probability_{name}": outputs[:, k] for k, name in enumerate(classes)}
        return columns
    several = outputs.shape[1] > 1 or task == "multilabel"
    names = list(classes) if task == "multilabel" else [f"{k}" for k in range(outputs.shape[1])]
    for k, name in enumerate(names):
        suffix = f"_{name}" if several else ""
        if labels is not None:
            columns[f"label{suffix}"] = pa.array(labels[:, k], from_pandas=True)
        values = outputs[:, k]
        if task == "multilabel":
            columns[f"prediction{suffix}"] = (values > 0.5).astype(np.int8)
            columns[f"probability{suffix}"] = values
        else:
            columns[f"prediction{suffix}"] = values
    return columns


@dataclass(frozen=True, eq=False)
class Answers:
    """What a run answered on one set, in the order of the table.

    Attributes:
        rows: numbers of the examples in the data, (m,).
        truth: class indices (m,), labels (m, k) with NaN where missing, or values (m, k).
        labels: what was predicted, of the same kind.
        scores: probabilities of classes or labels (m, k), or the values.
        segments: by column, the part each example belongs to, texts (m,).

    """

    rows: np.ndarray
    truth: np.ndarray
    labels: np.ndarray
    scores: np.ndarray
    segments: Mapping[str, np.ndarray]


def read_answers(path: str | os.PathLike[str], task: str, classes: Sequence[str]) -> Answers:
    """Read what `write_table` wrote of a set. `leadline.errors.LeadlineError`: there is none, or it is damaged."""
    table = read_table(path)
    rows = table["row"].to_numpy()
    named = json.loads((table.schema.metadata or {}).get(SEGMENTS, b"[]"))
    segments = {name: np.array(table[name].to_pylist(), dtype=object) for name in named}
    if task in ("binary", "multiclass"):
        index = {name: k for k, name in enumerate(classes)}
        truth, labels = (np.array([index[n] for n in table[c].to_pylist()]) for c in ("label", "prediction"))
        scores = np.stack([table[f"probability_{name}"].to_numpy() for name in classes], axis=1)
        return Answers(rows, truth, labels, scores, segments)

    def stacked(kind: str) -> np.ndarray:
        if task == "multilabel":
            names = [f"{kind}_{name}" for name in classes]
        else:
            names = [kind] if kind in table.column_names else _numbered(table, kind)
        return np.stack([table[name].to_numpy() for name in names], axis=1)

    labels = stacked("prediction")
    return Answers(rows, stacked("label"), labels, stacked("probability") if task == "multilabel" else labels, segments)


def _numbered(table: pa.Table, kind: str) -> list[str]:
    count = sum(name.removeprefix(f"{kind}_").isdigit() for name in table.column_names if name.startswith(f"{kind}_"))
    return [f"{kind}_{k}" for k in range(count)]


def check_table_path(path: str | os.PathLike[str]) -> Path:
    """The path, if its ending names a format that `write_table` writes; else `leadline.errors.UsageError`."""
    path = Path(path)
    if path.suffix.lower() not in (".csv", ".parquet"):
        raise UsageError(f"{path}: predictions are written as .csv or .parquet, by the file's ending.")
    return path


def write_table(table: pa.Table, path: str | os.PathLike[str]) -> Path:
    """Write a table as CSV or Parquet, by the ending of the path; whole or not at all."""
    from pyarrow import csv

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
