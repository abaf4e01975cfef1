"""The memory of a population's layers: noise from every member's own generator, buffers shared by all passes."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor

from leadline.network.layer import LayerContext, Shape

SHARED_PLACE = {"d_x": "z"}
"""A dense layer writes d_x last, when nobody needs its output any more: there, in memory that the cache still holds."""


@dataclass
class PopulationContext(LayerContext):
    """A `LayerContext` for P members; ``streams`` pairs each generator with the rows that draw from it.

    ``sizes`` are the members' real batch sizes when some are padded. ``pool`` lends one piece of memory under a name to
    all passes, however many members take part.
    """

    streams: list[tuple[torch.Generator, list[int]]] = field(default_factory=list)
    sizes: list[int] | None = None
    pool: dict[str, Tensor] = field(default_factory=dict)

    def buffer(self, name: str, shape: Shape, like: Tensor) -> Tensor:
        """An uninitialized tensor of that shape, in the pool's memory."""
        tensor = self._buffers.get((name, shape))
        if tensor is None:
            size, place = math.prod(shape), SHARED_PLACE.get(name, name)
            if place not in self.pool or self.pool[place].numel() < size:
                self.pool[place] = like.new_empty(size)
            tensor = self._buffers[name, shape] = self.pool[place][:size].view(shape)
        return tensor

    def draw(self, out: Tensor) -> Tensor:
        """Fill the rows (b, n) of ``out`` as each member would alone; 0 where a member draws nothing."""
        rows = out.unbind(0)
        if self.sizes is not None or sum(len(members) for _, members in self.streams) < len(rows):
            out.zero_()
        for generator, members in self.streams:
            drawn = rows[members[0]]
            drawn = drawn if self.sizes is None else drawn[: self.sizes[members[0]]]
            torch.rand(drawn.shape, generator=generator, out=drawn)
            for member in members[1:]:
                rows[member][: len(drawn)].copy_(drawn)
        return out
