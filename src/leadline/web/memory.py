"""What was read or computed once and is likely to be asked for again."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any, Generic, TypeVar

from leadline.errors import LeadlineError

Kept = TypeVar("Kept")


class RecentValues(Generic[Kept]):
    """The latest values by key, at most so many; each is made once, however many ask for it at the same time."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._kept: OrderedDict[Hashable, Kept] = OrderedDict()
        self._making: dict[Hashable, threading.Lock] = {}
        self._lock = threading.Lock()

    def peek(self, key: Hashable) -> Kept | None:
        """The value of the key if it is there."""
        with self._lock:
            return self._kept.get(key)

    def get(self, key: Hashable, make: Callable[[], Kept]) -> Kept:
        """The value of the key, made now if it is not there."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
            making = self._making.setdefault(key, threading.Lock())
        with making:
            with self._lock:
                if key in self._kept:
                    return self._kept[key]
            try:
                value = make()
            finally:
                with self._lock:
                    self._making.pop(key, None)
            with self._lock:
                self._kept[key] = value
                while len(self._kept) > self.most:
                    self._kept.popitem(last=False)
            return value


def signature(path: Path) -> tuple[str, int, int]:
    """A key that changes with the file; one that is not there has a key, too."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return str(path), 0, 0
    return str(path), status.st_mtime_ns, status.st_size


@dataclass
class BackgroundTask:
    """Work in the background: under way until ``result`` or ``error`` is there."""

    started: float = field(default_factory=monotonic)
    done: threading.Event = field(default_factory=threading.Event)
    result: Any = None
    error: str = ""

    @property
    def seconds(self) -> int:
        """How long it has been under way."""
        return int(monotonic() - self.started)


class Background:
    """Tasks in threads of their own, one for each key."""

    def __init__(self) -> None:
        self._tasks: dict[Hashable, BackgroundTask] = {}
        self._lock = threading.Lock()

    def find(self, key: Hashable) -> BackgroundTask | None:
        """The task of the key, under way or finished."""
        with self._lock:
            return self._tasks.get(key)

    def start(self, key: Hashable, work: Callable[[], Any], again: bool = False) -> BackgroundTask:
        """Start a task, unless it is under way or finished; `again` starts a finished one anew, too."""
        with self._lock:
            task = self._tasks.get(key)
            if task is not None and not (again and task.done.is_set()):
                return task
            task = self._tasks[key] = BackgroundTask()
        threading.Thread(target=_run, args=(task, work), daemon=True).start()
        return task

    def forget(self, key: Hashable) -> None:
        """Let a finished task's result go."""
        with self._lock:
            if key in self._tasks and self._tasks[key].done.is_set():
                del self._tasks[key]


def _run(task: BackgroundTask, work: Callable[[], Any]) -> None:
    try:
        task.result = work()
    except LeadlineError as error:
        task.error = str(error)
    except Exception as error:
        task.error = f"This did not work: {type(error).__name__}: {error}"
        raise
    finally:
        task.done.set()
