"""The convolutional layer over one axis, time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from typing_extensions import override

from leadline.equations.convolution import (
    Window,
    convolution,
    convolution_backward_input,
    convolution_backward_parameters,
    output_size,
)
from leadline.errors import UsageError, nearest
from leadline.network.activate import activate, activate_backward, check_activation
from leadline.network.layer import Layer, LayerContext, ParameterSpec, Shape, ShapeError, Tensors
from leadline.network.steps import SequenceLayer, check_sequence, without_padding
from leadline.network.weights import check_start, resolved_start, weight_parameter
from leadline.network.windows import check_count

PADDINGS = ("valid", "same", "causal")


@dataclass(frozen=True)
class Convolution1D(SequenceLayer):
    """a = g(x ⋆ w + b): ``filters`` filters of ``size`` steps moved over sequences (steps, n).

    ``padding`` is "valid" (none), "same" (half the filter on either side: as many steps as before at stride 1),
    "causal" (all before the first step: no step sees a later one), or a number of steps on either side. A sequence too
    short for the filter has no step left. Parameters: weight (filters, n, size), bias (filters,).
    """

    filters: int
    size: int = 3
    stride: int = 1
    padding: str | int = "same"
    dilation: int = 1
    activation: str = "linear"
    initializer: str = "auto"
    gain: float = 1.0
    bias: bool | None = None

    def __post_init__(self) -> None:
        kind = self.kind()
        for name in ("filters", "size", "stride", "dilation"):
            check_count(kind, name, getattr(self, name))
        if isinstance(self.padding, str):
            if self.padding not in PADDINGS:
                raise UsageError(f"{kind}: unknown padding '{self.padding}'.{nearest(self.padding, PADDINGS)}")
        else:
            check_count(kind, "padding", self.padding, 0)
        check_activation(kind, self.activation)
        check_start(kind, self.initializer, self.gain, self.bias)

    @classmethod
    @override
    def kind(cls) -> str:
        return "convolution1d"

    def output_shape(self, input_shape: Shape) -> Shape:
        """(⌊(steps + padding − span)/stride⌋ + 1, filters), span = dilation (size − 1) + 1."""
        steps, _ = check_sequence(input_shape)
        left = self._steps_after(steps)
        if left < 1:
            raise ShapeError(f"the filter spans {self._span} steps, and a sequence has {steps}")
        return (left, self.filters)

    def parameters(self, input_shape: Shape) -> dict[str, ParameterSpec]:
        """``weight`` (filters, n, size) and, unless left out, ``bias`` (filters,)."""
        shape = (self.filters, input_shape[1], self.size)
        weight = weight_parameter(shape, self.activation, self.initializer, self.gain)
        return {"weight": weight} if self.bias is False else {"weight": weight, "bias": ParameterSpec((self.filters,))}

    def forward(self, p: Tensors, x: Tensor, memory: LayerContext) -> Tensor:
        """z = x ⋆ w + b as an image of one row, a = g(z)."""
        image, window = self._image(without_padding(x, memory.lengths)), self._window(x.shape[1])
        memory.kept.update(image=image, window=window, steps=x.shape[1])
        z = convolution(image, p["weight"].unsqueeze(2), p.get("bias"), window)
        return activate(self.activation, z.squeeze(2).mT.contiguous(), memory)

    def backward(self, p: Tensors, g: Tensors, d_y: Tensor, memory: LayerContext) -> Tensor | None:
        """The sums of `leadline.equations.convolution`; steps past an output's end have no derivative."""
        image, window, weight = memory.kept.pop("image"), memory.kept["window"], p["weight"].unsqueeze(2)
        d_z = activate_backward(self.activation, without_padding(d_y, self.output_lengths(memory)), memory)
        d_z = self._image(d_z)
        d_w, d_b = convolution_backward_parameters(d_z, image, weight, window, bias="bias" in g)
        g["weight"].copy_(d_w.squeeze(2))
        if d_b is not None:
            g["bias"].copy_(d_b)
        if not memory.needs_input_gradient:
            return None
        d_x = convolution_backward_input(d_z, image, weight, window).squeeze(2).mT
        return without_padding(d_x, memory.lengths)

    @override
    def output_lengths(self, memory: LayerContext) -> Tensor | None:
        if memory.lengths is not None:
            return self._steps_after(memory.lengths).clamp_min(0)
        left = self._steps_after(memory.kept["steps"])  # of sequences that are all too short, one step is made up
        return None if left > 0 else torch.zeros(len(memory.kept["image"]), dtype=torch.int64)

    @staticmethod
    def _image(x: Tensor) -> Tensor:
        """(m, steps, n) as images (m, n, 1, steps), channels last."""
        return x.mT.unsqueeze(2)

    @property
    def _span(self) -> int:
        """The steps from the first to the last that a filter sees."""
        return self.dilation * (self.size - 1) + 1

    @property
    def _sides(self) -> tuple[int, int]:
        """Steps added before and after."""
        around = self._span - 1
        if isinstance(self.padding, int):
            return self.padding, self.padding
        return {"valid": (0, 0), "same": (around // 2, around - around // 2), "causal": (around, 0)}[self.padding]

    def _window(self, steps: int) -> Window:
        """How the filter moves; where it finds no place, steps are added so that it has one, which nobody counts."""
        before, after = self._sides
        after += max(self._span - steps - before - after, 0)
        return Window((1, self.stride), (0, 0, before, after), (1, self.dilation))

    def _steps_after(self, steps: Any) -> Any:
        """The steps that are left of so many."""
        return output_size(steps, self.size, self.stride, sum(self._sides), self.dilation)

    @override
    def flops(self, input_shape: Shape) -> int:
        return 2 * self._steps_after(input_shape[0]) * self.filters * self.size * input_shape[1]

    @property
    @override
    def depth(self) -> int:
        return 1

    @property
    @override
    def n_outputs(self) -> int:
        return self.filters

    @override
    def with_outputs(self, n: int) -> Convolution1D:
        return replace(self, filters=n)

    @override
    def without_activation(self) -> tuple[Layer, ...]:
        return (replace(self, activation="linear", initializer=resolved_start(self.initializer, self.activation)),)

    @override
    def without_bias(self) -> Convolution1D:
        return replace(self, bias=False) if self.bias is None else self

    @property
    @override
    def needs_output(self) -> bool:
        return self.activation != "linear"
