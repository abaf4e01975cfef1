"""How to train: one value that holds every choice of the training loop."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch

from leadline.limits import (
    BelowOne,
    Count,
    EpochsOrNone,
    Generator,
    Monitor,
    NotNegative,
    Penalty,
    Positive,
    Precision,
    check_fields,
)
from leadline.optimize import Adam, LiveRate, Optimizer
from leadline.optimize.schedules import Constant, Schedule

PRECISIONS = {"float32": torch.float32, "float64": torch.float64}


@dataclass(frozen=True)
class EarlyStopping:
    """Stop when the dev set has not improved for ``patience`` epochs, and go back to the best parameters.

    ``monitor`` is "goal": what the dev set is judged by (`Examples.goal`), its error where it has none of its own;
    or "dev_error", or "dev_cost". Ties are broken by the cost. Early stopping moves two gaps at once: it ends the fit
    (bias) and regularizes (variance); the diagnosis says so.
    """

    patience: Count = 10
    monitor: Monitor = "goal"
    min_improvement: NotNegative = 0.0

    def __post_init__(self) -> None:
        check_fields(self, "early_stopping")


@dataclass(frozen=True)
class TrainingSettings:
    """Settings of one training; ``l2`` and ``l1`` are λ of a penalty λ/(2m), with m the size of the batch.

    ``batch_size`` None is chosen by the amount of data; ``gradient_tolerance`` stops full-batch descent when ‖∇J‖
    falls below it. ``label_smoothing`` ε of the labels' probability goes to all classes alike, in the gradient; costs
    are measured with the labels as they are. ``dropout_schedule`` and ``label_smoothing_schedule`` say how
    1 − keep_prob of all dropout layers and ε fall, epoch by epoch, as other schedules do for the learning rate.
    ``class_weights`` say how much an example of each class counts in the costs of training and dev set alike.
    """

    epochs: EpochsOrNone = 100
    batch_size: Count | None = None
    optimizer: Optimizer = field(default_factory=Adam)
    schedule: Schedule | LiveRate = field(default_factory=Constant)
    l2: Penalty = 0.0
    l1: Penalty = 0.0
    clip_norm: Positive | None = None
    label_smoothing: BelowOne = 0.0
    label_smoothing_schedule: Schedule = field(default_factory=Constant)
    dropout_schedule: Schedule = field(default_factory=Constant)
    class_weights: tuple[float, ...] | None = None
    early_stopping: EarlyStopping | None = None
    gradient_tolerance: Positive | None = None
    precision: Precision = "float32"
    seed: int = 0
    device: str = "cpu"
    generator: Generator = "torch"

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def dtype(self) -> torch.dtype:
        """The floating-point type of parameters and inputs."""
        return PRECISIONS[self.precision]
