"""What RMSprop and Adam share: the average of squared gradients, and the step divided by its root."""

from __future__ import annotations

import torch
from torch import Tensor

from leadline.equations.averages import Number, weighted_average
from leadline.optimize.optimizer import descend


def average_square(square: Tensor, gradient: Tensor, beta: Number, scratch: Tensor) -> None:
    """``S = β S + (1 − β) g²`` in place."""
    torch.mul(gradient, gradient, out=scratch)
    weighted_average(square, scratch, beta, out=square)


def descend_scaled(
    theta: Tensor,
    direction: Tensor,
    square: Tensor,
    rate: Number,
    epsilon: Number,
    scratch: Tensor,
    correction: Number = 1.0,
) -> None:
    """``θ = θ − α d / (√(S / correction) + ε)`` in place."""
    torch.sqrt(square, out=scratch)
    if isinstance(correction, Tensor):
        scratch.mul_(correction.rsqrt().to(theta))
    elif correction != 1.0:
        scratch.mul_(correction**-0.5)
    scratch.add_(epsilon.to(theta) if isinstance(epsilon, Tensor) else epsilon)
    if isinstance(rate, Tensor):
        torch.div(direction, scratch, out=scratch)
        descend(theta, scratch, rate)
    else:
        theta.addcdiv_(direction, scratch, value=-rate)
