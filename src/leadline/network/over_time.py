"""From a sequence to one vector: its last step, or the largest or mean value of each feature over time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from typing_extensions import override

from leadline.errors import UsageError, nearest
from leadline.network.layer import LayerContext, Shape, Tensors
from leadline.network.steps import SequenceLayer, check_sequence, counts, without_padding

WAYS = ("max", "mean")


class OverTime(SequenceLayer, abstract=True):
    """(steps, n) becomes (n,); a sequence without a step becomes zeros."""

    @override
    def output_shape(self, input_shape: Shape) -> Shape:
        return check_sequence(input_shape)[1:]

    @property
    @override
    def over_steps(self) -> Literal["removed"]:
        return "removed"

    @override
    def flops(self, input_shape: Shape) -> int:
        return math.prod(input_shape)

    @property
    @override
    def needs_output(self) -> bool:
        return False


@dataclass(frozen=True)
class Last(OverTime):
    """What stands at each example's last step."""

    def forward(self, p: Tensors, x: Tensor, memory: LayerContext) -> Tensor:
        """x at the step ``lengths`` − 1."""
        m, steps, n = memory.kept["shape"] = x.shape
        lengths = torch.full((m,), steps, device=x.device) if memory.lengths is None else memory.lengths
        memory.kept["place"] = place = (lengths - 1).clamp_min(0).view(m, 1, 1).expand(m, 1, n)
        memory.kept["real"] = real = (lengths > 0).view(m, 1)
        return x.gather(1, place).squeeze(1) * real if steps else x.new_zeros(m, n)

    def backward(self, p: Tensors, g: Tensors, d_y: Tensor, memory: LayerContext) -> Tensor:
        """The derivative goes to that step; all others get 0."""
        d_x = d_y.new_zeros(memory.kept["shape"])
        if d_x.shape[1]:
            d_x.scatter_(1, memory.kept["place"], (d_y * memory.kept["real"]).unsqueeze(1))
        return d_x


@dataclass(frozen=True)
class PoolOverTime(OverTime):
    """The largest ("max") or mean ("mean") value of each feature over the steps of an example."""

    by: str = "max"

    def __post_init__(self) -> None:
        if self.by not in WAYS:
            raise UsageError(f"pool_over_time: unknown by '{self.by}'.{nearest(str(self.by), WAYS)}")

    def forward(self, p: Tensors, x: Tensor, memory: LayerContext) -> Tensor:
        """Over the steps that count."""
        memory.kept["shape"] = x.shape
        m, steps, n = x.shape
        if not steps:
            return x.new_zeros(m, n)
        if self.by == "mean":
            return without_padding(x, memory.lengths).sum(1) / self._divisor(x, memory)
        real = counts(memory.lengths, steps)
        seen = x if real is None else x.masked_fill(~real.unsqueeze(2), -torch.inf)
        largest, memory.kept["place"] = seen.max(1)
        return largest if memory.lengths is None else largest.masked_fill((memory.lengths == 0).unsqueeze(1), 0.0)

    def backward(self, p: Tensors, g: Tensors, d_y: Tensor, memory: LayerContext) -> Tensor:
        """The largest value gets the whole derivative, the values of a mean equal shares."""
        shape, lengths = memory.kept["shape"], memory.lengths
        d_x = d_y.new_zeros(shape)
        if not shape[1]:
            return d_x
        if self.by == "mean":
            return without_padding(d_x + (d_y / self._divisor(d_y, memory)).unsqueeze(1), lengths)
        d_y = d_y if lengths is None else d_y * (lengths > 0).unsqueeze(1)
        return d_x.scatter_(1, memory.kept.pop("place").unsqueeze(1), d_y.unsqueeze(1))

    @staticmethod
    def _divisor(like: Tensor, memory: LayerContext) -> Tensor | int:
        """How many steps count, (m, 1), at least 1."""
        if memory.lengths is None:
            return int(memory.kept["shape"][1])
        return memory.lengths.clamp_min(1).to(like.dtype).unsqueeze(1)
