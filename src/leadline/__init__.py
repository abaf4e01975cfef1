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
    from leadline import search
    from leadline.architectures import Architecture
    from leadline.data import Dataset, read
    from leadline.data.augmentation import Augmentation
    from leadline.data.sources.formats import FileFormat
    from leadline.equations.activations import ActivationFunction
    from leadline.equations.losses import Loss
    from leadline.errors import LeadlineError, LeadlineWarning, UsageError
    from leadline.experiment import Experiment
    from leadline.extensions import register
    from leadline.measure import Estimate, Metric, evaluate
    from leadline.measure.tasks import Task
    from leadline.network import (
        GRU,
        LSTM,
        Activation,
        Attention,
        AveragePool,
        BatchNorm,
        Concatenate,
        Convolution,
        Convolution1D,
        Dense,
        Dropout,
        Embedding,
        Ensemble,
        Flatten,
        GlobalAveragePool,
        Image,
        Last,
        Layer,
        LayerContext,
        LayerNorm,
        MaxPool,
        Network,
        ParameterSpec,
        PeriodicEmbedding,
        PiecewiseEmbedding,
        PoolOverTime,
        Position,
        Residual,
        Series,
        ShapeError,
        SimpleRecurrent,
        SqueezeExcitation,
        TorchModule,
        TransformerBlock,
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
        State,
        StepDecay,
        WarmUp,
    )
    from leadline.runs.run import Run, load_run
    from leadline.runs.trained import TrainedNetwork
    from leadline.search.samplers import Sampler, Strategy
    from leadline.session.imported import import_predictions
    from leadline.session.resume import resume
    from leadline.session.test_set import open_test_set
    from leadline.session.training import run_experiment, train, transfer
    from leadline.soundings.climb import climb
    from leadline.soundings.prediction import train_next
    from leadline.soundings.sounder import sound
    from leadline.strategy import Diagnosis, diagnose_predictions, diagnose_rates, diagnose_regression
    from leadline.strategy.predictions_table import diagnose_table
    from leadline.strategy.remedies import Remedy
    from leadline.training import DivergenceError, EarlyStopping, Examples, TrainingSettings, fit
    from leadline.training.population import Member, Population

__all__ = [
    "GRU",
    "LSTM",
    "Activation",
    "ActivationFunction",
    "Adam",
    "AdamW",
    "Architecture",
    "Attention",
    "Augmentation",
    "AveragePool",
    "BatchNorm",
    "Concatenate",
    "Constant",
    "Convolution",
    "Convolution1D",
    "Cosine",
    "Dataset",
    "Dense",
    "Diagnosis",
    "DivergenceError",
    "Dropout",
    "EarlyStopping",
    "Embedding",
    "Ensemble",
    "Estimate",
    "Examples",
    "Experiment",
    "Exponential",
    "FileFormat",
    "Flatten",
    "GlobalAveragePool",
    "GradientDescent",
    "Image",
    "InverseSqrt",
    "InverseTime",
    "Last",
    "Layer",
    "LayerContext",
    "LayerNorm",
    "LeadlineError",
    "LeadlineWarning",
    "Loss",
    "MaxPool",
    "Member",
    "Metric",
    "Momentum",
    "Nesterov",
    "Network",
    "Optimizer",
    "ParameterSpec",
    "PeriodicEmbedding",
    "Piecewise",
    "PiecewiseEmbedding",
    "PoolOverTime",
    "Population",
    "Position",
    "RMSprop",
    "Remedy",
    "Residual",
    "Run",
    "Sampler",
    "Schedule",
    "Series",
    "ShapeError",
    "SimpleRecurrent",
    "SqueezeExcitation",
    "State",
    "StepDecay",
    "Strategy",
    "Task",
    "TorchModule",
    "TrainedNetwork",
    "TrainingSettings",
    "TransformerBlock",
    "UsageError",
    "WarmUp",
    "climb",
    "diagnose_predictions",
    "diagnose_rates",
    "diagnose_regression",
    "diagnose_table",
    "evaluate",
    "fit",
    "gradient_check",
    "import_predictions",
    "load_run",
    "open_test_set",
    "read",
    "register",
    "resume",
    "run_experiment",
    "search",
    "sound",
    "train",
    "train_next",
    "transfer",
]

_HOME = {
    "leadline.architectures": ("Architecture",),
    "leadline.data": (
        "Dataset",
        "read",
    ),
    "leadline.data.augmentation": ("Augmentation",),
    "leadline.data.sources.formats": ("FileFormat",),
    "leadline.equations.activations": ("ActivationFunction",),
    "leadline.equations.losses": ("Loss",),
    "leadline.errors": (
        "LeadlineError",
        "LeadlineWarning",
        "UsageError",
    ),
    "leadline.experiment": ("Experiment",),
    "leadline.extensions": ("register",),
    "leadline.measure": (
        "Estimate",
        "Metric",
        "evaluate",
    ),
    "leadline.measure.tasks": ("Task",),
    "leadline.network": (
        "GRU",
        "LSTM",
        "Attention",
        "Convolution1D",
        "Embedding",
        "Last",
        "LayerNorm",
        "PoolOverTime",
        "Position",
        "SimpleRecurrent",
        "TransformerBlock",
        "Activation",
        "AveragePool",
        "BatchNorm",
        "Concatenate",
        "Convolution",
        "Dense",
        "Dropout",
        "Ensemble",
        "Flatten",
        "GlobalAveragePool",
        "Image",
        "Layer",
        "MaxPool",
        "LayerContext",
        "Network",
        "ParameterSpec",
        "PeriodicEmbedding",
        "PiecewiseEmbedding",
        "Residual",
        "Series",
        "ShapeError",
        "SqueezeExcitation",
        "TorchModule",
        "gradient_check",
    ),
    "leadline.optimize": (
        "Adam",
        "AdamW",
        "Constant",
        "Cosine",
        "Exponential",
        "GradientDescent",
        "InverseSqrt",
        "InverseTime",
        "Momentum",
        "Nesterov",
        "Optimizer",
        "Piecewise",
        "RMSprop",
        "Schedule",
        "State",
        "StepDecay",
        "WarmUp",
    ),
    "leadline.runs.run": (
        "Run",
        "load_run",
    ),
    "leadline.runs.trained": ("TrainedNetwork",),
    "leadline.search.samplers": (
        "Sampler",
        "Strategy",
    ),
    "leadline.session.imported": ("import_predictions",),
    "leadline.session.resume": ("resume",),
    "leadline.session.test_set": ("open_test_set",),
    "leadline.session.training": (
        "run_experiment",
        "train",
        "transfer",
    ),
    "leadline.soundings.climb": ("climb",),
    "leadline.soundings.prediction": ("train_next",),
    "leadline.soundings.sounder": ("sound",),
    "leadline.strategy": (
        "Diagnosis",
        "diagnose_predictions",
        "diagnose_rates",
        "diagnose_regression",
    ),
    "leadline.strategy.predictions_table": ("diagnose_table",),
    "leadline.strategy.remedies": ("Remedy",),
    "leadline.training": (
        "DivergenceError",
        "EarlyStopping",
        "Examples",
        "TrainingSettings",
        "fit",
    ),
    "leadline.training.population": (
        "Member",
        "Population",
    ),
}
"""The modules of the public names; `search` is a package itself."""
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}


def __getattr__(name: str) -> object:
    """Import a public name when it is first used: the command line starts without torch this way."""
    if name not in __all__:
        raise AttributeError(f"module 'leadline' has no attribute '{name}'")
    if name not in _MODULE_OF:
        return import_module(f"leadline.{name}")
    value = getattr(import_module(_MODULE_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
