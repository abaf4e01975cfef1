"""Tables that do not fit in memory: read from disk in every epoch, shuffled in a buffer, prepared ahead of training.

A sample tells the types of columns; one pass over all rows finds out what preparation needs of training rows, and takes
dev and test rows, and a sample of training rows, into memory. Row groups come in another order in every epoch, and a
buffer mixes the rows of several of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from leadline.data.dataset import Dataset
from leadline.data.preparation import Preparation
from leadline.data.settings import DataSettings, SplitSettings
from leadline.data.splitting.dealing import TRAIN
from leadline.data.splitting.split import Split
from leadline.data.streaming.opening import BUFFER, Opened, SourceFiles, open_files, opened_stream
from leadline.data.streaming.read_ahead import ReadAhead
from leadline.data.streaming.row_groups import RowGroup
from leadline.data.streaming.row_sets import RowSets
from leadline.data.streaming.typed_pieces import TypedPieces

SAMPLE = 200_000
"""Rows from which types are inferred, and training rows that are kept in memory to be measured."""


class Chunk(NamedTuple):
    """Prepared inputs (m, n_inputs), targets as in `Dataset.target`, and weights (m,) where rows count differently."""

    x: np.ndarray
    y: np.ndarray
    weights: np.ndarray | None


@dataclass(eq=False)
class StreamedTable:
    """A table on disk, ready to train from.

    ``data`` holds the rows in memory: all of dev, test and train-dev, and a sample of training rows; ``split`` says
    which is which. ``preparation`` was fitted on all training rows, ``n`` of them. ``ahead.waited`` adds up the seconds
    that training has waited for chunks.
    """

    groups: tuple[RowGroup, ...]
    sets: RowSets
    data: Dataset
    split: Split
    preparation: Preparation
    pieces: TypedPieces
    n: int
    weights: tuple[float, ...]
    buffer: int = BUFFER
    ahead: ReadAhead[Chunk] = field(default_factory=ReadAhead)

    def __len__(self) -> int:
        return self.n

    def arrays(self, epoch: int, batch_size: int, dtype: Any = np.float32) -> Iterator[Chunk]:
        """All training rows, prepared and shuffled; all chunks but the last are whole batches."""
        random = np.random.default_rng((self.sets.seed, epoch))
        return self.ahead.over(lambda: self._shuffled(random, batch_size, dtype))

    def _shuffled(self, random: np.random.Generator, batch_size: int, dtype: Any) -> Iterator[Chunk]:
        """Chunks of the buffer's rows in random order; a chunk takes half of the buffer, the other half stays."""
        held: list[Chunk] = []
        count = 0
        for piece in self._pieces(random.permutation(len(self.groups)), dtype):
            held.append(piece)
            count += len(piece.x)
            if count >= self.buffer:
                taken = max(self.buffer // 2 // batch_size, 1) * batch_size
                chunk, rest = _mixed(held, random, min(taken, count))
                yield chunk
                held, count = [rest], len(rest.x)
        if count:
            yield _mixed(held, random, count)[0]

    def _pieces(self, order: np.ndarray, dtype: Any) -> Iterator[Chunk]:
        """Prepared training rows, group by group; two groups are read in turns, so that neighbours are mixed."""
        for start in range(0, len(order), 2):
            readers = [self._group(self.groups[group], dtype) for group in order[start : start + 2]]
            while readers:
                for reader in list(readers):
                    piece = next(reader, None)
                    if piece is None:
                        readers.remove(reader)
                    else:
                        yield piece

    def _group(self, group: RowGroup, dtype: Any) -> Iterator[Chunk]:
        varying = len(set(self.weights)) > 1
        for row, piece in group.pieces([*self.pieces.columns, *self.sets.columns]):
            rows = np.flatnonzero((self.sets.of_piece(group, row, piece) == TRAIN) & self.pieces.usable(piece))
            if len(rows) == 0:
                continue
            where = group.where(row)
            x = self.preparation.encode(self.pieces.inputs(piece, where), rows, dtype=dtype, where=where)
            y = self.pieces.targets(piece, where, self.data.classes)[rows]
            yield Chunk(x, y, np.full(len(x), self.weights[group.part], np.float32) if varying else None)


def _mixed(held: list[Chunk], random: np.random.Generator, taken: int) -> tuple[Chunk, Chunk]:
    """``taken`` random rows of the buffer, and the others."""
    x, y = np.concatenate([chunk.x for chunk in held]), np.concatenate([chunk.y for chunk in held])
    given = [chunk.weights for chunk in held if chunk.weights is not None]
    weights = np.concatenate(given) if given else None
    order = random.permutation(len(x))
    parts = order[:taken], order[taken:]
    first, rest = (Chunk(x[rows], y[rows], None if weights is None else weights[rows]) for rows in parts)
    return first, rest


def stream(
    source: Any,
    target: Any = None,
    *,
    split: SplitSettings | None = None,
    sample: int = SAMPLE,
    buffer: int = BUFFER,
    folder: str | Path | None = None,
    **settings: Any,
) -> StreamedTable:
    """Open Parquet or Arrow files for training without loading them; see `StreamedTable`.

    ``source``: a path, a folder of tables, or a list of them. ``split``: sizes of the sets, and what decides
    which row goes where. ``settings`` are those of `leadline.data.DataSettings`. Raises LeadlineError as
    `leadline.data.read` does, with file, row and column.
    """
    made = DataSettings(source=source, target=target, **settings)
    return streamed(made, split or SplitSettings(), folder, sample, buffer)


def streamed(
    settings: DataSettings,
    split: SplitSettings,
    folder: str | Path | None = None,
    sample: int = SAMPLE,
    buffer: int = BUFFER,
    files: SourceFiles | None = None,
) -> StreamedTable:
    """As `stream`, for settings that are there already; ``files`` were opened to see whether to stream them."""
    place = None if folder is None else Path(folder)
    files = open_files(settings, place) if files is None else files
    opened: Opened = opened_stream(settings, split, place, sample, files)
    return StreamedTable(
        opened.groups,
        opened.sets,
        opened.data,
        opened.split,
        opened.preparation,
        opened.pieces,
        opened.n_train,
        opened.weights,
        buffer,
    )
