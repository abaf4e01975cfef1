"""Leadline trains deep networks, measures where their error comes from, and shows what to do next.

>>> import leadline as ll
>>> run = ll.train(ll.Network([ll.Dense(64, "relu"), ll.Dense(10)]), ll.read("digits"), epochs=50)
>>> print(run.diagnosis)
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING

# MKL chooses among its kernels by where an operand lies in memory, and they round differently: how trials were grouped
# would change their last bit on some processors. Any branch of its reproducible mode holds one kernel; it reads this
# at its first product. Products were not slower with it.
os.environ.setdefault("MKL_CBWR", "AUTO")

if TYPE_CHECKING:
    from leadline.data import Dataset, read
    from leadline.data.augmentation import Augmentation
    from leadline.errors import LeadlineError, UsageError
    from leadline.experiment import Experiment
    from leadline.network import (
        Activation,
        AveragePool,
        BatchNorm,
        Concatenate,
        Convolution,
        Dense,
        Dropout,
        Flatten,
        GlobalAveragePool,
        Layer,
        MaxPool,
        Network,
        Residual,
        SqueezeExcitation,
        TorchModule,
        gradient_check,
    )
    from leadline.optimize import (
        Adam,
        AdamW,
        Constant,
        Cosine,
        Exponential,
        GradientDescent,
        InverseSqrt,
        InverseTime,
        Momentum,
        Nesterov,
        Optimizer,
        Piecewise,
        RMSprop,
        Schedule,
        StepDecay,
        WarmUp,
    )
    from leadline.runs.run import Run, load_run
    from leadline.runs.trained import TrainedNetwork
    from leadline.session.test_set import open_test_set
    from leadline.session.training import run_experiment, train, transfer
    from leadline.soundings.climb import climb
    from leadline.soundings.prediction import train_next
    from leadline.soundings.sounder import sound
    from leadline.strategy import Diagnosis, diagnose_predictions, diagnose_rates, diagnose_regression
    from leadline.training import DivergenceError
    from leadline.training.population import Member, Population

__all__ = [
    "Activation",
    "Adam",
    "AdamW",
    "Augmentation",
    "AveragePool",
    "BatchNorm",
    "Concatenate",
    "Constant",
    "Convolution",
    "Cosine",
    "Dataset",
    "Dense",
    "Diagnosis",
    "DivergenceError",
    "Dropout",
    "Experiment",
    "Exponential",
    "Flatten",
    "GlobalAveragePool",
    "GradientDescent",
    "InverseSqrt",
    "InverseTime",
    "Layer",
    "LeadlineError",
    "MaxPool",
    "Member",
    "Momentum",
    "Nesterov",
    "Network",
    "Optimizer",
    "Piecewise",
    "Population",
    "RMSprop",
    "Residual",
    "Run",
    "Schedule",
    "SqueezeExcitation",
    "StepDecay",
    "TorchModule",
    "TrainedNetwork",
    "UsageError",
    "WarmUp",
    "climb",
    "diagnose_predictions",
    "diagnose_rates",
    "diagnose_regression",
    "gradient_check",
    "load_run",
    "open_test_set",
    "read",
    "run_experiment",
    "sound",
    "train",
    "train_next",
    "transfer",
]

_HOME = {
    "leadline.data": ("Dataset", "read"),
    "leadline.data.augmentation": ("Augmentation",),
    "leadline.errors": ("LeadlineError", "UsageError"),
    "leadline.experiment": ("Experiment",),
    "leadline.network": (
        "Activation",
        "AveragePool",
        "BatchNorm",
        "Concatenate",
        "Convolution",
        "Dense",
        "Dropout",
        "Flatten",
        "GlobalAveragePool",
        "Layer",
        "MaxPool",
        "Network",
        "Residual",
        "SqueezeExcitation",
        "TorchModule",
        "gradient_check",
    ),
    "leadline.runs.run": ("Run", "load_run"),
    "leadline.session.training": ("run_experiment", "train", "transfer"),
    "leadline.strategy": ("Diagnosis", "diagnose_predictions", "diagnose_rates", "diagnose_regression"),
    "leadline.session.test_set": ("open_test_set",),
    "leadline.runs.trained": ("TrainedNetwork",),
    "leadline.soundings.climb": ("climb",),
    "leadline.soundings.prediction": ("train_next",),
    "leadline.soundings.sounder": ("sound",),
    "leadline.training": ("DivergenceError",),
    "leadline.training.population": ("Member", "Population"),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}


def __getattr__(name: str) -> object:
    """Import a public name when it is first used: the command line starts without torch this way."""
    if name not in __all__:
        raise AttributeError(f"module 'leadline' has no attribute '{name}'")
    value = getattr(import_module(_MODULE_OF.get(name, "leadline.optimize")), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
