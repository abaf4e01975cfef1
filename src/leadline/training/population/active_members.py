"""The members that still train, as one set of tensors."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from itertools import groupby

import torch
from torch import Tensor

from leadline.network import Network, Parameters
from leadline.network.layer import Shape
from leadline.training.population.member_state import MemberState, class_weights_of
from leadline.training.population.objective import Pools, PopulationGradients, PopulationObjective
from leadline.training.population.plan import plan_epoch
from leadline.training.population.updates import Update, zeros_with_margin


class ActiveMembers:
    """Rows with their θ (P, n), gradients, update rules, and the plan of their epochs.

    Rows with more updates in an epoch come first, so those that take part in a step are always the first p, whose
    tensors are views: a member whose epoch is over waits without being copied. ``updates`` hold the rows that make the
    same number of updates.
    """

    def __init__(
        self, network: Network, loss: str, rows: list[MemberState], parameters: Parameters, n_outputs: int, pools: Pools
    ) -> None:
        self.network, self.loss, self.rows, self.parameters, self.pools = network, loss, rows, parameters, pools
        theta = parameters.theta
        self.gradients = PopulationGradients.over(parameters, zeros_with_margin(theta))
        self.updates: list[Update] = []
        start = 0
        for _, group in groupby(rows, key=lambda row: row.steps):
            members = list(group)
            part = slice(start, start + len(members))
            n_penalized = parameters.layout.n_penalized
            work = None if self.gradients.work is None else self.gradients.work[part]
            self.updates.append(Update(members, theta[part], self.gradients.theta[part], n_penalized, work))
            start = part.stop
        self.n_outputs = n_outputs
        self.class_weights = class_weights_of(rows, loss, n_outputs, theta.device)
        self.plan = plan_epoch(rows, n_outputs)
        self._objectives: dict[int, PopulationObjective] = {}

    def objective(self, p: int) -> PopulationObjective:
        """The objective of the first p rows."""
        if p not in self._objectives:
            parameters = first_members(self.parameters, p)
            self._objectives[p] = PopulationObjective(
                self.network, self.loss, self.rows[:p], parameters, self.gradients.first(p), self.pools
            )
        return self._objectives[p]

    def updates_of(self, p: int) -> list[Update]:
        """The update rules of the first p rows."""
        updates, covered = [], 0
        for update in self.updates:
            if covered >= p:
                break
            updates.append(update)
            covered += len(update.rows)
        return updates

    def averages(self) -> dict[str, Tensor]:
        """What the update rules remember of all rows, (P, n) each; a copy."""
        states = [update.state for update in self.updates]
        return {name: torch.cat([state.averages[name] for state in states]) for name in states[0].averages}

    def steps_done(self) -> list[int]:
        """How many updates each row has had."""
        return [update.state.step for update in self.updates for _ in update.rows]

    def keep(self, kept: list[int]) -> ActiveMembers:
        """The active members of these rows alone; the others' memory is given up."""
        index = torch.tensor(kept, device=self.parameters.theta.device)
        steps = self.steps_done()
        averages = {name: average[index] for name, average in self.averages().items()}
        rows = [self.rows[i] for i in kept]
        active = ActiveMembers(
            self.network, self.loss, rows, select(self.parameters, index), self.n_outputs, self.pools
        )
        active.continue_from(averages, [steps[i] for i in kept])
        return active

    def continue_from(self, averages: Mapping[str, Tensor], steps: Sequence[int]) -> None:
        """Take over what the update rules remembered of all rows, (P, n) each, and how many updates they have had."""
        start = 0
        for update in self.updates:
            part = slice(start, start + len(update.rows))
            update.continue_from({name: average[part] for name, average in averages.items()}, steps[start])
            start = part.stop


def start_members(network: Network, loss: str, rows: list[MemberState], input_shape: Shape) -> ActiveMembers:
    """The rows at their start, each initialized as it would be alone."""
    drawn: dict[Hashable, Parameters] = {}  # the members of a search mostly begin alike
    starts = []
    for row in rows:
        settings = row.resolved.settings
        key = row.resolved.network, settings.seed, settings.dtype, settings.device, settings.generator
        if key not in drawn:
            drawn[key] = row.resolved.network.for_loss(loss).initialize(input_shape, *key[1:])
        starts.append(drawn[key])
    statistics = [
        {name: torch.stack([start.statistics[i][name] for start in starts]) for name in layer}
        for i, layer in enumerate(starts[0].statistics)
    ]
    parameters = Parameters(starts[0].layout, torch.stack([start.theta for start in starts]), statistics)
    (n_outputs,) = network.shapes(input_shape)[-1]
    pools: Pools = [{} for _ in network.layers]
    return ActiveMembers(on_vectors(network.for_loss(loss)), loss, rows, parameters, n_outputs, pools)


def on_vectors(network: Network) -> Network:
    """The network for inputs that are flat already: layers keep their places, and so parameters their names."""
    return Network(layer.in_population or layer for layer in network.layers)


def member_of(parameters: Parameters, i: int) -> Parameters:
    """θ (n,) and statistics of one member of a population, as views."""
    statistics = [{name: t[i] for name, t in layer.items()} for layer in parameters.statistics]
    return Parameters(parameters.layout, parameters.theta[i], statistics)


def first_members(parameters: Parameters, p: int) -> Parameters:
    """The first p members, as views."""
    statistics = [{name: t[:p] for name, t in layer.items()} for layer in parameters.statistics]
    return Parameters(parameters.layout, parameters.theta[:p], statistics)


def select(parameters: Parameters, index: Tensor) -> Parameters:
    """The members with these indices, copied."""
    statistics = [{name: t[index] for name, t in layer.items()} for layer in parameters.statistics]
    return Parameters(parameters.layout, parameters.theta[index], statistics)


def as_vectors(x: Tensor) -> Tensor:
    """Examples (m, …) as rows (m, n), without copying."""
    return x.reshape(len(x), -1) if x.dim() != 2 else x
