"""Adam, which joins momentum with RMSprop, and AdamW, which adds weight decay outside the gradient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor
from typing_extensions import override

from leadline.equations.averages import Number, bias_correction, weighted_average
from leadline.optimize import kernels
from leadline.optimize.checks import not_negative, positive
from leadline.optimize.optimizer import Optimizer, State
from leadline.optimize.scaling import average_square, descend_scaled


@dataclass(frozen=True)
class Adam(Optimizer):
    """Weighted averages of g and of g², both bias-corrected (Kingma and Ba, 2015; course 2, Adam).

    ``v = β₁ v + (1 − β₁) g``, ``S = β₂ S + (1 − β₂) g²``, ``θ = θ − α v̂ / (√Ŝ + ε)``
    with ``v̂ = v / (1 − β₁ᵗ)`` and ``Ŝ = S / (1 − β₂ᵗ)``.
    """

    learning_rate: Number = 0.001
    beta1: Number = 0.9
    beta2: Number = 0.999
    epsilon: Number = 1e-8

    name: ClassVar[str] = "adam"
    averages: ClassVar[tuple[str, ...]] = ("velocity", "square")

    def __post_init__(self) -> None:
        super().__post_init__()
        positive("epsilon", self.epsilon)

    @override
    def equation(self, theta: Tensor, gradient: Tensor, state: State, rate: Number) -> None:
        velocity, square, scratch = state["velocity"], state["square"], state.scratch(theta)
        weighted_average(velocity, gradient, self.beta1, out=velocity)
        average_square(square, gradient, self.beta2, scratch)
        rate = rate / bias_correction(self.beta1, state.step)
        correction = bias_correction(self.beta2, state.step)
        descend_scaled(theta, velocity, square, rate, self.epsilon, scratch, correction)

    @override
    def fused(self, theta: Tensor, gradient: Tensor, state: State, rate: float) -> None:
        kernels.adam(
            theta,
            gradient,
            state["velocity"],
            state["square"],
            state.clock.fill_(state.step),
            lr=rate,
            beta1=self.beta1,
            beta2=self.beta2,
            eps=self.epsilon,
        )


@dataclass(frozen=True)
class AdamW(Adam):
    """Adam after ``θ = (1 − α λ) θ`` on the penalized parameters (Loshchilov and Hutter, 2019).

    λ is ``weight_decay``; biases and norm parameters do not decay. Unlike an L2 penalty, the decay is not
    divided by the running size of the gradient.
    """

    weight_decay: Number = 0.01

    name: ClassVar[str] = "adamw"

    def __post_init__(self) -> None:
        super().__post_init__()
        not_negative("weight_decay", self.weight_decay)

    def equation(self, theta: Tensor, gradient: Tensor, state: State, rate: Number) -> None:
        """The decay, then Adam's equations."""
        self._decay(theta, state, rate)
        super().equation(theta, gradient, state, rate)

    def fused(self, theta: Tensor, gradient: Tensor, state: State, rate: float) -> None:
        """The decay, then Adam's kernel."""
        self._decay(theta, state, rate)
        super().fused(theta, gradient, state, rate)

    def _decay(self, theta: Tensor, state: State, rate: Number) -> None:
        keep = 1.0 - rate * self.weight_decay
        theta.narrow(-1, 0, state.n_penalized).mul_(keep.to(theta) if isinstance(keep, Tensor) else keep)
