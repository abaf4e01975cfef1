"""Pooling layers: images made smaller, channel by channel; nothing to learn."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor
from typing_extensions import override

from leadline.equations.convolution import Pair, Window
from leadline.equations.pooling import (
    average_pool,
    average_pool_backward,
    global_average_pool,
    global_average_pool_backward,
    max_pool,
    max_pool_backward,
)
from leadline.network.activate import activate, activate_backward, check_activation
from leadline.network.layer import Layer, LayerContext, Shape, ShapeError, Tensors
from leadline.network.windows import (
    Padding,
    Size,
    channels_last,
    check_image,
    check_padding,
    check_size,
    onnx_window,
    output_image,
    pair,
    window_for,
)


@dataclass(frozen=True)
class Pool(Layer, abstract=True):
    """What `MaxPool` and `AveragePool` share: windows of ``size`` pixels, ``stride`` apart (None: side by side).

    ``padding`` is as for `Convolution`, at most half of ``size``. Pixels that no window reaches are left out, unless it
    is "round_up", which gives the last ones a window that is cut.
    ``activation`` acts on what is left.
    """

    size: Size = 2
    stride: Size | None = None
    padding: Padding = "valid"
    activation: str = "linear"

    axes: ClassVar[int | None] = 3

    def __post_init__(self) -> None:
        check_size(self.kind(), "size", self.size)
        if self.stride is not None:
            check_size(self.kind(), "stride", self.stride)
        check_padding(self.kind(), self.padding)
        check_activation(self.kind(), self.activation)

    def output_shape(self, input_shape: Shape) -> Shape:
        """(channels, n_h, n_w) with n = ⌊(n + 2p − f)/s⌋ + 1."""
        check_image(input_shape)
        window = self._window(input_shape)
        (f_h, f_w), (top, bottom, left, right) = pair(self.size), window.padding
        if 2 * max(top, bottom) > f_h or 2 * max(left, right) > f_w:
            raise ShapeError(f"padding must be at most half of the window, {f_h}×{f_w}; got {window.padding}")
        return output_image(input_shape, input_shape[0], self.size, window)

    @override
    def forward(self, p: Tensors, x: Tensor, memory: LayerContext) -> Tensor:
        x, size = channels_last(x, memory), pair(self.size)
        window = self._window(x.shape[1:])
        memory.kept["x"], memory.kept["window"] = x, window
        y = memory.buffer("y", (x.shape[0], *output_image(x.shape[1:], x.shape[1], size, window)), x)
        return activate(self.activation, self.pool(x, size, window, y, memory), memory)

    @override
    def backward(self, p: Tensors, g: Tensors, d_y: Tensor, memory: LayerContext) -> Tensor:
        x, window = memory.kept.pop("x"), memory.kept["window"]
        d_y = channels_last(activate_backward(self.activation, d_y, memory), memory, "d_y")
        return self.pool_backward(d_y, x, pair(self.size), window, memory.buffer("d_x", x.shape, x), memory)

    @abstractmethod
    def pool(self, x: Tensor, size: Pair, window: Window, y: Tensor, memory: LayerContext) -> Tensor:
        """Fill ``y``."""

    @abstractmethod
    def pool_backward(
        self, d_y: Tensor, x: Tensor, size: Pair, window: Window, d_x: Tensor, memory: LayerContext
    ) -> Tensor:
        """Return the derivative by ``x``, in ``d_x`` where that can be."""

    @override
    def receptive_window(self, input_shape: Shape) -> tuple[Pair, Window]:
        return pair(self.size), self._window(input_shape)

    def _window(self, input_shape: Shape) -> Window:
        return window_for(input_shape, self.size, self.size if self.stride is None else self.stride, self.padding)

    def flops(self, input_shape: Shape) -> int:
        """One operation for each value of each window."""
        return math.prod(self.output_shape(input_shape)) * math.prod(pair(self.size))

    @property
    @override
    def needs_output(self) -> bool:
        return self.activation != "linear"


@dataclass(frozen=True)
class MaxPool(Pool):
    """The largest value of each window of ``size`` pixels, ``stride`` apart (None: side by side).

    A rising activation of the largest value is the largest of the activations, so ``Convolution(…), MaxPool(2,
    activation="relu")`` equals ``Convolution(…, activation="relu"), MaxPool(2)`` with a quarter of the work for it.
    """

    def pool(self, x: Tensor, size: Pair, window: Window, y: Tensor, memory: LayerContext) -> Tensor:
        """The maximum, and where it was."""
        indices = memory.kept.get("indices")
        if indices is None or indices.shape != y.shape:
            indices = memory.kept["indices"] = torch.empty_like(y, dtype=torch.int64)
        return max_pool(x, size, window, y, indices)[0]

    def pool_backward(
        self, d_y: Tensor, x: Tensor, size: Pair, window: Window, d_x: Tensor, memory: LayerContext
    ) -> Tensor:
        """To the pixel that was the largest."""
        return max_pool_backward(d_y, x, memory.kept["indices"], size, window, d_x)

    @override
    def onnx(self, export: Any, value: str) -> str:
        attributes = onnx_window(*self.receptive_window(export.input_shape))
        return export.activated(self.activation, export.graph.add("MaxPool", value, **attributes))


@dataclass(frozen=True)
class AveragePool(Pool):
    """The mean of each window of ``size`` pixels, ``stride`` apart (None: side by side); padding counts as 0."""

    @override
    def pool(self, x: Tensor, size: Pair, window: Window, y: Tensor, memory: LayerContext) -> Tensor:
        return average_pool(x, size, window, y)

    def pool_backward(
        self, d_y: Tensor, x: Tensor, size: Pair, window: Window, d_x: Tensor, memory: LayerContext
    ) -> Tensor:
        """An equal share to each pixel of the window."""
        return average_pool_backward(d_y, x, size, window, d_x)

    @override
    def onnx(self, export: Any, value: str) -> str:
        attributes = onnx_window(*self.receptive_window(export.input_shape))
        mean = export.graph.add("AveragePool", value, count_include_pad=1, **attributes)
        return export.activated(self.activation, mean)


@dataclass(frozen=True)
class GlobalAveragePool(Layer):
    """The mean of each channel: (channels, height, width) becomes (channels,)."""

    axes: ClassVar[int | None] = 3

    @override
    def output_shape(self, input_shape: Shape) -> Shape:
        check_image(input_shape)
        return input_shape[:1]

    @override
    def forward(self, p: Tensors, x: Tensor, memory: LayerContext) -> Tensor:
        memory.kept["x"] = x
        return global_average_pool(x, memory.buffer("y", tuple(x.shape[:2]), x))

    def backward(self, p: Tensors, g: Tensors, d_y: Tensor, memory: LayerContext) -> Tensor:
        """An equal share to each pixel."""
        x = memory.kept.pop("x")
        return global_average_pool_backward(d_y, x, memory.buffer("d_x", x.shape, x))

    def flops(self, input_shape: Shape) -> int:
        """One operation for each pixel."""
        return math.prod(input_shape)

    @property
    @override
    def needs_output(self) -> bool:
        return False

    @override
    def onnx(self, export: Any, value: str) -> str:
        axes = export.graph.constant([2, 3], "axes", np.int64)
        return export.graph.add("ReduceMean", value, axes, keepdims=0)
