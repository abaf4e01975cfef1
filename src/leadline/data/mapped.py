"""Arrays that are mapped from files larger than memory: what was read of them is let go of."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from typing import Any

import numpy as np

BLOCK_BYTES = 1 << 24


def blocks_of_rows(array: np.ndarray) -> Iterator[np.ndarray]:
    """The array in blocks of rows that take little memory; there is one, empty, for an array without rows."""
    step = max(BLOCK_BYTES // max(array[:1].nbytes, 1), 1)
    for start in range(0, max(len(array), 1), step):
        yield array[start : start + step]
        release_pages(array)


def release_pages(array: Any) -> None:
    """Take the pages of a mapped array out of the process: the file keeps them, and the system may use the memory."""
    file = array
    while file is not None and not isinstance(file, mmap.mmap):
        file = getattr(file, "base", None)
    if file is not None and hasattr(mmap, "MADV_DONTNEED") and not array.flags.writeable:
        file.madvise(mmap.MADV_DONTNEED)
