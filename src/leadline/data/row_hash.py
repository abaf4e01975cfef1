"""A hash of each example's inputs: it finds an example again after rows were moved, added or left out."""

from __future__ import annotations

import hashlib

import numpy as np

from leadline.data.dataset import Dataset

DIGITS = 16


def row_hashes(data: Dataset, rows: np.ndarray | None = None) -> list[str]:
    """A hash of the inputs of each row in ``rows`` (all by default), 16 hexadecimal digits; targets do not enter."""
    chosen = np.arange(data.n) if rows is None else np.asarray(rows, np.int64)
    if isinstance(data.inputs, np.ndarray):
        values = np.ascontiguousarray(data.inputs[chosen])
        return [_hash(row.tobytes()) for row in values.reshape(len(chosen), -1)]
    columns = [(column, column.values[chosen]) for column in data.inputs]
    # Names of levels, not their codes: another set of rows may number them otherwise.
    texts = [
        [column.levels[code] if code >= 0 else "" for code in values] if column.levels else values.astype(str).tolist()
        for column, values in columns
    ]
    return [_hash("\x1f".join(cells).encode()) for cells in zip(*texts, strict=True)]


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:DIGITS]
