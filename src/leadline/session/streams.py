"""Training sets that stay on disk: which data stream, and their chunks as tensors.

Tables are read group by group and shuffled in a buffer (`leadline.data.streaming.table`). Images are decoded once into
a file that may be larger than memory; an epoch reads its examples from there in a random order of all of them, which no
buffer can give.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from leadline.data import Dataset, DataSettings, Preparation, SplitSettings
from leadline.data.mapped import release_pages
from leadline.data.settings import weighted_sources
from leadline.data.sources.columnar import holds_bytes
from leadline.data.sources.formats import format_of
from leadline.data.sources.opening import table_files
from leadline.data.streaming.memory import memory_available
from leadline.data.streaming.opening import SourceFiles, open_files
from leadline.data.streaming.read_ahead import ReadAhead
from leadline.data.streaming.row_groups import GroupedFile, open_grouped, streams
from leadline.data.streaming.table import BUFFER, StreamedTable, streamed
from leadline.errors import UsageError
from leadline.experiment import Experiment
from leadline.text import grouped
from leadline.training import Examples, Goal, TrainingSettings

GROWTH = 4
"""Bytes that a table takes in memory, prepared for training, for each byte of its columns as they are stored."""

SHARE = 0.5
"""The part of the free memory that data may take before "auto" streams them."""

CHUNK_BYTES = 1 << 25
"""Prepared inputs that are made at once, where examples are read by their number."""

Targets = Callable[[np.ndarray], np.ndarray]
"""From targets as in `Dataset.target` to what the loss takes."""


# --- tables -------------------------------------------------------------------------------------------------


class TableStream:
    """A `leadline.training.Stream` over the training rows of a table on disk."""

    def __init__(self, table: StreamedTable, settings: TrainingSettings, targets: Targets | None = None) -> None:
        self.table, self.settings = table, settings
        self.targets = targets or (lambda values: table.preparation.encode_targets(values, settings.precision))
        self.sample = self._examples(table.split.train[:4096])

    def __len__(self) -> int:
        return len(self.table)

    def chunks(self, epoch: int, batch_size: int) -> Iterator[Examples]:
        """The training rows of one epoch as tensors on the device of training."""
        for x, y, weights in self.table.arrays(epoch, batch_size, self.settings.precision):
            yield Examples.of(x, self.targets(y), self.settings, weights)

    def held_out(self, name: str) -> Examples | None:
        """The dev or test set, None where there is none."""
        rows = self.table.split.sets[name]
        return self._examples(rows) if len(rows) else None

    def _examples(self, rows: np.ndarray) -> Examples:
        data = self.table.data
        x = self.table.preparation.inputs(data, rows, dtype=self.settings.precision)
        return Examples.of(x, self.targets(data.target[rows]), self.settings)


def open_tables(settings: DataSettings) -> SourceFiles:
    """The files that ``[data]`` names, with their heads; () for what cannot stream, or is not to."""
    if settings.stream is False or settings.source is None or not _are_tables(settings):
        return ()
    return open_files(settings, None)


def open_table(
    experiment: Experiment, settings: DataSettings, split: SplitSettings, files: SourceFiles
) -> StreamedTable | None:
    """The table of these files, if it is to stream; None where training has its examples in memory.

    Raises:
        UsageError: for sources, or keys, that do not go with a stream.
        LeadlineError: as `leadline.data.read`.

    """
    if (
        not files
        or _holds_images(files[0][1], settings.inputs)
        or (settings.stream == "auto" and not _too_large(files))
    ):
        return None
    others = {"data.corrections": settings.corrections, "network.from": experiment.network.from_}
    for key, value in others.items():
        if value is not None:
            raise UsageError(f"{key} needs all examples in memory and does not go with data.stream; leave one out.")
    size = experiment.training.batch_size
    too_large = UsageError(
        f"training.batch_size: a streamed batch has at most {grouped(BUFFER)} rows, those of the buffer."
    )
    if isinstance(size, int) and size > BUFFER:
        raise too_large
    table = streamed(settings, split, files=files)
    if size == "full" and len(table) > BUFFER:  # the whole of a small table is what a run of it has resolved to
        raise too_large
    return table


def _are_tables(settings: DataSettings) -> bool:
    """Whether all sources are Parquet or Arrow files; UsageError where a stream is asked of a text table."""
    names = []
    for each in (*weighted_sources("data.source", settings.source), *settings.extra):
        if not isinstance(each.source, str):
            return False
        path = Path(each.source).expanduser()
        names += table_files(each.source, None) or ([str(path)] if path.is_file() else [])
    if names and all(streams(name) for name in names):
        return True
    wrong = next((name for name in names if not streams(name) and not format_of(name).holds_arrays), None)
    if wrong is not None and settings.stream is True:
        open_grouped(wrong)  # says what can be streamed
    return False


def _holds_images(file: GroupedFile, column: str | None) -> bool:
    """Whether a table has encoded images in one of its columns; those are decoded into a file of their own."""
    return any(holds_bytes(each.type) and column in (None, each.name) for each in file.schema)


def _too_large(files: SourceFiles) -> bool:
    return GROWTH * sum(file.size for _, file in files) > SHARE * memory_available()


# --- arrays and images --------------------------------------------------------------------------------------


def arrays_stream(data: Dataset, settings: DataSettings, n_inputs: int) -> bool:
    """Whether the examples of an array, mapped from a file or not, are prepared chunk by chunk."""
    if not isinstance(data.inputs, np.ndarray):
        if settings.stream is True:
            raise UsageError(f"data.stream: {data.name} is in memory; Parquet, Arrow and image folders can stream.")
        return False
    if settings.stream != "auto":
        return bool(settings.stream)
    return 4 * n_inputs * data.n > SHARE * memory_available()


@dataclass(eq=False)
class ArrayStream:
    """A `leadline.training.Stream` over the examples ``rows`` of an array: each is prepared when its turn comes.

    ``shuffled``: in a new order of all examples in every epoch; else in theirs, as for measuring. ``weights`` (n,) are
    those of all examples of ``data``; ``goal`` is what a set for measuring is judged by (`Examples.goal`).
    """

    data: Dataset
    rows: np.ndarray
    preparation: Preparation
    settings: TrainingSettings
    targets: Targets
    shuffled: bool = True
    weights: np.ndarray | None = None
    goal: Goal | None = None
    ahead: ReadAhead[tuple[Any, ...]] = field(default_factory=ReadAhead)

    def __post_init__(self) -> None:
        self.sample = replace(Examples.of(*self._arrays(self.rows[:64])), goal=self.goal)

    def __len__(self) -> int:
        return len(self.rows)

    def chunks(self, epoch: int, batch_size: int) -> Iterator[Examples]:
        """All examples as tensors on the device of training; all chunks but the last are whole batches."""
        rows = self.rows
        if self.shuffled:
            rows = rows[np.random.default_rng((self.settings.seed, epoch)).permutation(len(rows))]
        each = max(CHUNK_BYTES // (4 * self.preparation.n_inputs) // batch_size, 1) * batch_size
        for arrays in self.ahead.over(lambda: map(self._arrays, np.split(rows, range(each, len(rows), each)))):
            yield Examples.of(*arrays)

    def _arrays(self, rows: np.ndarray) -> tuple[Any, ...]:
        x = self.preparation.inputs(self.data, rows, dtype=self.settings.precision)
        release_pages(self.data.inputs)
        weights = None if self.weights is None else self.weights[rows]
        return x, self.targets(self.data.target[rows]), self.settings, weights
