"""An ensemble whose members each leave out a fold: all examples are trained on, and all are predicted by who has not.

As in bagging, what a member has not seen judges it (Breiman, 1996): the outputs of each example by the one member that
left it out choose the epoch, and are as good as a dev set to estimate the error of one member, which the mean of all
mostly undercuts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from leadline.network import Network, Parameters, take_over_members
from leadline.training.class_weights import example_weights
from leadline.training.divergence import DivergenceError
from leadline.training.evaluate import cost_and_error
from leadline.training.outcome import Best
from leadline.training.population.member import ResolvedMember
from leadline.training.population.trainer import PopulationTrainer
from leadline.training.settings import TrainingSettings
from leadline.training.trainer import Examples, monitored_goal


@dataclass(frozen=True, eq=False)
class FoldsFit:
    """An ensemble trained over folds: θ, the epoch that it is of, and the outputs (m, k) of members left out there."""

    network: Network
    parameters: Parameters
    outputs: Tensor
    epoch: int


def fit_over_folds(
    network: Network,
    loss: str,
    examples: Examples,
    folds: np.ndarray,
    settings: TrainingSettings,
    on_epoch: Callable[[int], object] | None = None,
) -> FoldsFit:
    """Train an ensemble whose member i leaves out the examples of fold i, (m,) from 0 on, one fold for each member.

    The epoch is chosen as early stopping of the ``settings`` chooses it by a dev set, whose place the outputs of the
    left-out examples take; without it the last is kept. Raises `DivergenceError`.
    """
    network = network.for_loss(loss)
    parameters = network.initialize(
        tuple(examples.x.shape[1:]), settings.seed, settings.dtype, settings.device, settings.generator
    )
    population = _population(network, loss, examples, folds, settings)
    left_out, places = _left_out(folds, examples.x.device)
    held = examples.x[left_out]
    best, weights = Best(settings.early_stopping), example_weights(settings, examples.y)
    goal, kept = monitored_goal(settings, examples), torch.empty(0)
    while population.active:
        records = population.run_epoch()
        diverged = [fit.divergence for fit in population.finished.values() if fit.divergence is not None]
        if diverged:
            raise DivergenceError(f"a member of the ensemble: {diverged[0]}")
        z = population.outputs(held).flatten(0, 1)[places]
        cost, error = cost_and_error(loss, z, examples.y, weights)
        judged = None if goal is None else goal(z, examples.y)
        record = replace(records[0], dev_cost=cost, dev_error=error, dev_goal=judged)
        take_over_members(parameters, [population.parameters(i) for i in range(network.members)])
        best.see(record, parameters)
        if best.rule is None or best.epoch == record.epoch:
            kept = z.clone()
        if on_epoch is not None:
            on_epoch(record.epoch)
        if best.out_of_patience(record.epoch):
            break
    if best.parameters is not None:
        parameters.copy_(best.parameters)
    epoch = best.epoch if best.parameters is not None and best.epoch is not None else population.epoch
    return FoldsFit(network, parameters, kept, epoch)


def _population(
    network: Network, loss: str, examples: Examples, folds: np.ndarray, settings: TrainingSettings
) -> PopulationTrainer:
    own = replace(settings, early_stopping=None, gradient_tolerance=None)
    member = network.member.for_loss(loss)
    members = [
        ResolvedMember(
            member,
            replace(own, seed=settings.seed * network.members + i),
            torch.as_tensor(np.flatnonzero(folds != i)),
        )
        for i in range(network.members)
    ]
    return PopulationTrainer(members, loss, examples)


def _left_out(folds: np.ndarray, device: torch.device) -> tuple[Tensor, Tensor]:
    """The examples of each fold (F, b), short ones filled up with their first, and where each is in that, (m,)."""
    rows = [np.flatnonzero(folds == i) for i in range(int(folds.max()) + 1)]
    width = max(map(len, rows))
    table = np.stack([np.concatenate([own, np.full(width - len(own), own[0])]) for own in rows])
    places = np.empty(len(folds), np.int64)
    for i, own in enumerate(rows):
        places[own] = i * width + np.arange(len(own))
    return torch.as_tensor(table, device=device), torch.as_tensor(places, device=device)
