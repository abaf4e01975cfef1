"""The dropout layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from torch import Tensor
from typing_extensions import override

from leadline.equations.dropout import dropout, dropout_backward, dropout_mask
from leadline.errors import UsageError
from leadline.network.layer import Layer, LayerContext, Shape, Tensors, is_number


@dataclass(frozen=True)
class Dropout(Layer):
    """Inverted dropout: in training, each value stays with probability ``keep_prob`` and is scaled by 1/keep_prob.

    It is given by its name, ``Dropout(keep_prob=0.8)``, for elsewhere a bare number is the share that is dropped.

    A training may let 1 − keep_prob fall (``memory.dropout``). Drawn anew in every pass, unless ``memory.fixed_noise``
    asks for the same mask again (gradient checking).
    """

    keep_prob: float = field(kw_only=True)

    member_fields: ClassVar[Mapping[str, Any]] = {"keep_prob": 1.0}

    def __post_init__(self) -> None:
        if not is_number(self.keep_prob) or not 0 < self.keep_prob <= 1:
            raise UsageError(f"dropout: keep_prob must be greater than 0 and at most 1, got {self.keep_prob!r}")

    @override
    def output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def forward(self, p: Tensors, x: Tensor, memory: LayerContext) -> Tensor:
        """``x ∘ mask`` in training, ``x`` itself otherwise."""
        if not self._active(memory):
            return x
        mask = memory.buffer("mask", x.shape, x)
        if not (memory.fixed_noise and "mask" in memory.kept):
            keep_prob = memory.settings.get("keep_prob", self.keep_prob)
            if isinstance(memory.dropout, Tensor) or memory.dropout != 1:
                keep_prob = 1 - memory.dropout * (1 - keep_prob)
            memory.kept["mask"] = dropout_mask(memory.draw(mask), keep_prob, out=mask)
        return dropout(x, memory.kept["mask"], out=memory.buffer("y", x.shape, x))

    def backward(self, p: Tensors, g: Tensors, d_y: Tensor, memory: LayerContext) -> Tensor:
        """``d_y ∘ mask``."""
        return dropout_backward(d_y, memory.kept["mask"], out=d_y) if self._active(memory) else d_y

    @property
    @override
    def in_population(self) -> Layer:
        return self

    @property
    @override
    def draws(self) -> bool:
        return self.keep_prob < 1

    @property
    @override
    def over_steps(self) -> Literal["any"]:
        return "any"

    def _active(self, memory: LayerContext) -> bool:
        return memory.training and (self.keep_prob < 1 or "keep_prob" in memory.settings)

    @override
    def onnx(self, export: Any, value: str) -> str:
        return value
