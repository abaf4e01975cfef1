"""The squeeze-and-excitation layer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from torch import Tensor
from typing_extensions import override

from leadline.equations.dense import dense, dense_backward_bias, dense_backward_input, dense_backward_weight
from leadline.equations.pooling import global_average_pool
from leadline.equations.squeeze_excitation import scale_channels, scale_channels_backward
from leadline.network.activate import activate, activate_backward, check_activation
from leadline.network.layer import Layer, LayerContext, ParameterSpec, Shape, Tensors, scaled
from leadline.network.weights import weight_parameter
from leadline.network.windows import check_count, check_image


@dataclass(frozen=True)
class SqueezeExcitation(Layer):
    """Weighs the channels of an image by what is in it: y = x · s (Hu et al., 2018).

    Squeeze: the mean of each channel. Excitation: s = gate(W₂ g(W₁ mean + b₁) + b₂) with ``units`` between the two.
    Parameters: reduce_weight (units, channels), reduce_bias, expand_weight (channels, units), expand_bias.
    """

    units: int
    activation: str = "relu"
    gate: str = "sigmoid"

    axes: ClassVar[int | None] = 3

    def __post_init__(self) -> None:
        check_count("squeeze_excitation", "units", self.units)
        check_activation("squeeze_excitation", self.activation)
        check_activation("squeeze_excitation", self.gate)

    @override
    def output_shape(self, input_shape: Shape) -> Shape:
        check_image(input_shape)
        return input_shape

    def parameters(self, input_shape: Shape) -> dict[str, ParameterSpec]:
        """The weights and biases of two dense parts, down to ``units`` and up again."""
        channels = input_shape[0]
        return {
            "reduce_weight": weight_parameter((self.units, channels), self.activation, "auto", 1.0),
            "reduce_bias": ParameterSpec((self.units,)),
            "expand_weight": weight_parameter((channels, self.units), self.gate, "auto", 1.0),
            "expand_bias": ParameterSpec((channels,)),
        }

    @override
    def forward(self, p: Tensors, x: Tensor, memory: LayerContext) -> Tensor:
        mean = global_average_pool(x, memory.buffer("mean", tuple(x.shape[:2]), x))
        hidden = self._dense("reduce", self.activation, p, mean, memory)
        scale = self._dense("expand", self.gate, p, hidden, memory)
        memory.kept["x"], memory.kept["scale"] = x, scale
        return scale_channels(x, scale, memory.buffer("y", x.shape, x))

    def backward(self, p: Tensors, g: Tensors, d_y: Tensor, memory: LayerContext) -> Tensor:
        """Back by both ways on which x comes into y: as what is scaled, and through the means."""
        x, scale = memory.kept.pop("x"), memory.kept["scale"]
        d_x, d_scale = scale_channels_backward(d_y, x, scale, memory.buffer("d_x", x.shape, x))
        d_hidden = self._dense_backward("expand", self.gate, p, g, d_scale, memory)
        d_mean = self._dense_backward("reduce", self.activation, p, g, d_hidden, memory)
        return d_x.add_((d_mean / (x.shape[2] * x.shape[3]))[:, :, None, None])

    def _dense(self, name: str, activation: str, p: Tensors, x: Tensor, memory: LayerContext) -> Tensor:
        inner, weight = memory.inner(name), p[f"{name}_weight"]
        inner.kept["x"] = x
        z = dense(x, weight, p[f"{name}_bias"], inner.buffer("z", (len(x), len(weight)), x))
        return activate(activation, z, inner)

    def _dense_backward(
        self, name: str, activation: str, p: Tensors, g: Tensors, d_a: Tensor, memory: LayerContext
    ) -> Tensor:
        inner = memory.inner(name)
        d_z = activate_backward(activation, d_a, inner)
        dense_backward_weight(d_z, inner.kept["x"], out=g[f"{name}_weight"])
        dense_backward_bias(d_z, out=g[f"{name}_bias"])
        return dense_backward_input(d_z, p[f"{name}_weight"])

    def flops(self, input_shape: Shape) -> int:
        """One operation for each value to squeeze and one to scale, and the two dense parts."""
        channels, height, width = input_shape
        return 2 * channels * height * width + 4 * channels * self.units

    def widened(self, factor: float, input_widened: bool) -> SqueezeExcitation:
        """With ``factor`` times the units between, where there are as many times the channels."""
        return replace(self, units=scaled(self.units, factor)) if input_widened else self

    @property
    @override
    def needs_output(self) -> bool:
        return False

    @override
    def onnx(self, export: Any, value: str) -> str:
        graph = export.graph
        mean = graph.add("ReduceMean", value, graph.constant([2, 3], "axes", np.int64), keepdims=0)
        hidden = export.activated(self.activation, export.dense(mean, "reduce_weight", "reduce_bias"))
        scale = export.activated(self.gate, export.dense(hidden, "expand_weight", "expand_bias"))
        return graph.add("Mul", value, graph.add("Unsqueeze", scale, graph.constant([2, 3], "axes", np.int64)))
