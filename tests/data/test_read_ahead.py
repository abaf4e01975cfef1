from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from itertools import islice

import pytest

from leadline.data.streaming.read_ahead import AHEAD, ReadAhead


def test_items_come_in_order_and_the_wait_is_counted() -> None:
    def slow() -> Iterator[int]:
        for k in range(4):
            time.sleep(0.01)
            yield k

    ahead: ReadAhead[int] = ReadAhead()
    assert list(ahead.over(slow)) == [0, 1, 2, 3]
    assert ahead.waited >= 0.03


def test_only_some_items_are_made_ahead() -> None:
    made = []

    def endless() -> Iterator[int]:
        for k in range(1_000):
            made.append(k)
            yield k

    items = ReadAhead[int]().over(endless)
    assert next(items) == 0
    time.sleep(0.05)
    assert len(made) <= AHEAD + 3


def test_an_error_comes_where_its_item_would_have_come() -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise ValueError("row 2")

    items = ReadAhead[int]().over(broken)
    assert next(items) == 1
    with pytest.raises(ValueError, match="row 2"):
        next(items)


def test_leaving_early_ends_the_thread() -> None:
    before = threading.active_count()
    for _ in islice(ReadAhead[int]().over(lambda: iter(range(10_000))), 3):
        pass
    assert threading.active_count() <= before
