"""Divergence of a member: replay it alone from the last snapshot, to its last good state."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from leadline.equations.averages import Number
from leadline.network import Parameters
from leadline.training.batches import Batches
from leadline.training.class_weights import example_weights
from leadline.training.divergence import STEPS_BETWEEN_SNAPSHOTS, DivergenceError, DivergenceGuard, Steps
from leadline.training.objective import Objective
from leadline.training.population.active_members import ActiveMembers, member_of, on_vectors
from leadline.training.population.member_state import MemberState
from leadline.training.regularization import Regularization
from leadline.training.trainer import Examples


@dataclass(frozen=True)
class Block:
    """Some steps of an epoch as they were made: the rows' orders, and each update rule's learning rates."""

    first: int
    indices: list[Tensor | None]
    rates: list[list[Number]]
    regularization: list[Regularization]


class PopulationGuard:
    """Keeps a snapshot of the members and the steps since, as `DivergenceGuard` does for one network.

    A population goes on when a member diverges, so the replay is the member's alone: an ordinary objective and guard
    started from its part of the snapshot.
    """

    def __init__(self, active: ActiveMembers, loss: str) -> None:
        self.active, self.loss = active, loss
        self._since: list[Block] = []
        self._n_steps = STEPS_BETWEEN_SNAPSHOTS
        self._good: Parameters | None = None

    def watch(self, first: int, rates: list[list[Number]], regularization: list[Regularization]) -> None:
        """Called while all is finite, before the steps of an epoch from ``first`` on, with the rows' settings in it."""
        if self._n_steps >= STEPS_BETWEEN_SNAPSHOTS:
            self._take_snapshot()
        orders = [row.order.indices for row in self.active.rows]
        self._since.append(Block(first, orders, rates, regularization))
        self._n_steps += max(len(own) for own in rates)

    def _take_snapshot(self) -> None:
        active = self.active
        self._good = active.parameters.clone() if self._good is None else self._good.copy_(active.parameters)
        self._averages, self._steps = active.averages(), active.steps_done()
        drawing = {id(row.noise): row.noise for row in active.rows if any(map(row.draws, range(len(active.network))))}
        self._noise = {key: noise.get_state() for key, noise in drawing.items()}
        self._since, self._n_steps = [], 0

    def explain(self, i: int, examples: Examples, epoch: int) -> tuple[DivergenceError, Parameters]:
        """What went wrong with row i in this epoch, and its parameters at the last step whose cost was finite."""
        row = self.active.rows[i]
        assert self._good is not None
        good = member_of(self._good, i).clone()
        objective = self._objective(row, good)
        rule = row.resolved.settings.optimizer
        state = rule.start(good.theta, good.layout.n_penalized)
        averages = {name: average[i] for name, average in self._averages.items()}
        state.load({"step": torch.tensor(self._steps[i]), **averages})
        guard = DivergenceGuard(objective, rule, state)
        for block in self._since:
            steps = self._steps_of(i, block)
            if steps.rates:
                guard.watch(steps)
        weights = example_weights(row.resolved.settings, examples.y, examples.weights)
        return guard.explain(Batches(examples.x, examples.y, row.batch_size, weights), epoch), good

    def _objective(self, row: MemberState, parameters: Parameters) -> Objective:
        settings = row.resolved.settings
        noise = torch.Generator(settings.device)
        if id(row.noise) in self._noise:
            noise.set_state(self._noise[id(row.noise)])
        network = on_vectors(row.resolved.network.for_loss(self.loss))
        return Objective(network, self.loss, parameters, settings.l2, settings.l1, settings.clip_norm, noise)

    def _steps_of(self, i: int, block: Block) -> Steps:
        """The part of a block that one row made."""
        row, indices, start = self.active.rows[i], block.indices[i], 0
        for update, rates in zip(self.active.updates, block.rates, strict=False):
            if i < start + len(update.rows):
                own = [float(rate[i - start]) if isinstance(rate, Tensor) else float(rate) for rate in rates]
                begin = block.first * row.batch_size
                taken = None if indices is None else indices[begin : begin + len(own) * row.batch_size]
                return Steps(taken, own, block.regularization[i])
            start += len(update.rows)
        return Steps(None, [])
