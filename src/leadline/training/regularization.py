"""What regularizes a training at an epoch: dropout and label smoothing, which may fall while it goes on."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from leadline.equations.losses import LOSSES
from leadline.errors import UsageError
from leadline.training.settings import TrainingSettings


@dataclass(frozen=True)
class Regularization:
    """``dropout`` is the part of every layer's 1 − keep_prob that holds, ``smoothing`` the ε of the labels."""

    dropout: float = 1.0
    smoothing: float = 0.0


def regularization_at(settings: TrainingSettings, epoch: int) -> Regularization:
    """What holds in the epoch after ``epoch`` whole ones, by the schedules; their steps are epochs, too."""
    dropout = settings.dropout_schedule(1.0, epoch, epoch)
    smoothing = settings.label_smoothing_schedule(settings.label_smoothing, epoch, epoch)
    assert not isinstance(dropout, Tensor) and not isinstance(smoothing, Tensor)
    return Regularization(dropout, smoothing)


def check_smoothing(settings: TrainingSettings, loss: str) -> None:
    """Raise `UsageError` where labels are to be smoothed and the targets are numbers."""
    if settings.label_smoothing and not LOSSES[loss].smooths:
        raise UsageError(f"label_smoothing is for classes and labels, and '{loss}' compares numbers; leave it out")
