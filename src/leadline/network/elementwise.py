"""Layers without parameters: an activation on its own, and flattening."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from torch import Tensor
from typing_extensions import override

from leadline.equations.activations import ACTIVATIONS
from leadline.network.activate import activate_backward, check_activation
from leadline.network.layer import Layer, LayerContext, Shape, Tensors


@dataclass(frozen=True)
class Activation(Layer):
    """a = g(x), for a place where it cannot be part of the layer before, such as after batch normalization."""

    activation: str

    def __post_init__(self) -> None:
        check_activation("activation", self.activation)

    @override
    def output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    @override
    def forward(self, p: Tensors, x: Tensor, memory: LayerContext) -> Tensor:
        function = ACTIVATIONS[self.activation]
        a = function.forward(x, memory.buffer("a", x.shape, x))
        memory.kept["activated"] = x if function.by_input else a
        return a

    def backward(self, p: Tensors, g: Tensors, d_y: Tensor, memory: LayerContext) -> Tensor:
        """d_x = d_a ∘ g′."""
        return activate_backward(self.activation, d_y, memory)

    @property
    @override
    def in_population(self) -> Layer:
        return self

    @override
    def without_activation(self) -> tuple[Layer, ...]:
        return ()

    @property
    @override
    def over_steps(self) -> Literal["any"]:
        return "any"

    def flops(self, input_shape: Shape) -> int:
        """One operation for each unit."""
        return math.prod(input_shape)

    @override
    def onnx(self, export: Any, value: str) -> str:
        return export.activated(self.activation, value)


@dataclass(frozen=True)
class Flatten(Layer):
    """Unroll each example into one vector: (c, h, w) becomes (c·h·w,)."""

    def output_shape(self, input_shape: Shape) -> Shape:
        """(n,), n the product of the input's axes."""
        return (math.prod(input_shape),)

    @property
    @override
    def in_population(self) -> Layer:
        return Activation("linear")

    @override
    def activation_values(self, input_shape: Shape) -> int:
        return 0

    def forward(self, p: Tensors, x: Tensor, memory: LayerContext) -> Tensor:
        """The same numbers in one row for each example."""
        memory.kept["shape"] = x.shape
        return x.reshape(x.shape[0], -1)

    @override
    def backward(self, p: Tensors, g: Tensors, d_y: Tensor, memory: LayerContext) -> Tensor:
        return d_y.reshape(memory.kept["shape"])

    @override
    def onnx(self, export: Any, value: str) -> str:
        shape = export.graph.constant([-1, math.prod(export.input_shape)], "rows_and_values", np.int64)
        return export.graph.add("Reshape", value, shape)
