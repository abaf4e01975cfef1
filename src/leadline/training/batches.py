"""Mini-batches by index (course 2, mini-batch gradient descent)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import repeat
from typing import Protocol

import torch
from torch import Tensor

FULL_BATCH_BELOW = 2_000
POOL = 32
"""Batches whose sequences are sorted by length together."""
FULL_BATCH_RATE, MINI_BATCH_RATE = 0.01, 0.003
"""Adam's learning rate by the batch: one large batch takes few steps and must take larger ones."""


def default_batch_size(m: int) -> int:
    """The whole set below 2 000 examples; above, 64, doubled up to 512 while an epoch has over 2 000 steps.

    It is also doubled where the last batch would be a single example, on which batch normalization cannot train.
    """
    if m < FULL_BATCH_BELOW:
        return m
    size = 64
    while size < 512 and (m // size > 2_000 or m % size == 1):
        size *= 2
    return size


def epoch_order(m: int, generator: torch.Generator) -> Tensor:
    """A fresh random order of all examples, int64 of shape (m,)."""
    return torch.randperm(m, generator=generator)


def order_by_length(order: Tensor, lengths: Tensor, batch_size: int, generator: torch.Generator) -> Tensor:
    """The examples of an ``order`` moved so that each batch holds sequences of about the same length.

    They are sorted within pools of `POOL` batches, and the batches then take a random order: what is together,
    and when, still changes from epoch to epoch. The last, shorter batch stays the last.
    """
    pools = [pool[torch.argsort(lengths[pool], stable=True)] for pool in order.split(POOL * batch_size)]
    together = torch.cat(pools)
    whole = len(together) // batch_size
    batches = together[: whole * batch_size].view(whole, batch_size)
    shuffled = batches[torch.randperm(whole, generator=generator)]
    return torch.cat([shuffled.reshape(-1), together[whole * batch_size :]])


def batch_slices(m: int, batch_size: int) -> list[slice]:
    """Cut m examples into batches; the last, shorter one is kept, so every example is used once in an epoch."""
    return [slice(start, min(start + batch_size, m)) for start in range(0, m, batch_size)]


GATHERED_BYTES = 1 << 20  # small batches are gathered several at a time, as many as stay in the cache


class Augment(Protocol):
    """Varies examples at random; `leadline.data.augmentation.Augmenter` does so with images.

    A call leaves its argument as it is. All randomness comes from ``generator``, so that its state repeats a batch.
    """

    generator: torch.Generator

    def __call__(self, x: Tensor) -> Tensor:
        """The examples varied, (m, …) as they came, valid until the next call."""
        ...


class Batches:
    """Gathers the examples of batches, in memory that is reused: a batch is valid until the next one is asked for.

    ``augment`` varies the inputs of each batch anew, ``at_once`` batches at a time.
    """

    def __init__(
        self, x: Tensor, y: Tensor, batch_size: int, weights: Tensor | None = None, augment: Augment | None = None
    ) -> None:
        self.x, self.y, self.batch_size, self.weights, self.augment = x, y, batch_size, weights, augment
        batch_bytes = batch_size * max(1, x[0].numel()) * x.element_size()
        self._together = batch_size * max(1, GATHERED_BYTES // batch_bytes)
        self.at_once = 1 if augment is None else self._together // batch_size
        self._buffers: dict[int, tuple[Tensor, tuple[Tensor, ...]]] = {}

    def targets(self, examples: Tensor | None) -> Tensor:
        """The targets of these examples, in their order; None is the whole set as it lies."""
        return self.y if examples is None else self.y.index_select(0, examples)

    def weights_of(self, examples: Tensor | None) -> Tensor | None:
        """The weights of these examples, in their order; None where all count alike."""
        if self.weights is None or examples is None:
            return self.weights
        return self.weights.index_select(0, examples)

    def of(
        self, examples: Tensor | None, targets: Tensor, weights: Tensor | None = None
    ) -> Iterator[tuple[Tensor, Tensor, Tensor | None]]:
        """Inputs, targets and weights of one batch after another, cut from ``examples`` and what belongs to them."""
        if examples is None:
            yield self.x if self.augment is None else self.augment(self.x), targets, weights
            return
        batch_targets = iter(targets.split(self.batch_size))
        batch_weights = repeat(None) if weights is None else iter(weights.split(self.batch_size))
        for indices in examples.split(self._together):
            yield from zip(self._gather(indices), batch_targets, batch_weights, strict=False)

    def _gather(self, indices: Tensor) -> tuple[Tensor, ...]:
        m = len(indices)
        if m not in self._buffers:
            buffer = self.x.new_empty(m, *self.x.shape[1:])
            self._buffers[m] = buffer, buffer.split(self.batch_size)
        buffer, batches = self._buffers[m]
        torch.index_select(self.x, 0, indices, out=buffer)
        return batches if self.augment is None else self.augment(buffer).split(self.batch_size)
