"""Layers that make vectors of tokens, and tell where in a sequence they stand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from typing_extensions import override

from leadline.equations.tokens import embed, embed_backward, sinusoids
from leadline.errors import UsageError
from leadline.network.layer import LayerContext, ParameterSpec, Shape, ShapeError, Tensors, is_number
from leadline.network.steps import SequenceLayer, check_sequence, trimmed_steps, without_padding
from leadline.network.windows import check_count


@dataclass(frozen=True)
class Embedding(SequenceLayer):
    """A vector of ``units`` learnt numbers for each token: from (steps,) to (steps, units).

    Tokens are whole numbers from 0 to ``tokens`` − 1. 0 is padding: an example ends with its last token that is another
    one. Parameter: ``weight`` (tokens, units), from N(0, ``std``²); it is not penalized, since tokens that a batch does
    not have should stay as they are.
    """

    tokens: int
    units: int
    std: float = 0.1

    axes: ClassVar[int | None] = 1

    def __post_init__(self) -> None:
        check_count("embedding", "tokens", self.tokens, 2)
        check_count("embedding", "units", self.units)
        if not is_number(self.std) or not self.std > 0:
            raise UsageError(f"embedding: std must be greater than 0, got {self.std!r}")

    def output_shape(self, input_shape: Shape) -> Shape:
        """(steps, units)."""
        if len(input_shape) != 1:
            raise ShapeError(f"expects tokens of shape (steps,), got {input_shape}")
        return (*input_shape, self.units)

    def parameters(self, input_shape: Shape) -> dict[str, ParameterSpec]:
        """``weight`` (tokens, units)."""
        return {"weight": ParameterSpec((self.tokens, self.units), std=self.std)}

    def forward(self, p: Tensors, x: Tensor, memory: LayerContext) -> Tensor:
        """The table's row for each token, and zeros for padding; padding of the whole batch is left out."""
        memory.kept["shape"] = x.shape
        tokens = self._checked(x)
        memory.kept["lengths"] = lengths = self.input_lengths(tokens)
        if memory.trim and len(tokens):
            tokens = tokens[:, : trimmed_steps(lengths)]
        memory.kept["tokens"] = tokens
        return embed(tokens, p["weight"]).mul_((tokens != 0).unsqueeze(2))

    def backward(self, p: Tensors, g: Tensors, d_y: Tensor, memory: LayerContext) -> Tensor | None:
        """The derivatives of equal tokens add up; by the tokens themselves there is none."""
        g["weight"].copy_(embed_backward(d_y, memory.kept.pop("tokens"), self.tokens, padding=0))
        return d_y.new_zeros(memory.kept["shape"]) if memory.needs_input_gradient else None

    @override
    def input_lengths(self, x: Tensor) -> Tensor:
        return ((x != 0) * torch.arange(1, x.shape[1] + 1, device=x.device)).amax(1)

    @override
    def output_lengths(self, memory: LayerContext) -> Tensor:
        return memory.kept["lengths"]

    @property
    @override
    def n_outputs(self) -> int:
        return self.units

    @property
    @override
    def depth(self) -> int:
        return 1

    @property
    @override
    def needs_output(self) -> bool:
        return False

    def _checked(self, x: Tensor) -> Tensor:
        """Tokens as int64; `ShapeError` for one that the table does not have."""
        tokens = x.round().long() if x.is_floating_point() else x.long()
        wrong = (tokens < 0) | (tokens >= self.tokens)
        if bool(wrong.any()):
            raise ShapeError(f"tokens are whole numbers from 0 to {self.tokens - 1}, got {x[wrong][0].item():g}")
        return tokens


@dataclass(frozen=True)
class Position(SequenceLayer):
    """Adds to each step where it stands: sines and cosines, or with ``learnt`` a vector that is trained.

    Parameter, where learnt: ``weight`` (steps, n) for the longest sequence, from N(0, 0.1²).
    """

    learnt: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.learnt, bool):
            raise UsageError(f"position: learnt must be true or false, got {self.learnt!r}")

    @override
    def output_shape(self, input_shape: Shape) -> Shape:
        return check_sequence(input_shape)

    @override
    def parameters(self, input_shape: Shape) -> dict[str, ParameterSpec]:
        return {"weight": ParameterSpec(input_shape, std=0.1)} if self.learnt else {}

    def forward(self, p: Tensors, x: Tensor, memory: LayerContext) -> Tensor:
        """x + the vector of each step."""
        steps, n = x.shape[1:]
        if self.learnt and steps > len(p["weight"]):
            raise ShapeError(f"has learnt {len(p['weight'])} positions, and a sequence has {steps} steps")
        return without_padding(x + (p["weight"][:steps] if self.learnt else sinusoids(steps, n, x)), memory.lengths)

    def backward(self, p: Tensors, g: Tensors, d_y: Tensor, memory: LayerContext) -> Tensor:
        """The derivative passes; a learnt position sums it over the examples."""
        d_y = without_padding(d_y, memory.lengths)
        if self.learnt:
            g["weight"].zero_()
            torch.sum(d_y, 0, out=g["weight"][: d_y.shape[1]])
        return d_y

    @property
    @override
    def needs_output(self) -> bool:
        return False
