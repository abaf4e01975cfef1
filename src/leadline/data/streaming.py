"""Tables that do not fit in memory: read from disk in every epoch, shuffled in a buffer, prepared ahead of training.

A sample of the table tells types, classes and what preparation needs. Which set a row belongs to is decided by its
number in the file and the seed, so dev and test rows, which are kept in memory, never reach training. Row groups come
in another order in every epoch, and a buffer mixes the rows of several of them.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import ipc, parquet

from leadline.data.assembly import assemble_tables
from leadline.data.columns import categories, typed
from leadline.data.dataset import Dataset
from leadline.data.preparation import Preparation
from leadline.data.raw import Part, as_raw_table, reading
from leadline.data.settings import DataSettings, SplitSettings
from leadline.data.split import automatic_sizes
from leadline.errors import LeadlineError, UsageError, nearest

BUFFER = 1 << 18
"""Rows that are shuffled together."""

SAMPLE = 200_000
"""Rows from which types, classes and preparation are found out."""

PIECE = 1 << 15
"""Rows that are prepared at once."""

AHEAD = 2
"""Chunks that wait, ready, for training."""


@dataclass(frozen=True)
class Source:
    """A file of row groups: how many rows each has, and how to read pieces of one."""

    name: str
    sizes: tuple[int, ...]
    read: Callable[[int], Iterator[pa.Table]]

    @property
    def starts(self) -> np.ndarray:
        """The number of the first row of each group."""
        return np.cumsum((0, *self.sizes))[:-1]


def open_groups(path: str | Path) -> Source:
    """The row groups of a Parquet file, or the record batches of an Arrow file."""
    path = Path(path)
    if not path.is_file():
        raise LeadlineError(f"{path}: no such file; streams come from Parquet and Arrow files.")
    if path.name.endswith((".parquet", ".pq")):
        with reading(path.name, "Parquet"):
            file = parquet.ParquetFile(path)
        sizes = tuple(file.metadata.row_group(k).num_rows for k in range(file.num_row_groups))

        def pieces(group: int) -> Iterator[pa.Table]:
            with reading(path.name, "Parquet"), parquet.ParquetFile(path) as own:
                for batch in own.iter_batches(PIECE, [group], use_threads=False):
                    yield pa.Table.from_batches([batch])

        return Source(path.name, sizes, pieces)
    with reading(path.name, "Arrow"), pa.memory_map(str(path)) as mapped:
        batches = ipc.open_file(mapped)
        sizes = tuple(batches.get_batch(k).num_rows for k in range(batches.num_record_batches))

    def slices(group: int) -> Iterator[pa.Table]:
        with reading(path.name, "Arrow"), pa.memory_map(str(path)) as own:
            table = pa.Table.from_batches([ipc.open_file(own).get_batch(group)])
            for start in range(0, len(table), PIECE):
                yield table.slice(start, PIECE)

    return Source(path.name, sizes, slices)


@dataclass(eq=False)
class StreamedTable:
    """A table on disk, ready to train from.

    ``sample`` is a data set of some training rows in memory; ``preparation`` was fitted on it. ``held_out`` holds the
    prepared inputs and targets of the sets "dev" and "test" by name. ``waited`` adds up the seconds that training has
    waited for chunks.
    """

    source: Source
    sample_data: Dataset
    preparation: Preparation
    n: int
    shares: tuple[float, float]
    seed: int
    buffer: int
    held_out: dict[str, tuple[np.ndarray, np.ndarray]]
    waited: float = 0.0

    def __len__(self) -> int:
        return self.n

    def arrays(self, epoch: int, batch_size: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Prepared inputs and targets of all training rows, shuffled; all parts but the last are whole batches."""
        chunks: queue.Queue[Any] = queue.Queue(AHEAD)
        stop = threading.Event()
        producer = threading.Thread(target=self._produce, args=(chunks, stop, epoch, batch_size), daemon=True)
        producer.start()
        try:
            while True:
                started = time.perf_counter()
                chunk = chunks.get()
                self.waited += time.perf_counter() - started
                if chunk is None:
                    return
                if isinstance(chunk, BaseException):
                    raise chunk
                yield chunk
        finally:
            stop.set()
            while producer.is_alive():
                _drained(chunks)
                producer.join(0.05)

    def _produce(self, chunks: queue.Queue[Any], stop: threading.Event, epoch: int, batch_size: int) -> None:
        """Fill the queue; an error takes the place of the next chunk."""
        try:
            for chunk in self._shuffled(np.random.default_rng((self.seed, epoch)), batch_size):
                chunks.put(chunk)
                if stop.is_set():
                    return
            chunks.put(None)
        except BaseException as error:
            chunks.put(error)

    def _shuffled(self, random: np.random.Generator, batch_size: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Chunks of the buffer's rows in random order; a chunk takes half of the buffer, the other half stays."""
        held: list[tuple[np.ndarray, np.ndarray]] = []
        count = 0
        for x, y in self._pieces(random.permutation(len(self.source.sizes))):
            held.append((x, y))
            count += len(x)
            if count >= self.buffer:
                taken = max(self.buffer // 2 // batch_size, 1) * batch_size
                chunk, rest = _mixed(held, random, taken)
                yield chunk
                held, count = [rest], len(rest[0])
        if count:
            yield _mixed(held, random, count)[0]

    def _pieces(self, order: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Prepared training rows, group by group; two groups are read in turns, so that neighbours are mixed."""
        for start in range(0, len(order), 2):
            readers = [self._group(int(group)) for group in order[start : start + 2]]
            while readers:
                for reader in list(readers):
                    piece = next(reader, None)
                    if piece is None:
                        readers.remove(reader)
                    else:
                        yield piece

    def _group(self, group: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        row = int(self.source.starts[group])
        for table in self.source.read(group):
            training = set_of_rows(row, len(table), self.shares, self.seed) == 0
            row += len(table)
            yield prepared(table.filter(pa.array(training)), self.sample_data, self.preparation)


def _mixed(
    held: list[tuple[np.ndarray, np.ndarray]], random: np.random.Generator, taken: int
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """``taken`` random rows of the buffer, and the others."""
    x, y = (np.concatenate(parts) for parts in zip(*held, strict=True))
    order = random.permutation(len(x))
    return (x[order[:taken]], y[order[:taken]]), (x[order[taken:]], y[order[taken:]])


def _drained(chunks: queue.Queue[Any]) -> None:
    while not chunks.empty():
        chunks.get_nowait()


def set_of_rows(first: int, n: int, shares: tuple[float, float], seed: int) -> np.ndarray:
    """The set of rows ``first`` to ``first + n``, int8 (n,): 0 training, 1 dev, 2 test, in the ``shares`` of the two.

    Decided by row number and seed alone (splitmix64), so the same in every epoch and however the file is read.
    """
    z = np.arange(first, first + n, dtype=np.uint64) + np.uint64((seed * 0x9E3779B97F4A7C15 + 1) & (2**64 - 1))
    z = z * np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        z = (z ^ (z >> np.uint64(shift))) * np.uint64(factor)
    u = (z ^ (z >> np.uint64(31))) / 2.0**64
    return (np.int8(1) * (u < shares[0]) + np.int8(2) * ((u >= shares[0]) & (u < sum(shares)))).astype(np.int8)


def prepared(table: pa.Table, sample: Dataset, preparation: Preparation) -> tuple[np.ndarray, np.ndarray]:
    """Inputs float32 (m, n_inputs) and targets of the rows that have one, as `Preparation.targets` gives them."""
    for name in sample.target_names:
        if table.column(name).null_count:
            table = table.filter(table.column(name).is_valid())
    if len(table) == 0:
        empty = replace(sample, target=sample.target[:0])
        return np.empty((0, preparation.n_inputs), np.float32), preparation.targets(empty)
    return preparation.inputs(table), preparation.targets(replace(sample, target=_targets(table, sample)))


def _targets(table: pa.Table, sample: Dataset) -> np.ndarray:
    def where(row: int) -> str:
        return f"{sample.name}, a row"

    if not sample.is_classification:
        columns = [typed(name, table.column(name), "number", where).values for name in sample.target_names]
        return np.stack(columns, axis=1)
    codes, levels = categories(sample.target_name, table.column(sample.target_name))
    strange = next((level for level in levels if level not in sample.classes), None)
    if strange is not None:
        raise LeadlineError(
            f"{sample.name}: the class '{strange}' of '{sample.target_name}' is not among the {len(sample.classes)} of "
            "the sample; make the sample larger."
        )
    return np.array([sample.classes.index(level) for level in levels], np.int64)[codes]


def stream(
    path: str | Path,
    target: str,
    *,
    split: SplitSettings | None = None,
    sample: int = SAMPLE,
    buffer: int = BUFFER,
    **settings: Any,
) -> StreamedTable:
    """Open a Parquet or Arrow file for training without loading it; see `StreamedTable`.

    ``split``: sizes of dev and test and the seed. ``settings`` are those of `leadline.data.DataSettings`. Raises
    LeadlineError as `leadline.data.read` does.
    """
    source = open_groups(path)
    total = sum(source.sizes)
    made = split or SplitSettings()
    shares = _shares(made, total)
    rows = _sampled(source, sample, shares, made.seed)
    raw = as_raw_table(source.name.split(".")[0], source.name, rows)
    if target not in rows.column_names:
        raise UsageError(f"{source.name} has no column '{target}' to predict.{nearest(target, rows.column_names)}")
    data = assemble_tables([Part(raw)], [raw], (target,), DataSettings(str(path), target=target, **settings))
    preparation = Preparation.fit(data, np.arange(data.n))
    streamed = StreamedTable(source, data, preparation, 0, shares, made.seed, buffer, {})
    _hold_out(streamed, target)
    return streamed


def _shares(settings: SplitSettings, total: int) -> tuple[float, float]:
    automatic = automatic_sizes(total, settings.dev != 0, settings.test != 0)
    found = []
    for size, own in zip((settings.dev, settings.test), automatic, strict=True):
        count = own if isinstance(size, str) else size
        found.append(float(count) if isinstance(count, float) and count <= 1 else count / max(total, 1))
    if sum(found) >= 1:
        raise UsageError(f"split: {total} examples do not suffice for these sizes; lower them under [split].")
    return found[0], found[1]


def _sampled(source: Source, sample: int, shares: tuple[float, float], seed: int) -> pa.Table:
    """Training rows from the beginning of evenly spread row groups."""
    if not source.sizes or sum(source.sizes) == 0:
        raise LeadlineError(f"{source.name} has no rows: give a table with at least a few examples.")
    pieces, count = [], 0
    groups = np.linspace(0, len(source.sizes) - 1, min(len(source.sizes), 16)).astype(int)
    each = max(sample // len(groups), 1)
    for group in groups:
        row, taken = int(source.starts[group]), 0
        for piece in source.read(int(group)):
            training = set_of_rows(row, len(piece), shares, seed) == 0
            row += len(piece)
            pieces.append(piece.filter(pa.array(training)).slice(0, each - taken))
            taken += len(pieces[-1])
            if taken >= each:
                break
        count += taken
    return pa.concat_tables(pieces)


def _hold_out(streamed: StreamedTable, target: str) -> None:
    """One pass over the table: dev and test rows come into memory, training rows are counted."""
    parts: dict[int, list[pa.Table]] = {1: [], 2: []}
    source = streamed.source
    for group, first in enumerate(source.starts):
        row = int(first)
        for piece in source.read(group):
            sets = set_of_rows(row, len(piece), streamed.shares, streamed.seed)
            row += len(piece)
            has_target = piece.column(target).is_valid().to_numpy()
            streamed.n += int((has_target & (sets == 0)).sum())
            for code, tables in parts.items():
                if (sets == code).any():
                    tables.append(piece.filter(pa.array(sets == code)))
    for code, name in ((1, "dev"), (2, "test")):
        if parts[code]:
            rows = pa.concat_tables(parts[code]).combine_chunks()
            streamed.held_out[name] = prepared(rows, streamed.sample_data, streamed.preparation)
