"""An epoch of a population as a plan: which rows take part in which steps, with how many examples."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from leadline.training.population.member_state import MemberState, Order
from leadline.training.trainer import STEPS_BETWEEN_LOOKS, Examples

KEPT_VALUES = 1 << 18  # outputs that are kept until their costs are computed, while they are in the cache


@dataclass(frozen=True)
class Segment:
    """Steps ``first`` to ``last`` (exclusive) of an epoch, in which the first ``p`` rows have batches of one size each.

    ``sizes`` are these sizes where they differ (the others are then padded to ``width``), else None.
    """

    first: int
    last: int
    p: int
    width: int
    sizes: list[int] | None

    def __len__(self) -> int:
        return self.last - self.first


def plan_epoch(rows: list[MemberState], n_outputs: int) -> list[list[Segment]]:
    """Blocks of segments; costs are looked at after each block, as often as a training alone does."""
    last = rows[0].steps
    cuts = {last, *range(0, last, STEPS_BETWEEN_LOOKS)}
    for row in rows:
        cuts |= {row.steps - 1, row.steps}
    edges = sorted(cuts)
    blocks: list[list[Segment]] = [[] for _ in range(0, last, STEPS_BETWEEN_LOOKS)]
    for start, stop in pairwise(edges):
        for segment in _segments(rows, start, stop, n_outputs):
            blocks[start // STEPS_BETWEEN_LOOKS].append(segment)
    return blocks


def _segments(rows: list[MemberState], start: int, stop: int, n_outputs: int) -> Iterator[Segment]:
    """Cut steps that are all alike into pieces whose outputs may be kept."""
    sizes = [row.size(start) for row in rows if row.steps > start]
    width = max(sizes)
    most = max(1, KEPT_VALUES // (len(sizes) * width * n_outputs))
    for first in range(start, stop, most):
        yield Segment(first, min(first + most, stop), len(sizes), width, None if min(sizes) == width else sizes)


class SharedBatches:
    """Gathers every member's batches from the one set of examples; batches that all share are gathered once."""

    def __init__(self, examples: Examples) -> None:
        self.examples = examples
        self._buffers: dict[tuple[int, ...], Tensor] = {}

    def of(self, rows: list[MemberState], segment: Segment) -> tuple[Iterator[Tensor], Tensor, Tensor | None]:
        """Inputs (p, b, …) of one step after another, each valid until the next, and all targets (S, p, b, …).

        Last what each example counts, (S, p, b); None where all count alike.
        """
        orders = [row.order for row in rows[: segment.p]]
        p = segment.p
        if all(order is orders[0] for order in orders):
            orders = orders[:1]
        if all(order.indices is None for order in orders) and segment.sizes is None:
            x, y, weights = self.examples.x, self.examples.y, self.examples.weights
            own = None if weights is None else weights.expand(1, p, len(y))
            return iter([x.expand(p, *x.shape)]), y.expand(1, p, *y.shape), own
        indices = torch.stack([self._indices(order, row, segment) for order, row in zip(orders, rows, strict=False)], 1)
        y = self.examples.y.index_select(0, indices.flatten())
        y = y.view(*indices.shape, *y.shape[1:])
        weights = self.examples.weights
        if weights is not None:
            weights = weights.index_select(0, indices.flatten()).view(indices.shape).expand(len(segment), p, -1)
        return self._inputs(indices, p), y.expand(len(segment), p, *y.shape[2:]), weights

    def _indices(self, order: Order, row: MemberState, segment: Segment) -> Tensor:
        """The examples of one member's batches, (S, b); a short batch is filled up with an example of its own."""
        start = segment.first * row.batch_size
        indices = order.indices
        if indices is None:
            indices = torch.arange(order.m, dtype=torch.int32, device=order.device)
        size = row.size(segment.first)
        taken = indices[start : start + len(segment) * size].view(len(segment), size)
        if size == segment.width:
            return taken
        return torch.cat([taken, taken[:, :1].expand(-1, segment.width - size)], 1)

    def _inputs(self, indices: Tensor, p: int) -> Iterator[Tensor]:
        x = self.examples.x
        shape = (*indices.shape[1:], *x.shape[1:])
        if shape not in self._buffers:
            self._buffers[shape] = x.new_empty(shape)
        buffer = self._buffers[shape]
        flat = buffer.view(-1, *x.shape[1:])
        for step in indices:
            torch.index_select(x, 0, step.flatten(), out=flat)
            yield buffer.expand(p, *buffer.shape[1:])
