"""Seconds that the probes of a diagnosis may take, and what was left out because they ended."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

NO_TIME = "no time was left"


@dataclass(frozen=True)
class Probing:
    """What the probes of a diagnosis took, as it is kept with the run.

    Attributes:
        allowed: seconds that were allowed; 0 where probes were left out on purpose.
        spent: seconds by probe.
        skipped: probes that were not made, each with the reason.

    """

    allowed: float
    spent: dict[str, float] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """Seconds that all probes took together."""
        return sum(self.spent.values())

    def to_json(self) -> dict[str, Any]:
        """Plain values that ``from_json`` reads back."""
        return {"allowed": self.allowed, "spent": dict(self.spent), "skipped": dict(self.skipped)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Probing:
        """The inverse of ``to_json``."""
        return cls(**data)


class Budget:
    """A clock for probes: how many seconds are left, and which probe took how many.

    Seconds are those that the processor works for this process, as they would pass on a machine with nothing else to
    do; so what is measured does not depend on who else uses the machine. ``longest`` bounds the time that passes.
    """

    def __init__(self, seconds: float, longest: float = 60.0) -> None:
        self.allowed, self.longest = seconds, longest
        self.worked, self.started = time.process_time(), time.monotonic()
        self.spent: dict[str, float] = {}
        self.skipped: dict[str, str] = {}

    @property
    def left(self) -> float:
        """Seconds that are left, at least 0."""
        worked, passed = time.process_time() - self.worked, time.monotonic() - self.started
        return max(0.0, min(self.allowed - worked, self.longest - passed))

    def part(self, seconds: float) -> Budget:
        """A budget of its own for some probes, from now on, whose account is kept here.

        What others took before does not shorten it, so that every kind of probe has its turn.
        """
        made = Budget(seconds, max(self.longest - (time.monotonic() - self.started), seconds))
        made.spent, made.skipped = self.spent, self.skipped
        return made

    @contextmanager
    def timed(self, probe: str) -> Iterator[None]:
        """Count the time inside as that of a probe."""
        begun = time.process_time()
        try:
            yield
        finally:
            self.spent[probe] = round(self.spent.get(probe, 0.0) + time.process_time() - begun, 3)

    def skip(self, probe: str, reason: str = NO_TIME) -> None:
        """Note that a probe was left out."""
        self.skipped[probe] = reason

    def probing(self) -> Probing:
        """What was spent so far, as a value."""
        return Probing(round(self.allowed, 3), dict(self.spent), dict(self.skipped))
