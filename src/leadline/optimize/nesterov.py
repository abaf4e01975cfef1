"""Nesterov's momentum: the gradient counts as if it were taken one step of the velocity ahead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor
from typing_extensions import override

from leadline.equations.averages import Number
from leadline.optimize import kernels
from leadline.optimize.optimizer import Optimizer, State, descend


@dataclass(frozen=True)
class Nesterov(Optimizer):
    """``u = β u + g`` and ``θ = θ − α (1 − β) (g + β u)``.

    This is the form of Sutskever et al. (2013), "On the importance of initialization and momentum in deep
    learning", written at the point where the gradient is taken. (1 − β) u is the weighted average v of
    `Momentum`: the step is α (β v + (1 − β) g), so a learning rate means the same in both rules.
    `torch.optim.SGD` with ``nesterov=True`` makes the same steps at the learning rate α (1 − β).
    """

    beta: Number = 0.9

    name: ClassVar[str] = "nesterov"
    averages: ClassVar[tuple[str, ...]] = ("velocity",)

    @property
    def has_kernel(self) -> bool:
        """Not for β = 0, where torch's kernel wants no velocity at all."""
        return bool(super().has_kernel and self.beta != 0)

    @override
    def equation(self, theta: Tensor, gradient: Tensor, state: State, rate: Number) -> None:
        velocity = state["velocity"]
        beta = self.beta.to(theta) if isinstance(self.beta, Tensor) else self.beta
        velocity.mul_(beta).add_(gradient)
        scale = rate * (1.0 - self.beta)
        descend(theta, gradient, scale)
        descend(theta, velocity, scale * self.beta)

    @override
    def fused(self, theta: Tensor, gradient: Tensor, state: State, rate: float) -> None:
        kernels.momentum(
            theta,
            gradient,
            state["velocity"],
            lr=rate * (1.0 - self.beta),
            momentum=self.beta,
            dampening=0.0,
            nesterov=True,
        )
