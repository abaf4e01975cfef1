"""How to train: one value that holds every choice of the training loop."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch

from leadline.errors import UsageError, nearest
from leadline.optimize import Adam, LiveRate, Optimizer
from leadline.optimize.schedules import Constant, Schedule

PRECISIONS = {"float32": torch.float32, "float64": torch.float64}
MONITORS = ("goal", "dev_error", "dev_cost")


@dataclass(frozen=True)
class EarlyStopping:
    """Stop when the dev set has not improved for ``patience`` epochs, and go back to the best parameters.

    ``monitor`` is "goal": what the dev set is judged by (`Examples.goal`), its error where it has none of its own;
    or "dev_error", or "dev_cost". Ties are broken by the cost. Early stopping moves two gaps at once: it ends the fit
    (bias) and regularizes (variance); the diagnosis says so.
    """

    patience: int = 10
    monitor: str = "goal"
    min_improvement: float = 0.0

    def __post_init__(self) -> None:
        if not isinstance(self.patience, int) or self.patience < 1:
            raise UsageError(f"early_stopping.patience must be a whole number of at least 1, got {self.patience!r}")
        if self.monitor not in MONITORS:
            hint = nearest(str(self.monitor), MONITORS)
            raise UsageError(f"early_stopping.monitor: unknown quantity '{self.monitor}'.{hint}")
        if not self.min_improvement >= 0:
            raise UsageError(f"early_stopping.min_improvement must be at least 0, got {self.min_improvement!r}")


@dataclass(frozen=True)
class TrainingSettings:
    """Settings of one training; ``l2`` and ``l1`` are λ of a penalty λ/(2m), with m the size of the batch.

    ``batch_size`` None is chosen by the amount of data; ``gradient_tolerance`` stops full-batch descent when ‖∇J‖
    falls below it. ``label_smoothing`` ε of the labels' probability goes to all classes alike, in the gradient; costs
    are measured with the labels as they are. ``dropout_schedule`` and ``label_smoothing_schedule`` say how
    1 − keep_prob of all dropout layers and ε fall, epoch by epoch, as other schedules do for the learning rate.
    """

    epochs: int = 100
    batch_size: int | None = None
    optimizer: Optimizer = field(default_factory=Adam)
    schedule: Schedule | LiveRate = field(default_factory=Constant)
    l2: float = 0.0
    l1: float = 0.0
    clip_norm: float | None = None
    label_smoothing: float = 0.0
    label_smoothing_schedule: Schedule = field(default_factory=Constant)
    dropout_schedule: Schedule = field(default_factory=Constant)
    early_stopping: EarlyStopping | None = None
    gradient_tolerance: float | None = None
    precision: str = "float32"
    seed: int = 0
    device: str = "cpu"
    generator: str = "torch"

    def __post_init__(self) -> None:
        _whole("epochs", self.epochs, least=0)
        if self.batch_size is not None:
            _whole("batch_size", self.batch_size, least=1)
        for name in ("l2", "l1"):
            value = getattr(self, name)
            if not 0 <= value < math.inf:
                raise UsageError(f"{name} must be at least 0, got {value!r}")
        if not 0 <= self.label_smoothing < 1:
            raise UsageError(f"label_smoothing must be at least 0 and less than 1, got {self.label_smoothing!r}")
        for name in ("clip_norm", "gradient_tolerance"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise UsageError(f"{name} must be greater than 0, got {value!r}")
        if self.precision not in PRECISIONS:
            raise UsageError(f"unknown precision '{self.precision}'.{nearest(str(self.precision), PRECISIONS)}")
        if self.generator not in ("torch", "numpy"):
            raise UsageError(f"unknown generator '{self.generator}'.{nearest(str(self.generator), ['torch', 'numpy'])}")

    @property
    def dtype(self) -> torch.dtype:
        """The floating-point type of parameters and inputs."""
        return PRECISIONS[self.precision]


def _whole(name: str, value: object, least: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise UsageError(f"{name} must be a whole number of at least {least}, got {value!r}")
