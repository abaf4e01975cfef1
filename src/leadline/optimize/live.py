"""Changing the learning rate of a training that is running."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

from leadline.equations.averages import Number
from leadline.files import write_text
from leadline.optimize.checks import positive
from leadline.optimize.schedules import Schedule


class LiveRate:
    """A schedule that can be overruled while it runs; used like a schedule, made once per training.

    ``source`` says which rate to use instead: a function that returns a number, or None for the schedule's
    rate; or a file that holds a number, for example ``learning_rate`` in the folder of a run. It is asked
    once per epoch. A file that is removed gives the rate back to the schedule. Anything that is no positive
    number changes nothing, and ``problem`` says why.
    """

    def __init__(self, schedule: Schedule | LiveRate, source: Path | str | Callable[[], float | None]) -> None:
        self.schedule = schedule
        self.source = source if callable(source) else Path(source)
        self.rate: float | None = None
        self.problem: str | None = None
        self._epoch: int | None = None

    def __call__(self, base_rate: Number, epoch: int, step: int) -> Number:
        """The rate that was set, else the schedule's."""
        if epoch != self._epoch:
            self._epoch = epoch
            self._ask()
        return self.schedule(base_rate, epoch, step) if self.rate is None else self.rate

    def _ask(self) -> None:
        self.problem = None
        try:
            answer = self.source.read_text(encoding="utf-8") if isinstance(self.source, Path) else self.source()
            rate = None if answer is None else float(answer)
        except FileNotFoundError:
            rate = None
        except (OSError, ValueError) as error:
            self.problem = f"The learning rate stays as it is: {error}."
            return
        if rate is not None and not 0 < rate < math.inf:
            self.problem = f"The learning rate stays as it is: it must be greater than 0, got {rate}."
            return
        self.rate = rate


def change_rate(file: Path, rate: float | None) -> None:
    """Give the training that watches ``file`` a new learning rate from its next epoch on; None lets go."""
    if rate is None:
        file.unlink(missing_ok=True)
        return
    positive("learning_rate", rate)
    write_text(file, f"{rate!r}\n")
