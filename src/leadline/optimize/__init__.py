"""Update rules, learning-rate schedules and clipping: how θ moves, given its gradient."""

from leadline.optimize.adam import Adam, AdamW
from leadline.optimize.clipping import clip_by_norm
from leadline.optimize.config import optimizer_from_config, schedule_from_config
from leadline.optimize.descent import GradientDescent
from leadline.optimize.live import LiveRate, change_rate
from leadline.optimize.momentum import Momentum
from leadline.optimize.nesterov import Nesterov
from leadline.optimize.optimizer import OPTIMIZERS, Optimizer, State
from leadline.optimize.rmsprop import RMSprop
from leadline.optimize.schedules import (
    SCHEDULES,
    Constant,
    Cosine,
    Exponential,
    InverseSqrt,
    InverseTime,
    Piecewise,
    Schedule,
    StepDecay,
    WarmUp,
)

__all__ = [
    "OPTIMIZERS",
    "SCHEDULES",
    "Adam",
    "AdamW",
    "Constant",
    "Cosine",
    "Exponential",
    "GradientDescent",
    "InverseSqrt",
    "InverseTime",
    "LiveRate",
    "Momentum",
    "Nesterov",
    "Optimizer",
    "Piecewise",
    "RMSprop",
    "Schedule",
    "State",
    "StepDecay",
    "WarmUp",
    "change_rate",
    "clip_by_norm",
    "optimizer_from_config",
    "schedule_from_config",
]
