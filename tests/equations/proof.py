"""Two-sided finite differences, and the measure of their distance to a derivative."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def finite_differences(cost: Callable[[], Tensor], variable: Tensor, step: float = 1e-6) -> Tensor:
    """The derivative of ``cost()`` by each element of ``variable``, which is changed in place and put back."""
    flat, derivative = variable.view(-1), torch.empty_like(variable).view(-1)
    for index in range(flat.numel()):
        value = flat[index].item()
        flat[index] = value + step
        above = cost().item()
        flat[index] = value - step
        below = cost().item()
        flat[index] = value
        derivative[index] = (above - below) / (2 * step)
    return derivative.view_as(variable)


def distance(a: Tensor, b: Tensor) -> float:
    """``‖a − b‖ / (‖a‖ + ‖b‖)``."""
    return ((a - b).norm() / (a.norm() + b.norm())).item()
