"""Gradient descent; on mini-batches it is stochastic gradient descent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from leadline.equations.averages import Number
from leadline.optimize.optimizer import Optimizer, State, descend


@dataclass(frozen=True)
class GradientDescent(Optimizer):
    """``θ = θ − α g`` (course 1, gradient descent)."""

    name: ClassVar[str] = "gradient_descent"

    def equation(self, theta: Tensor, gradient: Tensor, state: State, rate: Number) -> None:
        """``θ = θ − α g``; one operation, so there is nothing to fuse."""
        descend(theta, gradient, rate)
