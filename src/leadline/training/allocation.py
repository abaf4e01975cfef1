"""Large tensors that come and go at every step: keep their memory instead of asking the system for it each time.

A convolution's kernel allocates its output, megabytes a layer. The C library gives such memory back to the system
when it is freed, which hands it out again page by page, zeroed: a tenth of the time of a training step. On a GPU torch
keeps freed memory by itself.
"""

from __future__ import annotations

import ctypes
import sys
from functools import cache

# The names of glibc's malloc.h.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
LARGEST = 1 << 30


@cache
def keep_freed_memory() -> bool:
    """Let the process keep memory that it frees, for its next allocations; whether that could be arranged.

    It holds for the whole process from then on: its memory stays as large as it once had to be. Done once; only the GNU
    C library knows how.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return bool(mallopt and mallopt(M_MMAP_THRESHOLD, LARGEST) and mallopt(M_TRIM_THRESHOLD, LARGEST))
