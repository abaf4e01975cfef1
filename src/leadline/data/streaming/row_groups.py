"""Tables on disk as groups of rows that are read on their own: row groups of Parquet, record batches of Arrow files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
from pyarrow import ipc, parquet

from leadline.data.arrow import plain
from leadline.data.columns import Where
from leadline.data.sources.raw import reading
from leadline.errors import LeadlineError, UsageError, nearest

PIECE = 1 << 15
"""Rows that are prepared at once."""

PARQUET, ARROW = (".parquet", ".pq"), (".arrow", ".feather", ".ipc")


@dataclass(frozen=True)
class RowGroup:
    """``n`` rows of the file ``source``, from its row ``first`` on; ``start`` counts the rows of all files before.

    ``part`` tells which of several sources the file belongs to, ``size`` how many bytes the group takes in memory.
    ``read`` gives its rows piece by piece, all columns or those that are named.
    """

    source: str
    first: int
    n: int
    size: int
    read: Callable[[Sequence[str] | None], Iterator[pa.Table]]
    start: int = 0
    part: int = 0

    def pieces(self, columns: Sequence[str] | None = None) -> Iterator[tuple[int, pa.Table]]:
        """Every piece with the number of its first row in the group."""
        row = 0
        for piece in self.read(columns):
            yield row, piece
            row += len(piece)

    def where(self, row: int) -> Where:
        """Says where rows of a piece that begins at ``row`` are."""
        return lambda place: f"{self.source}, row {self.first + row + place + 1}"


def streams(name: str) -> bool:
    """Whether a file of this name can be read in groups of rows."""
    return name.lower().endswith(PARQUET + ARROW)


@dataclass(frozen=True)
class GroupedFile:
    """A Parquet or Arrow file whose head was read: its columns and its groups of rows, in order."""

    path: Path
    schema: pa.Schema
    groups: tuple[RowGroup, ...]
    head: parquet.FileMetaData | None = None  # of a Parquet file, so that nobody need read it again

    @property
    def size(self) -> int:
        """Bytes that its columns take as they are stored."""
        return sum(group.size for group in self.groups)

    def names(self) -> list[str]:
        """The names of its columns; LeadlineError for one that appears twice."""
        names = self.schema.names
        doubled = next((name for name in names if names.count(name) > 1), None)
        if doubled is not None:
            raise LeadlineError(f"{self.path.name}: the column name '{doubled}' appears twice; rename one of them.")
        return names

    def check_columns(self, needed: Sequence[str]) -> None:
        """LeadlineError where it lacks one of the columns."""
        names = self.names()
        for name in needed:
            if name not in names:
                hint = nearest(name, names).replace("Allowed", "It has")
                raise LeadlineError(f"{self.path.name} lacks the column '{name}'.{hint}")


def open_grouped(path: str | Path) -> GroupedFile:
    """Read the head of a Parquet or Arrow file. LeadlineError for a file that is missing or damaged."""
    path = Path(path)
    if not path.is_file():
        raise LeadlineError(f"{path}: no such file; streams come from Parquet and Arrow files and folders of them.")
    if not streams(path.name):
        raise UsageError(
            f"data.stream: {path.name} cannot be streamed; Parquet, Arrow and image folders can. Save it as Parquet, "
            "or train in memory: stream = false."
        )
    return _parquet(path) if path.name.lower().endswith(PARQUET) else _arrow(path)


def numbered(groups: Sequence[tuple[int, RowGroup]]) -> tuple[RowGroup, ...]:
    """Groups of several files, each with the number of its source, with their rows counted through."""
    placed, start = [], 0
    for part, group in groups:
        placed.append(replace(group, start=start, part=part))
        start += group.n
    return tuple(placed)


def _parquet(path: Path) -> GroupedFile:
    with reading(path.name, "Parquet"):
        with parquet.ParquetFile(path) as opened:
            metadata, schema = opened.metadata, opened.schema_arrow
        sizes = [(metadata.row_group(k).num_rows, metadata.row_group(k).total_byte_size) for k in _groups(metadata)]

    def reader(group: int) -> Callable[[Sequence[str] | None], Iterator[pa.Table]]:
        def read(columns: Sequence[str] | None) -> Iterator[pa.Table]:
            names = None if columns is None else list(columns)
            with reading(path.name, "Parquet"), parquet.ParquetFile(path, metadata=metadata) as own:
                for batch in own.iter_batches(PIECE, [group], names, use_threads=False):
                    yield _plain(pa.Table.from_batches([batch]))

        return read

    return GroupedFile(path, schema, _in_order(path.name, sizes, reader), metadata)


def _groups(metadata: parquet.FileMetaData) -> range:
    return range(metadata.num_row_groups)


def _arrow(path: Path) -> GroupedFile:
    with reading(path.name, "Arrow"), pa.memory_map(str(path)) as mapped:
        batches = ipc.open_file(mapped)
        schema = batches.schema
        sizes = [_size(batches.get_batch(k)) for k in range(batches.num_record_batches)]

    def reader(group: int) -> Callable[[Sequence[str] | None], Iterator[pa.Table]]:
        def read(columns: Sequence[str] | None) -> Iterator[pa.Table]:
            with reading(path.name, "Arrow"), pa.memory_map(str(path)) as own:
                table = pa.Table.from_batches([ipc.open_file(own).get_batch(group)])
                table = table if columns is None else table.select(list(columns))
                for start in range(0, len(table), PIECE):
                    yield _plain(table.slice(start, PIECE))

        return read

    return GroupedFile(path, schema, _in_order(path.name, sizes, reader))


def _size(batch: pa.RecordBatch) -> tuple[int, int]:
    return batch.num_rows, batch.nbytes


def _in_order(
    source: str,
    sizes: Sequence[tuple[int, int]],
    reader: Callable[[int], Callable[[Sequence[str] | None], Iterator[pa.Table]]],
) -> tuple[RowGroup, ...]:
    groups, first = [], 0
    for k, (n, size) in enumerate(sizes):
        groups.append(RowGroup(source, first, n, size, reader(k)))
        first += n
    return tuple(group for group in groups if group.n)


def _plain(table: pa.Table) -> pa.Table:
    return pa.table({name: plain(table.column(name)) for name in table.column_names})
