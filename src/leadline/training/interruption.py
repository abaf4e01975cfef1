"""How a training is asked to end: Ctrl-C or SIGTERM once ends it after its step, twice at once."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(KeyboardInterrupt):
    """A training has ended after a step, as it was asked to: its state is whole."""


class StopAtOnce(KeyboardInterrupt):
    """Somebody asked a second time: nothing more is kept or measured."""


class Interruption:
    """Whether the end was asked for; `listening` sets it when a signal comes."""

    def __init__(self) -> None:
        self.requested = False

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Within this, the first signal is a request, and the second raises `StopAtOnce`.

        Only the main thread of a program hears signals; elsewhere nothing is changed.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before: dict[Any, Any] = {number: signal.signal(number, self._heard) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, signal.SIG_DFL if handler is None else handler)

    def _heard(self, number: int, frame: FrameType | None) -> None:
        if self.requested:
            raise StopAtOnce
        self.requested = True
        with suppress(OSError, ValueError):
            print("\nleadline: ending after this step; again to stop at once.", file=sys.stderr, flush=True)
