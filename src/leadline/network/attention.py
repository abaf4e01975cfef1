"""Attention over the steps of a sequence, and the transformer's block made of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

from torch import Tensor
from typing_extensions import override

from leadline.equations.attention import attention, attention_backward, join_heads, looking_back, split_heads
from leadline.equations.dense import dense, dense_backward_bias, dense_backward_input, dense_backward_weight
from leadline.errors import UsageError
from leadline.network.activate import check_activation
from leadline.network.convolution1d import Convolution1D
from leadline.network.dropout import Dropout
from leadline.network.layer import LayerContext, ParameterSpec, Shape, ShapeError, Tensors, branch, is_number
from leadline.network.layer_norm import LayerNorm
from leadline.network.residual import Residual
from leadline.network.steps import SequenceLayer, check_sequence, counts, without_padding
from leadline.network.windows import check_count


@dataclass(frozen=True)
class Attention(SequenceLayer):
    """Each step takes a weighted mean of what all steps hold, in ``heads`` parts of the features (Vaswani et al.).

    ``causal`` lets no step look at a later one. Parameters: ``weight`` (3n, n) and ``bias`` (3n,) make queries, keys
    and values, ``output_weight`` (n, n) and ``output_bias`` (n,) join the heads.
    """

    heads: int = 1
    causal: bool = False

    def __post_init__(self) -> None:
        check_count("attention", "heads", self.heads)
        if not isinstance(self.causal, bool):
            raise UsageError(f"attention: causal must be true or false, got {self.causal!r}")

    def output_shape(self, input_shape: Shape) -> Shape:
        """As the input."""
        steps, n = check_sequence(input_shape)
        if n % self.heads:
            raise ShapeError(f"{n} features cannot be cut into {self.heads} equal heads")
        return steps, n

    @override
    def parameters(self, input_shape: Shape) -> dict[str, ParameterSpec]:
        n, std = input_shape[1], math.sqrt(1 / input_shape[1])
        return {
            "weight": ParameterSpec((3 * n, n), std=std, penalized=True),
            "bias": ParameterSpec((3 * n,)),
            "output_weight": ParameterSpec((n, n), std=std, penalized=True),
            "output_bias": ParameterSpec((n,)),
        }

    def forward(self, p: Tensors, x: Tensor, memory: LayerContext) -> Tensor:
        """Q, K, V = x W + b by heads, attention, then the heads side by side through the output weight."""
        m, steps, n = x.shape
        projected = dense(x.reshape(-1, n), p["weight"], p["bias"]).view(m, steps, 3 * n)
        q, k, v = (split_heads(part, self.heads) for part in projected.split(n, 2))
        y, weights = attention(q, k, v, self._allowed(x, memory))
        joined = join_heads(y)
        memory.kept.update(x=x, q=q, k=k, v=v, weights=weights, joined=joined)
        y = dense(joined.reshape(-1, n), p["output_weight"], p["output_bias"]).view(m, steps, n)
        return without_padding(y, memory.lengths)

    def backward(self, p: Tensors, g: Tensors, d_y: Tensor, memory: LayerContext) -> Tensor:
        """Through the output weight, the heads, and the three projections."""
        m, steps, n = d_y.shape
        x, q, k, v, weights, joined = (memory.kept.pop(name) for name in ("x", "q", "k", "v", "weights", "joined"))
        d_flat = without_padding(d_y, memory.lengths).reshape(-1, n)
        g["output_weight"].copy_(dense_backward_weight(d_flat, joined.reshape(-1, n)))
        g["output_bias"].copy_(dense_backward_bias(d_flat))
        d_joined = split_heads(dense_backward_input(d_flat, p["output_weight"]).view(m, steps, n), self.heads)
        parts = attention_backward(d_joined, q, k, v, weights)
        d_projected = d_y.new_empty(m, steps, 3 * n)
        for i, part in enumerate(parts):
            d_projected[:, :, i * n : (i + 1) * n] = join_heads(part)
        d_flat = without_padding(d_projected, memory.lengths).view(-1, 3 * n)
        g["weight"].copy_(dense_backward_weight(d_flat, without_padding(x, memory.lengths).reshape(-1, n)))
        g["bias"].copy_(dense_backward_bias(d_flat))
        return dense_backward_input(d_flat, p["weight"]).view(m, steps, n)

    def _allowed(self, x: Tensor, memory: LayerContext) -> Tensor | None:
        """Where a step may look, bool, to be spread over (m, heads, steps, steps); None: everywhere."""
        real = counts(memory.lengths, x.shape[1])
        allowed = None if real is None else real[:, None, None, :]
        if not self.causal:
            return allowed
        past = looking_back(x.shape[1], x.device)
        return past if allowed is None else allowed & past

    @override
    def flops(self, input_shape: Shape) -> int:
        steps, n = input_shape
        return 8 * steps * n * n + 4 * steps * steps * n

    @override
    def activation_values(self, input_shape: Shape) -> int:
        steps, n = input_shape
        return 5 * steps * n + self.heads * steps * steps

    @property
    @override
    def depth(self) -> int:
        return 1

    @property
    @override
    def needs_output(self) -> bool:
        return False


@dataclass(frozen=True)
class TransformerBlock(SequenceLayer):
    """x + attention(norm(x)), then x + dense(norm(x)) with ``units`` hidden units (norm first; Xiong et al., 2020).

    The dense part is the same for each step. Dropout with ``keep_prob`` stands after attention and after both of its
    layers. Parameters carry paths: ``attention.body.1.weight`` of the `Attention`, ``dense.body.0.gamma`` of a
    `LayerNorm`, ``dense.body.1.weight`` of a `Convolution1D` of size 1.
    """

    heads: int
    units: int
    activation: str = "relu"
    keep_prob: float = 1.0
    causal: bool = False

    def __post_init__(self) -> None:
        kind = self.kind()
        check_count(kind, "heads", self.heads)
        check_count(kind, "units", self.units)
        check_activation(kind, self.activation)
        if not is_number(self.keep_prob) or not 0 < self.keep_prob <= 1:
            raise UsageError(f"{kind}: keep_prob must be greater than 0 and at most 1, got {self.keep_prob!r}")

    def output_shape(self, input_shape: Shape) -> Shape:
        """As the input."""
        return Attention(self.heads).output_shape(input_shape)

    @override
    def parameters(self, input_shape: Shape) -> dict[str, ParameterSpec]:
        return {
            f"{name}.{inner}": spec
            for name, part in _parts(self, input_shape[1]).items()
            for inner, spec in part.parameters(input_shape).items()
        }

    @override
    def forward(self, p: Tensors, x: Tensor, memory: LayerContext) -> Tensor:
        for name, part in _parts(self, x.shape[2]).items():
            inner = memory.inner(name)
            inner.lengths = memory.lengths
            x = part.forward(branch(p, name), x, inner)
        return x

    @override
    def backward(self, p: Tensors, g: Tensors, d_y: Tensor, memory: LayerContext) -> Tensor | None:
        d_x: Tensor | None = d_y
        for name, part in reversed(_parts(self, d_y.shape[2]).items()):
            assert d_x is not None  # both parts have layers that always compute it
            d_x = part.backward(branch(p, name), branch(g, name), d_x, memory.inner(name))
        return d_x

    @override
    def flops(self, input_shape: Shape) -> int:
        return sum(part.flops(input_shape) for part in _parts(self, input_shape[1]).values())

    @override
    def activation_values(self, input_shape: Shape) -> int:
        return sum(part.activation_values(input_shape) for part in _parts(self, input_shape[1]).values())

    @property
    @override
    def depth(self) -> int:
        return 3

    @property
    @override
    def draws(self) -> bool:
        return self.keep_prob < 1


@cache
def _parts(block: TransformerBlock, n: int) -> dict[str, Residual]:
    """The two parts of a block for n features."""
    dropout = [Dropout(keep_prob=block.keep_prob)] if block.keep_prob < 1 else []
    hidden = Convolution1D(block.units, 1, activation=block.activation)
    return {
        "attention": Residual([LayerNorm(), Attention(block.heads, block.causal), *dropout]),
        "dense": Residual([LayerNorm(), hidden, *dropout, Convolution1D(n, 1), *dropout]),
    }
