"""Layer normalization as a layer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from torch import Tensor
from typing_extensions import override

from leadline.equations.layer_norm import layer_norm, layer_norm_backward
from leadline.errors import UsageError
from leadline.network.layer import Layer, LayerContext, ParameterSpec, Shape, ShapeError, Tensors, is_number
from leadline.network.steps import without_padding


@dataclass(frozen=True)
class LayerNorm(Layer):
    """Each step over its own n features, then scaled by γ and shifted by β (n,), both learnt; (n,) or (steps, n)."""

    epsilon: float = 1e-5

    def __post_init__(self) -> None:
        if not is_number(self.epsilon) or not 0 < self.epsilon < math.inf:
            raise UsageError(f"layer_norm: epsilon must be greater than 0, got {self.epsilon!r}")

    @override
    def output_shape(self, input_shape: Shape) -> Shape:
        if len(input_shape) not in (1, 2):
            raise ShapeError(f"expects inputs of shape (n,) or (steps, n), got {input_shape}")
        return input_shape

    def parameters(self, input_shape: Shape) -> dict[str, ParameterSpec]:
        """``gamma`` (n,), starting at 1, and ``beta`` (n,), at 0."""
        return {"gamma": ParameterSpec(input_shape[-1:], fill=1.0), "beta": ParameterSpec(input_shape[-1:])}

    def forward(self, p: Tensors, x: Tensor, memory: LayerContext) -> Tensor:
        """y = γ x̂ + β."""
        y, memory.kept["normalized"], memory.kept["inverse"] = layer_norm(x, p["gamma"], p["beta"], self.epsilon)
        return without_padding(y, memory.lengths)

    @override
    def backward(self, p: Tensors, g: Tensors, d_y: Tensor, memory: LayerContext) -> Tensor:
        d_y = without_padding(d_y, memory.lengths)
        kept = memory.kept.pop("normalized"), memory.kept.pop("inverse")
        d_x, d_gamma, d_beta = layer_norm_backward(d_y, *kept, p["gamma"])
        g["gamma"].copy_(d_gamma)
        g["beta"].copy_(d_beta)
        return d_x

    @override
    def flops(self, input_shape: Shape) -> int:
        return 8 * math.prod(input_shape)

    @property
    @override
    def over_steps(self) -> Literal["any"]:
        return "any"

    @property
    @override
    def needs_output(self) -> bool:
        return False
