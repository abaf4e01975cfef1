"""RMSprop: each parameter's step is divided by the running size of its gradient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from typing_extensions import override

from leadline.equations.averages import Number
from leadline.optimize import kernels
from leadline.optimize.checks import positive
from leadline.optimize.optimizer import Optimizer, State
from leadline.optimize.scaling import average_square, descend_scaled


@dataclass(frozen=True)
class RMSprop(Optimizer):
    """``S = β S + (1 − β) g²`` and ``θ = θ − α g / (√S + ε)``, ε outside the root (course 2, RMSprop)."""

    learning_rate: Number = 0.001
    beta: Number = 0.9
    epsilon: Number = 1e-8

    name: ClassVar[str] = "rmsprop"
    averages: ClassVar[tuple[str, ...]] = ("square",)

    def __post_init__(self) -> None:
        super().__post_init__()
        positive("epsilon", self.epsilon)

    def start(self, theta: Tensor, n_penalized: int | None = None) -> State:
        """The state before the first update; its clock stands at infinity for `fused`."""
        state = super().start(theta, n_penalized)
        state.clock.fill_(torch.inf)
        return state

    @override
    def equation(self, theta: Tensor, gradient: Tensor, state: State, rate: Number) -> None:
        square, scratch = state["square"], state.scratch(theta)
        average_square(square, gradient, self.beta, scratch)
        descend_scaled(theta, gradient, square, rate, self.epsilon, scratch)

    def fused(self, theta: Tensor, gradient: Tensor, state: State, rate: float) -> None:
        """Adam that averages no gradients (β₁ = 0) and whose bias has died away (t = ∞) is RMSprop."""
        velocity, square = state.scratch(theta), state["square"]
        kernels.adam(
            theta,
            gradient,
            velocity,
            square,
            state.clock,
            lr=rate,
            beta1=0.0,
            beta2=self.beta,
            eps=self.epsilon,
        )
