"""Starting values of parameters (course 2, setting up the optimization).

A weight tensor of shape ``(n_out, n_in, …)`` is filled in place; the fan-in is the number of inputs that one unit
sums: the product of all axes but the first.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor


def zeros(shape: tuple[int, ...]) -> float:
    """Standard deviation 0: every unit starts equal; right for biases and for a network without hidden layers."""
    return 0.0


def small_normal(shape: tuple[int, ...]) -> float:
    """Standard deviation 0.01: breaks symmetry, but signals fade in a deep network."""
    return 0.01


def xavier(shape: tuple[int, ...]) -> float:
    """√(1/n_in): keeps the variance of signals through tanh units (Glorot and Bengio, 2010, fan-in form)."""
    return math.sqrt(1 / fan_in(shape))


def he(shape: tuple[int, ...]) -> float:
    """√(2/n_in): makes up for the half of the signal that ReLU drops (He et al., 2015)."""
    return math.sqrt(2 / fan_in(shape))


def fan_in(shape: tuple[int, ...]) -> int:
    """The number of inputs that one unit sums: all axes but the first."""
    return max(1, math.prod(shape[1:]))


STANDARD_DEVIATIONS: dict[str, Callable[[tuple[int, ...]], float]] = {
    "zeros": zeros,
    "normal": small_normal,
    "xavier": xavier,
    "he": he,
}


def fill_normal(weight: Tensor, std: float, generator: torch.Generator | np.random.RandomState | None = None) -> Tensor:
    """Draw every entry from N(0, std²), in place.

    A NumPy ``RandomState`` repeats published starts that were drawn with ``numpy.random.seed`` and ``randn``.
    """
    if std == 0:
        return weight.zero_()
    if isinstance(generator, np.random.RandomState):
        draw = generator.randn(*weight.shape) * std
        return weight.copy_(torch.from_numpy(np.asarray(draw)))
    return weight.normal_(0.0, std, generator=generator)
