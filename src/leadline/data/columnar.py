"""Tables in columns: Parquet, Arrow and JSON lines files, data frames, and dictionaries of columns."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import feather, json, parquet

from leadline.data.raw import RawTable, as_raw_table, reading


def read_parquet(name: str, source: str, path: Path) -> RawTable:
    """The columns of a Parquet file."""
    with reading(source, "Parquet"):
        return as_raw_table(name, source, _validated(parquet.read_table(path)))


def read_arrow(name: str, source: str, path: Path) -> RawTable:
    """The columns of an Arrow (Feather, IPC) file."""
    with reading(source, "Arrow"):
        return as_raw_table(name, source, _validated(feather.read_table(path, memory_map=False)))


def _validated(table: pa.Table) -> pa.Table:
    """The table, if its buffers hold what they announce; Arrow itself would read past their ends."""
    table.validate(full=True)
    return table


def read_json_lines(name: str, source: str, raw: bytes) -> RawTable:
    """The columns of a file with one JSON object on each line."""
    with reading(source, "JSON lines"):
        table = _validated(json.read_json(pa.BufferReader(raw)))
        return as_raw_table(name, source, table, lambda row: f"{source}, line {row + 1}")


def table_of(value: Any) -> pa.Table | None:
    """A data frame (pandas, polars, Arrow) or a dictionary of columns as a table; None for anything else."""
    source = f"the {type(value).__name__} given"
    with reading(source, "a table", advice=""):
        if isinstance(value, pa.Table):
            return value
        if isinstance(value, pa.RecordBatch):
            return pa.Table.from_batches([value])
        if hasattr(value, "iloc") and hasattr(value, "columns"):
            frame = value.copy(deep=False)
            frame.columns = [str(column) for column in frame.columns]
            return pa.Table.from_pandas(frame, preserve_index=False)
        if hasattr(value, "__arrow_c_stream__") and hasattr(value, "columns"):
            return pa.table(value)
        if isinstance(value, Mapping) and value and all(np.ndim(column) == 1 for column in value.values()):
            return pa.table({str(name): column_of(column) for name, column in value.items()})
    return None


def column_of(values: Any) -> pa.ChunkedArray:
    """One column from a NumPy array, a list, or a series of a data frame."""
    if hasattr(values, "to_arrow"):
        values = values.to_arrow()
    array = values if isinstance(values, pa.Array | pa.ChunkedArray) else pa.array(values, from_pandas=True)
    return array if isinstance(array, pa.ChunkedArray) else pa.chunked_array([array])
