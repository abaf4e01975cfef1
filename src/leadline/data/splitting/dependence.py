"""Examples of one set that go together, so that what is measured on them counts groups and not rows.

Rows of one group of ``split.group`` do; copies of a row do; and of a series split by ``split.time``, so do neighbours
in time, which are taken in blocks (Künsch, 1989). Equal rows are copies only where chance does not make them equal: in
a table of a few categories they are different examples that happen to look alike.
"""

from __future__ import annotations

import numpy as np

from leadline.data.dataset import Column, Dataset
from leadline.data.settings import SplitSettings
from leadline.data.splitting.duplicates import components
from leadline.data.splitting.row_hashes import column_words, combined, row_hashes
from leadline.data.splitting.split_columns import group_ids, times_of

CLEARLY_MORE = 100
"""Equal pairs of rows must be so many times as frequent as in independent columns to count as copies."""

VARIED = 20
"""Distinct numbers that a column must hold before its rows can be distinguished by it."""

MOST_COLUMNS = 64
"""Columns of an array that are looked at for how often chance makes them equal."""


def dependent_groups(data: Dataset, settings: SplitSettings, rows: np.ndarray) -> np.ndarray | None:
    """The group of each of these rows, int64 (m,); None where each stands for itself."""
    partitions = []
    if settings.group is not None:
        partitions.append(group_ids(data, settings.group, None)[0][rows])
    if settings.duplicates != "ignore":
        partitions.append(copies(data, rows))
    if settings.time is not None:
        partitions.append(time_blocks(times_of(data, settings.time, None)[rows]))
    known = [each for each in partitions if each is not None and len(np.unique(each)) < len(rows)]
    return components(*known) if known else None


def copies(data: Dataset, rows: np.ndarray) -> np.ndarray | None:
    """The rows that have equal inputs and targets, as groups (m,); None where there are none, or chance makes them."""
    inputs = data.inputs[rows] if isinstance(data.inputs, np.ndarray) else tuple(c.take(rows) for c in data.inputs)
    target = np.ascontiguousarray(data.target[rows]).reshape(len(rows), -1).astype(float)
    words = [row_hashes(inputs), row_hashes(target)]
    _, groups, counts = np.unique(combined(len(rows), words), return_inverse=True, return_counts=True)
    if len(counts) == len(rows):
        return None
    pairs = np.sum(counts * (counts - 1.0)) / 2
    by_chance = len(rows) * (len(rows) - 1.0) / 2 * _chance_of_equal(inputs)
    return groups.reshape(-1) if pairs > CLEARLY_MORE * by_chance else None


def _chance_of_equal(inputs: tuple[Column, ...] | np.ndarray) -> float:
    """How probably two rows are equal if the columns were independent; 1 where no column of numbers varies much."""
    if isinstance(inputs, np.ndarray):
        flat = inputs.reshape(len(inputs), -1)
        step = max(1, flat.shape[1] // MOST_COLUMNS)
        columns, numeric = [flat[:, j] for j in range(0, flat.shape[1], step)], [True] * flat.shape[1]
    else:
        columns = [column_words(column) for column in inputs]
        numeric = [column.kind in ("number", "date") for column in inputs]
    counts = [np.unique(column, return_counts=True)[1] for column in columns]
    if not any(len(count) >= VARIED and number for count, number in zip(counts, numeric, strict=False)):
        return 1.0
    return float(np.prod([np.sum((count / count.sum()) ** 2) for count in counts]))


def time_blocks(times: np.ndarray) -> np.ndarray:
    """Blocks of about m^⅓ neighbours in time, as group numbers (m,); rows of one time stay together."""
    m = len(times)
    _, place, sizes = np.unique(times, return_inverse=True, return_counts=True)
    starts = np.cumsum(sizes) - sizes
    return (starts // max(1, round(m ** (1 / 3))))[place.reshape(-1)]
