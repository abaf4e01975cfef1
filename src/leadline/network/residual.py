"""The residual layer: a sequence of layers and a shortcut around it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from typing_extensions import override

from leadline.equations.dropout import dropout_mask
from leadline.errors import UsageError
from leadline.network.activate import activate, activate_backward, check_activation
from leadline.network.composite import Composite
from leadline.network.layer import Layer, LayerContext, Shape, ShapeError, Tensors, is_number
from leadline.network.sequence import as_sequence


@dataclass(frozen=True)
class Residual(Composite):
    """a = g(body(x) + shortcut(x)); an empty ``shortcut`` is x itself (He et al., 2016).

    Both must compute the same shape. In training, the body of each example is kept with probability ``keep_prob`` and
    scaled by 1/keep_prob (stochastic depth; Huang et al., 2016). Parameters have paths: ``body.0.weight``,
    ``shortcut.0.weight``.
    """

    body: Sequence[Layer]
    shortcut: Sequence[Layer] = ()
    activation: str = "linear"
    keep_prob: float = 1.0

    def __post_init__(self) -> None:
        if not isinstance(self.body, tuple | list) or not self.body:
            raise UsageError(f"residual: body must be at least one layer, got {self.body!r}")
        object.__setattr__(self, "body", as_sequence(self.body, "residual: body"))
        object.__setattr__(self, "shortcut", as_sequence(self.shortcut, "residual: shortcut"))
        check_activation("residual", self.activation)
        if not is_number(self.keep_prob) or not 0 < self.keep_prob <= 1:
            raise UsageError(f"residual: keep_prob must be greater than 0 and at most 1, got {self.keep_prob!r}")

    @override
    def branches(self) -> dict[str, Sequence[Layer]]:
        return {"body": self.body, "shortcut": self.shortcut}

    def output_shape(self, input_shape: Shape) -> Shape:
        """That of the body and of the shortcut."""
        body, shortcut = (self.branch_shape(name, input_shape) for name in self.branches())
        if body != shortcut:
            raise ShapeError(f"the body computes {body} and the shortcut {shortcut}; only equal shapes can be added")
        return body

    @override
    def forward(self, p: Tensors, x: Tensor, memory: LayerContext) -> Tensor:
        shortcut = self.branch_forward("shortcut", p, x, memory)
        body = self.branch_forward("body", p, x, memory)
        y = memory.buffer("y", body.shape, body) if self.body[-1].needs_output else body
        if self._drops(memory):
            torch.addcmul(shortcut, body, self._mask(body, memory), out=y)
        else:
            torch.add(body, shortcut, out=y)
        return activate(self.activation, y, memory)

    def backward(self, p: Tensors, g: Tensors, d_y: Tensor, memory: LayerContext) -> Tensor | None:
        """The derivative of the sum goes into both branches, and what comes out of them is added."""
        d_sum = activate_backward(self.activation, d_y, memory)
        d_body = d_sum
        if self._drops(memory):
            d_body = d_sum * memory.kept["mask"]
        elif self.body[-1].overwrites_derivative:
            d_body = memory.buffer("d_body", d_sum.shape, d_sum).copy_(d_sum)
        d_x = self.branch_backward("body", p, g, d_body, memory)
        d_shortcut = self.branch_backward("shortcut", p, g, d_sum, memory)
        return None if d_x is None or d_shortcut is None else d_x.add_(d_shortcut)

    def _drops(self, memory: LayerContext) -> bool:
        return memory.training and self.keep_prob < 1

    def _mask(self, like: Tensor, memory: LayerContext) -> Tensor:
        """1/keep_prob for the examples whose body counts, 0 for the others."""
        if not (memory.fixed_noise and "mask" in memory.kept):
            mask = memory.buffer("mask", (len(like), *(1,) * (like.dim() - 1)), like)
            memory.kept["mask"] = dropout_mask(memory.draw(mask), self.keep_prob, out=mask)
        return memory.kept["mask"]

    def flops(self, input_shape: Shape) -> int:
        """Those of all layers, and the addition."""
        return super().flops(input_shape) + math.prod(self.output_shape(input_shape))

    @property
    @override
    def draws(self) -> bool:
        return self.keep_prob < 1 or super().draws

    @property
    @override
    def needs_output(self) -> bool:
        return self.activation != "linear"

    @property
    @override
    def overwrites_derivative(self) -> bool:
        last = (self.body[-1:], self.shortcut[-1:])
        return self.activation != "linear" or any(layer.overwrites_derivative for end in last for layer in end)

    @override
    def onnx(self, export: Any, value: str) -> str:
        body = export.through(self.body, "body", value)
        shortcut = export.through(self.shortcut, "shortcut", value)
        return export.activated(self.activation, export.graph.add("Add", body, shortcut))
