"""Numbers in a row seen as a series: the first layer of networks over time."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from typing_extensions import override

from leadline.errors import UsageError
from leadline.network.layer import LayerContext, Shape, ShapeError, Tensors
from leadline.network.steps import SequenceLayer, trimmed_steps, without_padding
from leadline.network.windows import check_count


@dataclass(frozen=True)
class Series(SequenceLayer):
    """Take each example for a series: a row of steps · channels numbers becomes (steps, channels).

    With ``ragged`` the row has one more number at its end, how many of the steps count; the others are padding.
    """

    steps: int
    channels: int = 1
    ragged: bool = False

    def __post_init__(self) -> None:
        check_count("series", "steps", self.steps)
        check_count("series", "channels", self.channels)
        if not isinstance(self.ragged, bool):
            raise UsageError(f"series: ragged must be true or false, got {self.ragged!r}")

    @override
    def output_shape(self, input_shape: Shape) -> Shape:
        stored = (self.steps * self.channels + self.ragged,)
        if input_shape != stored:
            raise ShapeError(f"expects examples of shape {stored}, got {input_shape}")
        return (self.steps, self.channels)

    def forward(self, p: Tensors, x: Tensor, memory: LayerContext) -> Tensor:
        """The same numbers by steps; padding of the whole batch is left out."""
        memory.kept["shape"], memory.kept["lengths"] = x.shape, self.input_lengths(x)
        series = x[:, : self.steps * self.channels].reshape(len(x), self.steps, self.channels)
        lengths = memory.kept["lengths"]
        if memory.trim and lengths is not None and len(x):
            series = series[:, : trimmed_steps(lengths)]
        return without_padding(series, lengths)

    @override
    def backward(self, p: Tensors, g: Tensors, d_y: Tensor, memory: LayerContext) -> Tensor:
        d_x = d_y.new_zeros(memory.kept["shape"])
        d_y = without_padding(d_y, memory.kept["lengths"]).flatten(1)
        d_x[:, : d_y.shape[1]] = d_y
        return d_x

    @override
    def input_lengths(self, x: Tensor) -> Tensor | None:
        return x[:, -1].round().to(torch.int64).clamp(0, self.steps) if self.ragged else None

    @override
    def output_lengths(self, memory: LayerContext) -> Tensor | None:
        return memory.kept["lengths"]

    @property
    @override
    def needs_output(self) -> bool:
        return False
