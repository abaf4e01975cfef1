"""Work on columns and blocks of rows in threads: Arrow and NumPy compute without holding Python's lock."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

WORTHWHILE = 50_000
"""Rows below which starting threads takes longer than the work."""


def in_threads(work: Callable[[Item], Result], items: Iterable[Item], rows: int) -> list[Result]:
    """``work`` on every item, in their order; an error is that of the first item that has one."""
    things = list(items)
    threads = min(os.cpu_count() or 1, 8, len(things))
    if threads < 2 or rows < WORTHWHILE:
        return [work(item) for item in things]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, things))
