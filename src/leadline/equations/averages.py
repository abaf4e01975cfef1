"""Exponentially weighted averages, the memory of momentum, RMSprop and Adam (course 2, optimization)."""

from __future__ import annotations

import torch
from torch import Tensor

Number = float | Tensor
"""One number for everything, or a tensor that broadcasts, such as (P, 1) over a population (P, n)."""


def weighted_average(average: Tensor, value: Tensor, beta: Number, out: Tensor | None = None) -> Tensor:
    """``v = β v + (1 − β) θ``: the average of about the last 1/(1 − β) values, started at zero.

    ``average`` and ``value`` have one shape; β in [0, 1) is a float or a tensor that broadcasts over it.
    ``out=average`` updates in place.
    """
    return torch.lerp(average, value, complement(beta, value), out=out)


def bias_correction(beta: Number, step: int) -> Number:
    """``1 − βᵗ``, the total weight that t values have in an average started at zero; divide by it to correct.

    The result for a tensor β has β's shape and float64, because 1 − β loses digits in float32.
    """
    return 1.0 - (beta.double() if isinstance(beta, Tensor) else beta) ** step


def complement(beta: Number, like: Tensor) -> Number:
    """``1 − β``, subtracted in float64 and then given the type and device of ``like``."""
    return (1.0 - beta.double()).to(like) if isinstance(beta, Tensor) else 1.0 - beta


def weighted_averages(series: Tensor, beta: float, corrected: bool = True) -> Tensor:
    """The weighted average after each value of a series (t, ...), bias-corrected by default."""
    average = torch.zeros_like(series[0])
    averages = torch.empty_like(series)
    for index, value in enumerate(series):
        weighted_average(average, value, beta, out=average)
        averages[index] = average / bias_correction(beta, index + 1) if corrected else average
    return averages


def window(beta: float) -> float:
    """``1 / (1 − β)``, about how many values the average looks back over: 10 for β = 0.9, 50 for 0.98."""
    return 1.0 / (1.0 - beta)
