"""Gradient descent with momentum: it follows a weighted average of the gradients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor
from typing_extensions import override

from leadline.equations.averages import Number, bias_correction, weighted_average
from leadline.optimize import kernels
from leadline.optimize.optimizer import Optimizer, State, descend


@dataclass(frozen=True)
class Momentum(Optimizer):
    """``v = β v + (1 − β) g`` and ``θ = θ − α v`` (course 2, momentum).

    With ``bias_correction`` the step is α v / (1 − βᵗ), so that the first steps are not too short.
    """

    beta: Number = 0.9
    bias_correction: bool = False

    name: ClassVar[str] = "momentum"
    averages: ClassVar[tuple[str, ...]] = ("velocity",)

    @property
    def has_kernel(self) -> bool:
        """Not for β = 0, where torch's kernel wants no velocity at all."""
        return bool(super().has_kernel and self.beta != 0)

    @override
    def equation(self, theta: Tensor, gradient: Tensor, state: State, rate: Number) -> None:
        velocity = state["velocity"]
        weighted_average(velocity, gradient, self.beta, out=velocity)
        descend(theta, velocity, self._rate(rate, state))

    def fused(self, theta: Tensor, gradient: Tensor, state: State, rate: float) -> None:
        """Torch's descent with momentum is this rule when its dampening is β from the first step on."""
        kernels.momentum(
            theta,
            gradient,
            state["velocity"],
            lr=self._rate(rate, state),
            momentum=self.beta,
            dampening=self.beta,
            nesterov=False,
        )

    def _rate(self, rate: Number, state: State) -> Number:
        return rate / bias_correction(self.beta, state.step) if self.bias_correction else rate
