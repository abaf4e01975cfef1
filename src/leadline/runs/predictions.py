"""A set's predictions as a Parquet file: one row per example, readable by any tool."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from leadline.errors import LeadlineError, UsageError


def predictions_table(
    task: str,
    classes: Sequence[str],
    outputs: np.ndarray,
    labels: np.ndarray | None = None,
    rows: np.ndarray | None = None,
    target: str = "value",
) -> pa.Table:
    """The columns ``row``, ``label``, ``prediction`` and one ``probability_CLASS`` per class.

    `outputs` (m, k) are probabilities of the classes, or of each label in a multi-label task, or values in
    the target's units. `labels` are class indices (m,), 0 or 1 (m, k) with NaN for a missing one, or values
    (m, k).
    A multi-label task, and a regression of several values, has its columns once per label.
    """
    columns: dict[str, Any] = {} if rows is None else {"row": rows}
    if task in ("binary", "multiclass"):
        names = np.asarray(classes, dtype=object)
        if labels is not None:
            columns["label"] = pa.array(names[labels.astype(int)], pa.string())
        columns["prediction"] = pa.array(names[outputs.argmax(1)], pa.string())
        columns |= {f"probability_{name}": outputs[:, k] for k, name in enumerate(classes)}
        return pa.table(columns)
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
    return pa.table(columns).replace_schema_metadata({"target": target})


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
    draft = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        writers[path.suffix.lower()](table, draft)
        draft.replace(path)
    except OSError as error:
        raise LeadlineError(f"{path} cannot be written: {error.strerror or error}.") from None
    return path


def read_table(path: str | os.PathLike[str]) -> pa.Table:
    """A set's predictions. `leadline.errors.LeadlineError`: there are none, or the file is damaged."""
    try:
        return pq.read_table(path)
    except FileNotFoundError:
        raise LeadlineError(f"There are no predictions at {path}.") from None
    except (OSError, pa.ArrowInvalid) as error:
        raise LeadlineError(f"{path} cannot be read: {error}") from None
