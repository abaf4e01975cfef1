"""What belongs to one member while it trains: its examples and their order, its random streams, its history."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from leadline.equations.averages import Number
from leadline.training.batches import default_batch_size, epoch_order
from leadline.training.class_weights import member_weights, n_weighted_classes
from leadline.training.outcome import Best
from leadline.training.population.member import ResolvedMember
from leadline.training.trainer import Epoch


class Order:
    """One member's passes over its examples: shuffled as `Trainer` does with the same seed; one batch is not shuffled.

    Members with the same seed and subset share one order, and then also the gathered batches.
    """

    def __init__(self, subset: Tensor | None, n_examples: int, batch_size: int, seed: int, device: str) -> None:
        self.m = n_examples if subset is None else len(subset)
        self.subset, self.device = subset, device
        self.shuffled = batch_size < self.m
        self.random = torch.Generator().manual_seed(seed)
        self.indices: Tensor | None = None if subset is None else self._compact(subset)

    def draw(self) -> None:
        """A fresh order for the next epoch in ``indices``, (m,); None stands for the whole set as it lies."""
        if self.shuffled:
            order = epoch_order(self.m, self.random)
            self.indices = self._compact(order if self.subset is None else self.subset[order])

    def _compact(self, indices: Tensor) -> Tensor:
        """4 bytes an index: the orders are all that a population holds for each member and example."""
        narrow = torch.int32 if self.m < 2**31 else torch.int64
        return indices.to(self.device, narrow)


@dataclass
class MemberState:
    """One member that still trains; ``independent`` ones round alike whoever else trains (see `PopulationTrainer`)."""

    member: int
    resolved: ResolvedMember
    batch_size: int
    order: Order
    noise: torch.Generator
    best: Best
    independent: bool = False
    history: list[Epoch] = field(default_factory=list)

    @property
    def m(self) -> int:
        """The number of its training examples."""
        return self.order.m

    @property
    def steps(self) -> int:
        """Its updates in an epoch."""
        return -(-self.m // self.batch_size)

    def size(self, step: int) -> int:
        """How many examples its batch has at this step of an epoch."""
        return min(self.batch_size, self.m - step * self.batch_size)

    def draws(self, layer: int) -> bool:
        """Whether the layer draws random numbers for this member."""
        return self.resolved.network.layers[layer].draws


def order_states(rows: list[MemberState]) -> Tensor:
    """The states of the generators that the rows' orders are drawn from, (P, …)."""
    return torch.stack([row.order.random.get_state() for row in rows])


def own_columns(rows: list[MemberState], y: Tensor) -> Tensor:
    """Of targets (…, P, b, k), each row's own column: (…, P, b, 1); all of them where no row has one."""
    labels = [row.resolved.label for row in rows]
    if any(label is None for label in labels):
        return y
    index = torch.tensor(labels, device=y.device).view(-1, 1, 1)
    return y.gather(-1, index.expand(*y.shape[:-1], 1))


def class_weights_of(rows: list[MemberState], loss: str, n_outputs: int, device: torch.device | str) -> Tensor | None:
    """The class weights of each row, (P, k); None where no row has any."""
    return member_weights([row.resolved.settings for row in rows], n_weighted_classes(loss, n_outputs), device)


def make_rows(members: list[ResolvedMember], n_examples: int, independent: bool = False) -> list[MemberState]:
    """A row for each member, those with more updates in an epoch first; equal random streams are made once."""
    orders: dict[object, Order] = {}
    noises: dict[object, torch.Generator] = {}
    rows = []
    for member, resolved in enumerate(members):
        settings, subset = resolved.settings, resolved.subset
        m = n_examples if subset is None else len(subset)
        batch_size = min(m, settings.batch_size or default_batch_size(m))
        examples = None if subset is None else subset.numpy().tobytes()
        key = (examples, batch_size, settings.seed if batch_size < m else None)
        if key not in orders:
            orders[key] = Order(subset, n_examples, batch_size, settings.seed, settings.device)
        best = Best(settings.early_stopping)
        row = MemberState(member, resolved, batch_size, orders[key], torch.Generator(), best, independent)
        drawing = tuple(row.draws(layer) for layer in range(len(resolved.network)))
        stream = (settings.seed, m, batch_size, drawing)
        if stream not in noises:
            noises[stream] = torch.Generator(settings.device).manual_seed(settings.seed)
        row.noise = noises[stream]
        rows.append(row)
    return sorted(rows, key=lambda row: -row.steps)


def number(values: list[float], device: torch.device | str = "cpu", independent: bool = False) -> Number:
    """One number where all members have the same, else a float64 tensor (P, 1).

    Kernels round one number otherwise than a tensor of them, so ``independent`` members always have the tensor.
    """
    if all(value == values[0] for value in values) and not (independent and values[0] != 0):
        return values[0]
    return torch.tensor(values, dtype=torch.float64, device=device).unsqueeze(1)
