"""Hashes of examples by their content: the same on every machine, whatever other rows a data set holds."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np

from leadline.data.dataset import Column
from leadline.data.mapped import blocks_of_rows


def row_hashes(inputs: tuple[Column, ...] | np.ndarray) -> np.ndarray:
    """A 64-bit hash of the inputs of every example, uint64 (n,): equal rows have equal hashes."""
    if isinstance(inputs, np.ndarray):
        return np.concatenate([_array_hashes(block) for block in blocks_of_rows(inputs)])
    return combined(len(inputs[0].values), (column_words(column) for column in inputs))


def _array_hashes(block: np.ndarray) -> np.ndarray:
    words = _words(block.reshape(len(block), -1))
    return combined(len(block), (words[:, j] for j in range(words.shape[1])))


def column_words(column: Column) -> np.ndarray:
    """The content of each cell as a word, uint64 (n,); a category's by its name and not by its code."""
    if column.kind not in ("category", "text"):
        return _words(column.values[:, None])[:, 0]
    return text_words([*column.levels, ""])[column.values]


def text_words(texts: Sequence[str]) -> np.ndarray:
    """A word for each text, uint64 (n,)."""
    digests = (hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest() for text in texts)
    return np.frombuffer(b"".join(digests), "<u8").astype(np.uint64)


def combined(n: int, columns: Iterable[np.ndarray]) -> np.ndarray:
    """One hash for the words (n,) of all columns, in their order."""
    hashes = np.full(n, 0x9E3779B97F4A7C15, np.uint64)
    for column in columns:
        hashes = (hashes ^ _mixed(column)) * np.uint64(0x100000001B3)
        hashes ^= hashes >> np.uint64(29)
    return hashes


def _words(values: np.ndarray) -> np.ndarray:
    """The bits of each row as 64-bit words, uint64 (n, ⌈row bytes / 8⌉)."""
    values = np.ascontiguousarray(values)
    if values.dtype.kind == "f":
        values = values + values.dtype.type(0)  # turns −0.0 into 0.0
    raw = values.view(np.uint8).reshape(len(values), -1)
    if raw.shape[1] % 8:
        raw = np.pad(raw, ((0, 0), (0, 8 - raw.shape[1] % 8)))
    return np.ascontiguousarray(raw).view(np.uint64)


def _mixed(words: np.ndarray) -> np.ndarray:
    """Every bit of a word spread over all bits (the finalizer of MurmurHash3)."""
    words = words ^ (words >> np.uint64(33))
    words = words * np.uint64(0xFF51AFD7ED558CCD)
    return words ^ (words >> np.uint64(33))
