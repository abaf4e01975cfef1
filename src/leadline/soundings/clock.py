"""The time that may be spent."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field

from leadline.errors import LeadlineError, UsageError
from leadline.measure.intervals import duration

__all__ = ["Clock", "OutOfTimeError", "duration", "seconds_of"]

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}


class OutOfTimeError(LeadlineError):
    """The budget ended before a training did."""


@dataclass
class Clock:
    """A budget of seconds that runs from now on."""

    budget: float
    started: float = field(default_factory=time.monotonic)

    @property
    def spent(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started

    @property
    def left(self) -> float:
        """Seconds that are left, negative beyond the end."""
        return self.budget - self.spent

    @property
    def over(self) -> bool:
        """Whether the time is spent."""
        return self.left <= 0


def seconds_of(text: str) -> float:
    """The seconds that ``"90s"``, ``"5m"``, ``"1h30m"`` or ``"90"`` mean. UsageError for anything else."""
    compact = text.strip().lower().replace(" ", "")
    if not re.fullmatch(r"(\d+(\.\d+)?[smh])+|\d+(\.\d+)?", compact):
        raise UsageError(f'--budget {text}: write a time such as "90s", "5m" or "1h30m".')
    parts = re.findall(r"(\d+(?:\.\d+)?)([smh]?)", compact)
    seconds = sum(float(number) * _UNITS[unit or "s"] for number, unit in parts)
    if seconds <= 0:
        raise UsageError(f"--budget {text}: needs to be more than no time at all.")
    return seconds
