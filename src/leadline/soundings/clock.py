"""The time that may be spent."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from leadline.errors import LeadlineError


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
