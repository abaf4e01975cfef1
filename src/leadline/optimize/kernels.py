"""Torch's update kernels, which pass over each vector once; the rules' ``equation`` says what they compute.

They are private names of torch, so they are looked up here alone and tested against the equations.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

_adam: Any = vars(torch)["_fused_adam_"]
_descent: Any = vars(torch)["_fused_sgd_"]


def adam(
    theta: Tensor, gradient: Tensor, velocity: Tensor, square: Tensor, step: Tensor, **hyper_parameters: Any
) -> None:
    """Adam in place; ``step`` is t as a float32 scalar; takes ``lr``, ``beta1``, ``beta2`` and ``eps``."""
    _adam(
        [theta],
        [gradient],
        [velocity],
        [square],
        [],
        [step],
        weight_decay=0.0,
        amsgrad=False,
        maximize=False,
        **hyper_parameters,
    )


def momentum(theta: Tensor, gradient: Tensor, velocity: Tensor, **hyper_parameters: Any) -> None:
    """``v = momentum v + (1 − dampening) g`` and a step along v, in place; takes ``lr`` and ``nesterov``."""
    _descent(
        [theta],
        [gradient],
        [velocity],
        weight_decay=0.0,
        maximize=False,
        is_first_step=False,
        **hyper_parameters,
    )
