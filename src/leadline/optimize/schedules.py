"""Learning-rate schedules (course 2, learning-rate decay): the rate now, from the base rate and the time.

A schedule is called as ``schedule(base_rate, epoch, step)``, where ``epoch`` and ``step`` count the epochs
and the updates that are done: both are 0 at the first update. A base rate may be one number or one per member
(P, 1); formulas that divide by a root take the count 0 for 1.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, ClassVar

from typing_extensions import override

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

    def stretched(self, factor: float) -> Schedule:
        """The schedule that reaches each rate ``factor`` times as late; itself where it has no end of its own."""
        return self

    def to_config(self) -> dict[str, Any]:
        """The table of an experiment file: ``type`` and the fields."""
        return {"type": SCHEDULES.name_of(self), **{field.name: getattr(self, field.name) for field in fields(self)}}


SCHEDULES: Registry[type[Schedule]] = registry("schedule")
"""The schedules by their names in experiment files."""

FORMER_NAMES: dict[str, dict[str, Any]] = {
    "staircase": {"type": "step_decay"},
    "manual": {"type": "piecewise"},
    "square_root_step": {"type": "inverse_sqrt", "per": "step"},
    "square_root_epoch": {"type": "inverse_sqrt", "per": "epoch"},
}
"""What the names of earlier releases mean, so that their experiments and runs can be read."""


@dataclass(frozen=True)
class Constant(Schedule):
    """``α = α₀``."""

    name: ClassVar[str] = "constant"

    @override
    def __call__(self, base_rate: Number, epoch: int, step: int) -> Number:
        return base_rate


@dataclass(frozen=True)
class InverseTime(Schedule):
    """``α = α₀ / (1 + d · epoch)``: from 0.2 with d = 1 it goes 0.1, 0.0667, 0.05, 0.04."""

    decay: float = 1.0

    name: ClassVar[str] = "inverse_time"

    def __post_init__(self) -> None:
        not_negative("decay", self.decay)

    @override
    def __call__(self, base_rate: Number, epoch: int, step: int) -> Number:
        return base_rate / (1.0 + self.decay * epoch)

    @override
    def stretched(self, factor: float) -> Schedule:
        return replace(self, decay=self.decay / factor)


@dataclass(frozen=True)
class Exponential(Schedule):
    """``α = α₀ kᵉᵖᵒᶜʰ``, with k = 0.95 by default."""

    factor: float = 0.95

    name: ClassVar[str] = "exponential"

    def __post_init__(self) -> None:
        positive("factor", self.factor)

    @override
    def __call__(self, base_rate: Number, epoch: int, step: int) -> Number:
        return base_rate * self.factor**epoch

    @override
    def stretched(self, factor: float) -> Schedule:
        return replace(self, factor=self.factor ** (1 / factor))


@dataclass(frozen=True)
class InverseSqrt(Schedule):
    """``α = k α₀ / √t``, where t counts the mini-batches, or the epochs with ``per`` "epoch"."""

    factor: float = 1.0
    per: str = "step"

    name: ClassVar[str] = "inverse_sqrt"

    def __post_init__(self) -> None:
        positive("factor", self.factor)
        if self.per not in ("step", "epoch"):
            raise UsageError(f"per must be 'step' or 'epoch', got {self.per!r}")

    @override
    def __call__(self, base_rate: Number, epoch: int, step: int) -> Number:
        t = step if self.per == "step" else epoch
        return base_rate * (self.factor / math.sqrt(max(t, 1)))


@dataclass(frozen=True)
class StepDecay(Schedule):
    """``α = α₀ kⁿ`` after n times ``every`` epochs; it halves by default."""

    every: int
    factor: float = 0.5

    name: ClassVar[str] = "step_decay"

    def __post_init__(self) -> None:
        whole("every", self.every, least=1)
        positive("factor", self.factor)

    @override
    def __call__(self, base_rate: Number, epoch: int, step: int) -> Number:
        return base_rate * self.factor ** (epoch // self.every)

    @override
    def stretched(self, factor: float) -> Schedule:
        return replace(self, every=_stretched(self.every, factor))


@dataclass(frozen=True)
class Piecewise(Schedule):
    """The rates of a table from an epoch on, such as ``{0: 0.1, 30: 0.01}``; α₀ before its first entry.

    A rate can also be changed while training goes on: see `leadline.optimize.live.LiveRate`.
    """

    rates: Mapping[int, float] | tuple[tuple[int, float], ...] = field(default=())

    name: ClassVar[str] = "piecewise"

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

    @override
    def __call__(self, base_rate: Number, epoch: int, step: int) -> Number:
        rate = base_rate
        for start, value in self._table():
            if start <= epoch:
                rate = value
        return rate

    @override
    def to_config(self) -> dict[str, Any]:  # epochs are strings, as TOML wants keys
        return {"type": self.name, "rates": {str(epoch): rate for epoch, rate in self._table()}}

    def _table(self) -> tuple[tuple[int, float], ...]:
        return tuple(self.rates.items()) if isinstance(self.rates, Mapping) else self.rates

    @override
    def stretched(self, factor: float) -> Schedule:
        return Piecewise(tuple((round(epoch * factor), rate) for epoch, rate in self._table()))


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

    @override
    def __call__(self, base_rate: Number, epoch: int, step: int) -> Number:
        passed = min(epoch / self.epochs, 1.0)
        return self.floor + (base_rate - self.floor) * (0.5 * (1.0 + math.cos(math.pi * passed)))

    @override
    def stretched(self, factor: float) -> Schedule:
        return replace(self, epochs=_stretched(self.epochs, factor))


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

    @override
    def __call__(self, base_rate: Number, epoch: int, step: int) -> Number:
        part = (step + 1) / self.steps if self.steps else (epoch + 1) / self.epochs
        return self.schedule(base_rate, epoch, step) * min(part, 1.0)

    @override
    def to_config(self) -> dict[str, Any]:
        unit = {"steps": self.steps} if self.steps else {"epochs": self.epochs}
        return {"type": self.name, **unit, "schedule": self.schedule.to_config()}

    @override
    def stretched(self, factor: float) -> Schedule:
        epochs = _stretched(self.epochs, factor) if self.epochs else 0
        return replace(self, epochs=epochs, schedule=self.schedule.stretched(factor))


def _stretched(epochs: int, factor: float) -> int:
    return max(1, round(epochs * factor))
