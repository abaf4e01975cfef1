"""One line of soundings as it is measured, and how much of the full training its networks have."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from leadline.soundings.effects import Effect
from leadline.soundings.learning_curve import LearningCurve
from leadline.soundings.result import TriedOption
from leadline.soundings.training import Trained
from leadline.strategy.remedies import Option, RemedyOptions


@dataclass(frozen=True)
class Fidelity:
    """How much of the full training each network has, and how many networks there are.

    ``epochs`` and ``data`` are shares of the experiment's own; ``seeds`` measure, ``tries`` choose among options.
    """

    epochs: float = 1.0
    data: float = 1.0
    seeds: int = 5
    tries: int = 2

    @property
    def full(self) -> bool:
        """Whether every network is trained as the experiment says."""
        return self.epochs == self.data == 1


@dataclass(eq=False)
class RemedyMeasurement:
    """What was measured of a remedy, before it is set beside the others.

    ``dev``, ``train`` and ``gap`` are changes; ``cost`` is a training's time over the baseline's. ``group`` holds
    the networks behind them, one a seed, where they are trainings of the option as it is.
    """

    remedy: RemedyOptions
    option: Option | None = None
    dev: Effect | None = None
    train: Effect | None = None
    gap: Effect | None = None
    seeds: int = 0
    cost: float | None = None
    tried: list[TriedOption] = field(default_factory=list)
    diverged: bool = False
    skipped: bool = False
    curve: LearningCurve | None = None
    note: str = ""
    group: list[Trained] = field(default_factory=list, repr=False)

    @property
    def errors(self) -> list[float]:
        """Dev errors of its networks."""
        return [network.dev.error for network in self.group if not network.diverged]

    @property
    def error(self) -> float:
        """Mean of them."""
        return float(np.mean(self.errors))
