"""The training loop and what belongs to it."""

from leadline.training.batches import Augment
from leadline.training.divergence import DivergenceError
from leadline.training.ensemble import AnyTrainer, EnsembleTrainer
from leadline.training.evaluate import cost_and_error, outputs
from leadline.training.fit import fit
from leadline.training.objective import Objective
from leadline.training.outcome import FitResult
from leadline.training.settings import EarlyStopping, TrainingSettings
from leadline.training.stream import Stream
from leadline.training.trainer import Epoch, Examples, Goal, Trainer

__all__ = [
    "AnyTrainer",
    "Augment",
    "DivergenceError",
    "EarlyStopping",
    "EnsembleTrainer",
    "Epoch",
    "Examples",
    "FitResult",
    "Goal",
    "Objective",
    "Stream",
    "Trainer",
    "TrainingSettings",
    "cost_and_error",
    "fit",
    "outputs",
]
