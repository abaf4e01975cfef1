"""The convolutional layer."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from torch import Tensor
from typing_extensions import override

from leadline.equations.convolution import (
    Pair,
    Window,
    convolution,
    convolution_backward_input,
    convolution_backward_parameters,
)
from leadline.network.activate import activate, activate_backward, check_activation
from leadline.network.layer import Layer, LayerContext, ParameterSpec, Shape, ShapeError, Tensors, scaled
from leadline.network.weights import check_start, resolved_start, weight_parameter
from leadline.network.windows import (
    Padding,
    Size,
    channels_last,
    check_count,
    check_image,
    check_padding,
    check_size,
    onnx_window,
    output_image,
    pair,
    window_for,
)


@dataclass(frozen=True)
class Convolution(Layer):
    """a = g(x ⋆ w + b): ``filters`` filters moved over images (channels, height, width), one output channel each.

    ``size`` and ``stride`` are one number, or two for rows and columns. ``padding`` is "valid" (none), "same" (half the
    filter on every side: the image keeps its size at stride 1), "same_upper" (as much as ⌈n/stride⌉ positions need, odd
    pixels at the bottom and right), or pixels: one number, (rows, columns) or (top, bottom, left, right). ``groups``
    cuts channels and filters into parts that see only each other; as many as channels makes it depthwise.

    Parameters: weight (filters, channels/groups, f_h, f_w), bias (filters,). ``initializer``, ``gain`` and ``bias`` are
    as for `Dense`.
    """

    filters: int
    size: Size = 3
    stride: Size = 1
    padding: Padding = "valid"
    groups: int = 1
    activation: str = "linear"
    initializer: str = "auto"
    gain: float = 1.0
    bias: bool | None = None
    dilation: Size = 1

    axes: ClassVar[int | None] = 3

    def __post_init__(self) -> None:
        check_count("convolution", "filters", self.filters)
        check_count("convolution", "groups", self.groups)
        check_size("convolution", "size", self.size)
        check_size("convolution", "stride", self.stride)
        check_size("convolution", "dilation", self.dilation)
        check_padding("convolution", self.padding)
        check_activation("convolution", self.activation)
        check_start("convolution", self.initializer, self.gain, self.bias)

    def output_shape(self, input_shape: Shape) -> Shape:
        """(filters, n_h, n_w) with n = ⌊(n + 2p − f)/s⌋ + 1."""
        check_image(input_shape)
        for name, count in (("channels", input_shape[0]), ("filters", self.filters)):
            if count % self.groups:
                raise ShapeError(f"{count} {name} cannot be cut into {self.groups} equal groups")
        return output_image(input_shape, self.filters, self.size, self._window(input_shape))

    def parameters(self, input_shape: Shape) -> dict[str, ParameterSpec]:
        """``weight`` (filters, channels/groups, f_h, f_w) and, unless left out, ``bias`` (filters,)."""
        shape = (self.filters, input_shape[0] // self.groups, *pair(self.size))
        weight = weight_parameter(shape, self.activation, self.initializer, self.gain)
        return {"weight": weight} if self.bias is False else {"weight": weight, "bias": ParameterSpec((self.filters,))}

    def forward(self, p: Tensors, x: Tensor, memory: LayerContext) -> Tensor:
        """z = x ⋆ w + b, a = g(z)."""
        x, window = channels_last(x, memory), self._window(x.shape[1:])
        weight = channels_last(p["weight"], memory, "weight")  # once, not in each of the three kernels
        memory.kept.update(x=x, window=window, weight=weight)
        return activate(self.activation, convolution(x, weight, p.get("bias"), window, self.groups), memory)

    def backward(self, p: Tensors, g: Tensors, d_y: Tensor, memory: LayerContext) -> Tensor | None:
        """d_z = d_a ∘ g′, then the three sums of `leadline.equations.convolution`."""
        x, window, weight = memory.kept.pop("x"), memory.kept["window"], memory.kept["weight"]
        d_z = activate_backward(self.activation, d_y, memory)
        if memory.needs_gradients:
            d_w, d_b = convolution_backward_parameters(d_z, x, weight, window, self.groups, bias="bias" in g)
            g["weight"].copy_(d_w)
            if d_b is not None:
                g["bias"].copy_(d_b)
        return convolution_backward_input(d_z, x, weight, window, self.groups) if memory.needs_input_gradient else None

    def flops(self, input_shape: Shape) -> int:
        """2 f_h f_w channels/groups for each output value."""
        products = math.prod(pair(self.size)) * input_shape[0] // self.groups
        return 2 * math.prod(self.output_shape(input_shape)) * products

    @property
    @override
    def depth(self) -> int:
        return 1

    @property
    @override
    def n_outputs(self) -> int:
        return self.filters

    @override
    def with_outputs(self, n: int) -> Convolution:
        return replace(self, filters=n)

    def widened(self, factor: float, input_widened: bool) -> Convolution | None:
        """With groups as large as they were, so that there are ``factor`` times as many of them.

        Where the input keeps its channels, the groups stay, and the filters are a multiple of them.
        """
        if self.groups == 1:
            return self.with_outputs(scaled(self.filters, factor))
        if not input_widened:
            return self.with_outputs(self.groups * scaled(self.filters // self.groups, factor))
        filters, groups = scaled(self.filters, factor), scaled(self.groups, factor)
        return None if filters % groups else replace(self, filters=filters, groups=groups)

    @override
    def without_activation(self) -> tuple[Layer, ...]:
        return (replace(self, activation="linear", initializer=resolved_start(self.initializer, self.activation)),)

    @override
    def without_bias(self) -> Convolution:
        return replace(self, bias=False) if self.bias is None else self

    @override
    def receptive_window(self, input_shape: Shape) -> tuple[Pair, Window]:
        return pair(self.size), self._window(input_shape)

    def _window(self, input_shape: Shape) -> Window:
        return window_for(input_shape, self.size, self.stride, self.padding, self.dilation)

    @property
    @override
    def needs_output(self) -> bool:
        return self.activation != "linear"

    @override
    def onnx(self, export: Any, value: str) -> str:
        window = self._window(export.input_shape)
        biases = [export.tensor("bias")] if "bias" in export.tensors else []
        attributes = onnx_window(pair(self.size), window) | {"group": self.groups, "dilations": list(window.dilation)}
        result = export.graph.add("Conv", value, export.tensor("weight"), *biases, **attributes)
        return export.activated(self.activation, result)
