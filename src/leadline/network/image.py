"""From rows of numbers to images."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor
from typing_extensions import override

from leadline.network.layer import Layer, LayerContext, Shape, ShapeError, Tensors
from leadline.network.windows import check_count


@dataclass(frozen=True)
class Image(Layer):
    """Take each example for a picture: rows of numbers become (channels, height, width), as convolutions expect.

    Pictures are stored pixel by pixel, (height, width, channels) or all in one row; no number is moved.
    """

    height: int
    width: int
    channels: int = 1

    def __post_init__(self) -> None:
        for name in ("height", "width", "channels"):
            check_count("image", name, getattr(self, name))

    @override
    def output_shape(self, input_shape: Shape) -> Shape:
        stored = (self.height, self.width, self.channels)
        fits = input_shape in ((math.prod(stored),), stored) or (self.channels == 1 and input_shape == stored[:2])
        if not fits:
            raise ShapeError(f"expects examples of shape {(math.prod(stored),)} or {stored}, got {input_shape}")
        return (self.channels, self.height, self.width)

    def forward(self, p: Tensors, x: Tensor, memory: LayerContext) -> Tensor:
        """The same numbers, seen as images whose channels lie last in memory."""
        memory.kept["shape"] = x.shape
        return x.reshape(x.shape[0], self.height, self.width, self.channels).permute(0, 3, 1, 2)

    @override
    def backward(self, p: Tensors, g: Tensors, d_y: Tensor, memory: LayerContext) -> Tensor:
        return d_y.permute(0, 2, 3, 1).reshape(memory.kept["shape"])

    @override
    def onnx(self, export: Any, value: str) -> str:
        shape = export.graph.constant([-1, self.height, self.width, self.channels], "rows_and_pixels", np.int64)
        return export.graph.add("Transpose", export.graph.add("Reshape", value, shape), perm=[0, 3, 1, 2])
