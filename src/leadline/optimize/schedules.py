"""Learning-rate schedules (course 2, learning-rate decay): the rate now, from the base rate and the time.

A schedule is called as ``schedule(base_rate, epoch, step)``, where ``epoch`` and ``step`` count the epochs
and the updates that are done: both are 0 at the first update. A base rate may be one number or one per member
(P, 1); formulas that divide by a root take the count 0 for 1.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

from leadline.equations.averages import Number
from leadline.errors import UsageError
from leadline.extensions import Extension, Registry, registry
from leadline.optimize.checks import not_negative, positive, whole


@dataclass(frozen=True)
class Schedule(Extension, ABC, kind="schedule"):
    """A rule for the learning rate; wrong values raise `UsageError` when it is made."""

    name: ClassVar[str]
    """What experiment files call the schedule."""

    @abstractmethod
    def __call__(self, base_rate: Number, epoch: int, step: int) -> Number:
        """The learning rate of the next update, after ``epoch`` whole epochs and ``step`` updates."""

    def to_config(self) -> dict[str, Any]:
        """The table of an experiment file: ``type`` and the fields."""
        return {"type": SCHEDULES.name_of(self), **{field.name: getattr(self, field.name) for field in fields(self)}}


SCHEDULES: Registry[type[Schedule]] = registry("schedule")
"""The schedules by their names in experiment files."""


@dataclass(frozen=True)
class Constant(Schedule):
    """``α = α₀``."""

    name: ClassVar[str] = "constant"

    def __call__(self, base_rate: Number, epoch: int, step: int) -> Number:
        """α₀."""
        return base_rate


@dataclass(frozen=True)
class InverseTime(Schedule):
    """``α = α₀ / (1 + d · epoch)``: from 0.2 with d = 1 it goes 0.1, 0.0667, 0.05, 0.04."""

    decay: float = 1.0

    name: ClassVar[str] = "inverse_time"

    def __post_init__(self) -> None:
        not_negative("decay", self.decay)

    def __call__(self, base_rate: Number, epoch: int, step: int) -> Number:
        """The formula above."""
        return base_rate / (1.0 + self.decay * epoch)


@dataclass(frozen=True)
class Exponential(Schedule):
    """``α = α₀ kᵉᵖᵒᶜʰ``, with k = 0.95 by default."""

    factor: float = 0.95

    name: ClassVar[str] = "exponential"

    def __post_init__(self) -> None:
        positive("factor", self.factor)

    def __call__(self, base_rate: Number, epoch: int, step: int) -> Number:
        """The formula above."""
        return base_rate * self.factor**epoch


@dataclass(frozen=True)
class SquareRootEpoch(Schedule):
    """``α = k α₀ / √epoch``."""

    factor: float = 1.0

    name: ClassVar[str] = "square_root_epoch"

    def __post_init__(self) -> None:
        positive("factor", self.factor)

    def __call__(self, base_rate: Number, epoch: int, step: int) -> Number:
        """The formula above."""
        return base_rate * (self.factor / math.sqrt(max(epoch, 1)))


@dataclass(frozen=True)
class SquareRootStep(Schedule):
    """``α = k α₀ / √t``, where t counts the mini-batches."""

    factor: float = 1.0

    name: ClassVar[str] = "square_root_step"

    def __post_init__(self) -> None:
        positive("factor", self.factor)

    def __call__(self, base_rate: Number, epoch: int, step: int) -> Number:
        """The formula above."""
        return base_rate * (self.factor / math.sqrt(max(step, 1)))


@dataclass(frozen=True)
class Staircase(Schedule):
    """``α = α₀ kⁿ`` after n times ``every`` epochs; it halves by default."""

    every: int
    factor: float = 0.5

    name: ClassVar[str] = "staircase"

    def __post_init__(self) -> None:
        whole("every", self.every, least=1)
        positive("factor", self.factor)

    def __call__(self, base_rate: Number, epoch: int, step: int) -> Number:
        """The formula above."""
        return base_rate * self.factor ** (epoch // self.every)


@dataclass(frozen=True)
class Manual(Schedule):
    """The rates of a table from an epoch on, such as ``{0: 0.1, 30: 0.01}``; α₀ before its first entry.

    A rate can also be changed while training goes on: see `leadline.optimize.live.LiveRate`.
    """

    rates: Mapping[int, float] | tuple[tuple[int, float], ...] = field(default=())

    name: ClassVar[str] = "manual"

    def __post_init__(self) -> None:
        if not isinstance(self.rates, Mapping | tuple):
            raise UsageError(f"rates must be a table from epoch to learning rate, got {self.rates!r}")
        pairs = self.rates.items() if isinstance(self.rates, Mapping) else self.rates
        table: dict[int, float] = {}
        for key, rate in pairs:
            if not str(key).isdecimal():
                raise UsageError(f"rates: an epoch must be a whole number of at least 0, got {key!r}")
            positive(f"rates: the learning rate from epoch {key} on", rate)
            table[int(key)] = rate
        object.__setattr__(self, "rates", tuple(sorted(table.items())))

    def __call__(self, base_rate: Number, epoch: int, step: int) -> Number:
        """The last entry that is not after ``epoch``."""
        rate = base_rate
        for start, value in self._table():
            if start <= epoch:
                rate = value
        return rate

    def to_config(self) -> dict[str, Any]:
        """The table of an experiment file; its epochs are strings, as TOML wants keys."""
        return {"type": self.name, "rates": {str(epoch): rate for epoch, rate in self._table()}}

    def _table(self) -> tuple[tuple[int, float], ...]:
        return tuple(self.rates.items()) if isinstance(self.rates, Mapping) else self.rates


@dataclass(frozen=True)
class Cosine(Schedule):
    """``α = f + (α₀ − f) ½ (1 + cos(π epoch / epochs))``: from α₀ to the floor f, where it stays.

    Loshchilov and Hutter (2017), without restarts.
    """

    epochs: int
    floor: float = 0.0

    name: ClassVar[str] = "cosine"

    def __post_init__(self) -> None:
        whole("epochs", self.epochs, least=1)
        not_negative("floor", self.floor)

    def __call__(self, base_rate: Number, epoch: int, step: int) -> Number:
        """The formula above."""
        passed = min(epoch / self.epochs, 1.0)
        return self.floor + (base_rate - self.floor) * (0.5 * (1.0 + math.cos(math.pi * passed)))


@dataclass(frozen=True)
class WarmUp(Schedule):
    """Another schedule, whose rate first grows in equal parts over a number of updates or of epochs.

    With ``steps`` = 4 the first updates have 1/4, 2/4, 3/4 and 4/4 of the other schedule's rate.
    """

    steps: int = 0
    epochs: int = 0
    schedule: Schedule = field(default_factory=Constant)

    name: ClassVar[str] = "warm_up"

    def __post_init__(self) -> None:
        whole("steps", self.steps, least=0)
        whole("epochs", self.epochs, least=0)
        if not isinstance(self.schedule, Schedule):
            raise UsageError(f"schedule must be a schedule, got {self.schedule!r}")
        if (self.steps == 0) == (self.epochs == 0):
            raise UsageError("warm_up needs either steps or epochs of at least 1")

    def __call__(self, base_rate: Number, epoch: int, step: int) -> Number:
        """The other schedule's rate times the part that is warmed up."""
        part = (step + 1) / self.steps if self.steps else (epoch + 1) / self.epochs
        return self.schedule(base_rate, epoch, step) * min(part, 1.0)

    def to_config(self) -> dict[str, Any]:
        """The table of an experiment file, with the other schedule's table inside."""
        unit = {"steps": self.steps} if self.steps else {"epochs": self.epochs}
        return {"type": self.name, **unit, "schedule": self.schedule.to_config()}
