"""Faults of the machine on demand: the k-th thing that a program asks of the disk, below one folder, fails.

Counted are opening for writing and for reading, writing, flushing to the disk, renaming and making folders, as far as
Python does them; what libraries write by themselves (Parquet, safetensors) fails when it gets its name.
"""

from __future__ import annotations

import builtins
import errno
import io
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch


class Faults:
    """Counts what is asked of the disk; from the ``first`` on so many times in a row (``times``) it fails."""

    def __init__(self, root: Path, first: int | None = None, number: int = errno.ENOSPC, times: int = 1) -> None:
        self.root, self.first, self.number, self.times = os.path.realpath(root), first, number, times
        self.asked: list[str] = []
        self.failed: list[str] = []

    def ask(self, kind: str, path: object) -> None:
        """Raises the fault where it is the turn of this."""
        if isinstance(path, int):
            path = Path(f"/proc/self/fd/{path}").readlink()
        if not isinstance(path, str | os.PathLike) or not os.path.realpath(path).startswith(self.root):
            return
        self.asked.append(f"{kind} {os.path.relpath(os.path.realpath(path), self.root)}")
        if self.first is not None and self.first < len(self.asked) <= self.first + self.times:
            self.failed.append(self.asked[-1])
            raise OSError(self.number, os.strerror(self.number), os.fspath(path))

    @contextmanager
    def injected(self) -> Iterator[Faults]:
        """Within this, the faults happen."""
        opened = io.open

        def opening(file: Any, mode: str = "r", *arguments: Any, **options: Any) -> Any:
            writes = any(letter in mode for letter in "wax+")
            self.ask("open" if writes else "read", file)
            made = opened(file, mode, *arguments, **options)
            if writes and not isinstance(file, int):
                made.write = self._asking("write", made.write, os.fspath(file))
            return made

        def asking(kind: str, function: Callable[..., Any]) -> Callable[..., Any]:
            def asked(path: Any, *arguments: Any, **options: Any) -> Any:
                self.ask(kind, path)
                return function(path, *arguments, **options)

            return asked

        with ExitStack() as patches:
            for module in (io, builtins):
                patches.enter_context(patch.object(module, "open", opening))
            for name in ("fsync", "replace", "rename", "mkdir"):
                patches.enter_context(patch.object(os, name, asking(name, getattr(os, name))))
            yield self

    def _asking(self, kind: str, function: Callable[..., Any], path: str) -> Callable[..., Any]:
        def asked(*arguments: Any) -> Any:
            self.ask(kind, path)
            return function(*arguments)

        return asked
