"""Seconds that the probes of a diagnosis may take, and what was left out because they ended."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any


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
    """A clock for probes: how many seconds are left, and which probe took how many."""

    def __init__(self, seconds: float) -> None:
        self.allowed = seconds
        self.started = time.monotonic()
        self.spent: dict[str, float] = {}
        self.skipped: dict[str, str] = {}

    @property
    def left(self) -> float:
        """Seconds that are left, at least 0."""
        return max(0.0, self.allowed - (time.monotonic() - self.started))

    @contextmanager
    def timed(self, probe: str) -> Iterator[None]:
        """Count the time inside as that of a probe."""
        begun = time.monotonic()
        try:
            yield
        finally:
            self.spent[probe] = round(self.spent.get(probe, 0.0) + time.monotonic() - begun, 3)

    def skip(self, probe: str, reason: str = "no time was left") -> None:
        """Note that a probe was left out."""
        self.skipped[probe] = reason

    def probing(self) -> Probing:
        """What was spent so far, as a value."""
        return Probing(round(self.allowed, 3), dict(self.spent), dict(self.skipped))
