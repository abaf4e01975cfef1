"""Examples that occur more than once: exactly, or nearly (another crop, another last digit).

Near duplicates of images have similar perceptual hashes (of coarse grey grids, without brightness and contrast), which
the grids themselves confirm; those of tables are rows that are equal once their numbers are rounded to a hundredth of
their standard deviation.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np

from leadline.data.dataset import Column, Dataset
from leadline.data.mapped import release_pages
from leadline.data.splitting.row_hashes import column_words, combined, row_hashes

GRID = 16
"""Cells along each side of the grid that images are compared on."""

CLOSE = 0.15
"""Normalized grids no further apart than this (a correlation of 0.989) belong to nearly the same image."""

TABLES, PROJECTIONS = 8, 10
"""Hashes of an image, and random projections in each."""

ROUNDED = 0.01
"""Numbers of a table closer than this, in standard deviations, count as equal in a near duplicate."""

LEAST_NUMBERS = 3
"""Columns of real numbers that a table must have before equal rounded rows say anything."""

MOST_IN_BUCKET = 64
"""Images with one hash that are compared in pairs; a fuller bucket holds plain images, not copies."""


def duplicate_groups(data: Dataset) -> np.ndarray:
    """The group of each row, int64 (n,): rows that are copies or near copies of each other share one."""
    exact = np.unique(row_hashes(data.inputs), return_inverse=True)[1].reshape(-1)
    near = near_groups(data)
    return exact if near is None else components(exact, near)


def near_groups(data: Dataset) -> np.ndarray | None:
    """The group of nearly equal rows of each row, int64 (n,); None where the inputs do not allow to tell."""
    if data.image_shape is not None and isinstance(data.inputs, np.ndarray):
        return _near_images(data.inputs.reshape(-1, *data.image_shape))
    if isinstance(data.inputs, tuple):
        return _near_rows(data.inputs)
    return None


def components(*partitions: np.ndarray) -> np.ndarray:
    """The finest grouping that keeps together what any of the ``partitions`` (n,) keeps together, int64 (n,)."""
    labels = np.arange(len(partitions[0]))
    partitions = tuple(np.unique(each, return_inverse=True)[1].reshape(-1) for each in partitions)
    while True:
        before = labels
        for groups in partitions:
            least = np.full(groups.max(initial=-1) + 1, len(labels))
            np.minimum.at(least, groups, labels)
            labels = least[groups]
        if np.array_equal(before, labels):
            return np.unique(labels, return_inverse=True)[1].reshape(-1)


def duplicate_notices(data: Dataset, sets: dict[str, np.ndarray]) -> list[str]:
    """One notice for each pair of sets that share examples with the same or nearly the same inputs."""
    if sum(len(rows) > 0 for rows in sets.values()) < 2:
        return []
    hashes = row_hashes(data.inputs)
    near = near_groups(data)
    notices = []
    for (first, rows), (second, others) in combinations(sets.items(), 2):
        same = shared(hashes[others], hashes[rows])
        if same.any():
            notices.append(_notice(int(same.sum()), len(others), second, "exactly", first))
        if near is not None:
            similar = shared(near[others], near[rows]) & ~same
            if similar.any():
                notices.append(_notice(int(similar.sum()), len(others), second, "nearly", first))
    return notices


def _notice(count: int, n: int, of: str, how: str, other: str) -> str:
    share = 100 * count / n
    return f"{count} of {n} {of} examples ({share:.2g} %) have {how} the inputs of a {other} example."


def shared(few: np.ndarray, many: np.ndarray) -> np.ndarray:
    """Which of ``few`` (m,) are among ``many``, bool (m,); sorts only the few."""
    if len(few) == 0:
        return np.zeros(0, bool)
    values, inverse = np.unique(few, return_inverse=True)
    places = np.minimum(np.searchsorted(values, many), len(values) - 1)
    present = np.zeros(len(values), bool)
    present[places[values[places] == many]] = True
    return present[inverse.reshape(-1)]


def _near_rows(columns: tuple[Column, ...]) -> np.ndarray | None:
    words, real = [], 0
    for column in columns:
        if column.kind != "number":
            words.append(column_words(column))
            continue
        values = column.values
        known = values[~np.isnan(values)]
        with np.errstate(over="ignore"):
            step = ROUNDED * float(np.std(known[:: max(1, len(known) // 100_000)])) if len(known) else 0.0
        if not 0 < step < np.inf:
            words.append(column_words(column))
            continue
        with np.errstate(over="ignore"):
            rounded = np.round(values / step)
        real += int(not np.array_equal(known[:1000], np.round(known[:1000])))
        words.append(column_words(Column(column.name, "number", rounded)))
    if real < LEAST_NUMBERS:
        return None
    return np.unique(combined(len(columns[0].values), words), return_inverse=True)[1].reshape(-1)


def coarse(images: np.ndarray, side: int = GRID) -> np.ndarray:
    """Images (n, h, w, c) as grey grids, float32 (n, rows, cols), with at most ``side`` cells along each side."""
    n, height, width = images.shape[:3]
    rows, columns = (np.linspace(0, size, min(size, side) + 1).astype(int) for size in (height, width))
    out = np.empty((n, len(rows) - 1, len(columns) - 1), np.float32)
    step = max(1, (1 << 22) // max(1, height * width))
    for start in range(0, n, step):
        grey = images[start : start + step].mean(axis=3, dtype=np.float32)
        sums = np.add.reduceat(np.add.reduceat(grey, rows[:-1], axis=1), columns[:-1], axis=2)
        out[start : start + step] = sums / np.outer(np.diff(rows), np.diff(columns))
        release_pages(images)
    return out


def normalized_grids(images: np.ndarray) -> np.ndarray:
    """The grids of images as vectors without their brightness and contrast, float32 (n, k), of length 1 or 0."""
    grids = coarse(images)
    flat = grids.reshape(len(grids), -1)
    flat = flat - flat.mean(axis=1, keepdims=True)
    length = np.sqrt(np.einsum("ij,ij->i", flat, flat))
    return flat / np.where(length > 0, length, 1)[:, None]


def perceptual_hashes(grids: np.ndarray) -> np.ndarray:
    """Hashes of normalized grids (n, k), uint64 (n, TABLES): of close grids, at least one is probably equal.

    Each is made of random projections, cut into steps of length 1, where a near copy moves by a tenth (Datar et al.,
    2004, locality-sensitive hashing based on p-stable distributions).
    """
    random = np.random.default_rng(0)
    directions = random.normal(size=(grids.shape[1], TABLES * PROJECTIONS)).astype(np.float32)
    offsets = random.random(TABLES * PROJECTIONS, np.float32)
    steps = np.floor(grids @ directions + offsets).astype(np.int64).view(np.uint64)
    tables = [range(start, start + PROJECTIONS) for start in range(0, TABLES * PROJECTIONS, PROJECTIONS)]
    return np.stack([combined(len(grids), (steps[:, j] for j in table)) for table in tables], axis=1)


def _near_images(images: np.ndarray) -> np.ndarray:
    """Groups of images that share a hash and whose grids, brightness and contrast aside, are close."""
    grids = normalized_grids(images)
    hashes = perceptual_hashes(grids)
    pairs = [_close_pairs(hashes[:, table], grids) for table in range(TABLES)]
    first, second = (np.concatenate(side) for side in zip(*pairs, strict=True))
    return _connected(len(images), first, second)


def _close_pairs(words: np.ndarray, grids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of rows with the same word whose grids are close, as two arrays of row numbers."""
    order = np.argsort(words, kind="stable")
    ordered = words[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    sizes = np.diff(np.append(starts, len(words)))
    small = np.repeat(sizes, sizes) <= MOST_IN_BUCKET
    first, second = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for apart in range(1, min(MOST_IN_BUCKET, len(words))):
        same = np.flatnonzero((ordered[apart:] == ordered[:-apart]) & small[apart:])
        if not len(same):
            break
        for start in range(0, len(same), 1 << 14):
            block = same[start : start + (1 << 14)]
            one, other = order[block], order[block + apart]
            difference = grids[one] - grids[other]
            close = np.einsum("ij,ij->i", difference, difference) <= CLOSE**2
            first.append(one[close])
            second.append(other[close])
    return np.concatenate(first), np.concatenate(second)


def _connected(n: int, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The connected components of n nodes with edges first[i]–second[i], int64 (n,)."""
    labels = np.arange(n)
    while True:
        least = np.minimum(labels[first], labels[second])
        before = labels.copy()
        np.minimum.at(labels, first, least)
        np.minimum.at(labels, second, least)
        labels = labels[labels]
        if np.array_equal(before, labels):
            return labels
