"""Tables in columns: Parquet, Arrow and JSON lines files, data frames, and dictionaries of columns."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import feather, json, parquet

from leadline.data.arrow import plain
from leadline.data.sources.arrays import TARGET_NAMES
from leadline.data.sources.images import ImageRequest, decoded, image_bytes
from leadline.data.sources.limits import check_json
from leadline.data.sources.raw import RawArrays, RawTable, as_raw_table, reading
from leadline.errors import UsageError, nearest


def parquet_head(source: str, path: Path) -> parquet.FileMetaData:
    """What a Parquet file says of its columns and row groups."""
    with reading(source, "Parquet"):
        return parquet.read_metadata(path)


def read_parquet(source: str, path: Path, head: parquet.FileMetaData, without: str | None = None) -> pa.Table:
    """The columns of a Parquet file whose head was read, but for the one that is to be left out."""
    with reading(source, "Parquet"), parquet.ParquetFile(path, metadata=head) as file:
        names = None if without is None else [name for name in file.schema_arrow.names if name != without]
        return _validated(file.read(columns=names))


def read_arrow(source: str, path: Path) -> pa.Table:
    """The columns of an Arrow (Feather, IPC) file."""
    with reading(source, "Arrow"):
        return _validated(feather.read_table(path, memory_map=False))


class EncodedImages(Sequence[bytes]):
    """The encoded images of a column of a Parquet file by row, of which a few row groups are in memory at a time."""

    GROUPS = 3

    def __init__(self, source: str, path: Path, column: str, head: parquet.FileMetaData | None = None) -> None:
        self.source, self.path, self.column = source, path, column
        self._head = parquet_head(source, path) if head is None else head
        sizes = [self._head.row_group(k).num_rows for k in range(self._head.num_row_groups)]
        self._ends = np.cumsum(sizes)
        self._groups: OrderedDict[int, pa.ChunkedArray] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return int(self._ends[-1]) if len(self._ends) else 0

    def __getitem__(self, row: Any) -> Any:
        group = int(np.searchsorted(self._ends, row, side="right"))
        with self._lock:
            cells = self._groups.get(group)
            if cells is None:
                with reading(self.source, "Parquet"), parquet.ParquetFile(self.path, metadata=self._head) as file:
                    cells = file.read_row_group(group, columns=[self.column]).column(0)
                self._groups[group] = cells
                if len(self._groups) > self.GROUPS:
                    self._groups.popitem(last=False)
        cell = cells[row - int(self._ends[group]) + len(cells)].as_py()
        return (cell["bytes"] if isinstance(cell, dict) else cell) or b""


def image_column(schema: pa.Schema, given: str | None) -> str | None:
    """The column of encoded images: the ``given`` one, or the only one of bytes (or of structs with bytes)."""
    names = [field.name for field in schema if holds_bytes(field.type)]
    return next((name for name in names if name == given), names[0] if len(names) == 1 and given is None else None)


def holds_bytes(kind: pa.DataType) -> bool:
    """Whether Arrow holds bytes, or structs with a field of bytes, as encoded images are kept."""
    if pa.types.is_struct(kind):
        return kind.get_field_index("bytes") >= 0
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind)


def encoded_images(table: pa.Table, column: str) -> list[bytes | None]:
    """The encoded images of a table in memory."""
    cells = table.column(column).to_pylist()
    return [cell["bytes"] if isinstance(cell, dict) else cell for cell in cells]


def with_images(
    name: str,
    source: str,
    table: pa.Table,
    column: str,
    values: Sequence[bytes | None],
    target: Any,
    request: ImageRequest,
    key: str,
) -> RawArrays:
    """Images decoded from the ``values`` of ``column``, labelled by the column ``target`` or the only other one."""
    array, kept, notices = decoded(image_bytes(source, values, key), request)
    others = [other for other in table.column_names if other != column]
    usual = [other for other in others if other in TARGET_NAMES]
    chosen = target if isinstance(target, str) and target in others else next(iter(usual or others), None)
    if isinstance(target, str) and chosen != target:
        raise UsageError(f"{source} has no column '{target}' to predict.{nearest(target, others)}")
    labels = None if chosen is None else plain(table.column(chosen)).take(pa.array(kept)).to_numpy()
    return RawArrays(name, source, array, labels, column, chosen or "target", notices=notices)


def _validated(table: pa.Table) -> pa.Table:
    """The table, if its buffers hold what they announce; Arrow itself would read past their ends."""
    table.validate(full=True)
    return table


def read_json_lines(name: str, source: str, raw: bytes) -> RawTable:
    """The columns of a file with one JSON object on each line."""
    check_json(source, raw)
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
