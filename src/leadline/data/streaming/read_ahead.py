"""Reading ahead: a thread prepares what comes next while training is busy with what it has."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, TypeVar

AHEAD = 2
"""Items that wait, ready."""

Item = TypeVar("Item")


class ReadAhead(Generic[Item]):
    """Iterates over what ``make`` gives, made in a thread; ``waited`` adds up the seconds its reader had to wait."""

    def __init__(self) -> None:
        self.waited = 0.0

    def over(self, make: Callable[[], Iterable[Item]]) -> Iterator[Item]:
        """Every item in order; an error of the thread is raised where its item would have come."""
        items: queue.Queue[Any] = queue.Queue(AHEAD)
        stop = threading.Event()
        producer = threading.Thread(target=_produce, args=(items, stop, make), daemon=True)
        producer.start()
        try:
            while True:
                started = time.perf_counter()
                item = items.get()
                self.waited += time.perf_counter() - started
                if item is None:
                    return
                if isinstance(item, BaseException):
                    raise item
                yield item
        finally:
            stop.set()
            while producer.is_alive():
                while not items.empty():
                    items.get_nowait()
                producer.join(0.05)


def _produce(items: queue.Queue[Any], stop: threading.Event, make: Callable[[], Iterable[Any]]) -> None:
    """Fill the queue; an error takes the place of the next item, and None ends it."""
    try:
        for item in make():
            items.put(item)
            if stop.is_set():
                return
        items.put(None)
    except BaseException as error:
        items.put(error)
