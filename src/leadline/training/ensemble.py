"""Training an ensemble: its members as one population, each by its own batches and noise, judged by their mean."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from leadline.errors import UsageError
from leadline.network import Network, Parameters, as_population, take_over_members
from leadline.training.batches import Augment
from leadline.training.divergence import DivergenceError
from leadline.training.interruption import Interrupted
from leadline.training.population.member import ResolvedMember
from leadline.training.population.trainer import PopulationTrainer
from leadline.training.settings import TrainingSettings
from leadline.training.stream import Stream
from leadline.training.trainer import Epoch, Examples, Trainer, measure_dev


class EnsembleTrainer:
    """The counterpart of `leadline.training.Trainer` for a network that is an ensemble.

    ``parameters`` are the ensemble's; they are brought up to date after every epoch, and where it ends or is saved
    within one: ``between_steps`` and ``must_stop`` are those of `leadline.training.Trainer`. Costs and errors of an
    epoch are means over the members; those of the dev set are of the ensemble's own predictions, the members' mean.
    """

    def __init__(
        self,
        network: Network,
        loss: str,
        train: Examples | Stream,
        dev: Examples | Stream | None,
        settings: TrainingSettings,
        parameters: Parameters,
        on_progress: Callable[[int, int, float], None] | None = None,
        augment: Augment | None = None,
    ) -> None:
        self.network, self.loss, self.settings = network.for_loss(loss), loss, settings
        self.train, self.dev = _in_memory(train, augment), dev
        self.parameters, self.on_progress = parameters, on_progress
        own = replace(settings, early_stopping=None, gradient_tolerance=None)
        member = self.network.member.for_loss(loss)
        seeds = (settings.seed * network.members + i for i in range(network.members))
        members = [ResolvedMember(member, replace(own, seed=seed)) for seed in seeds]
        self.population = PopulationTrainer(members, loss, self.train, None)
        self.population.start_from(as_population(parameters))
        self.population.between_blocks = self._between_blocks
        self.gradient_norm = float("inf")
        self.between_steps: Callable[[], None] = lambda: None
        self.must_stop: Callable[[], bool] = lambda: False

    @property
    def epoch(self) -> int:
        """How many epochs are done."""
        return self.population.epoch

    def run_epoch(self) -> Epoch:
        """Every member visits every example once, in its own order; then the dev set is measured.

        Raises `DivergenceError` as soon as a member's cost is not finite, with all members at their last good values.
        """
        started = time.perf_counter()
        records = self.population.run_epoch()
        self._update_parameters()
        diverged = [fit.divergence for fit in self.population.finished.values() if fit.divergence is not None]
        if diverged:
            raise DivergenceError(f"a member of the ensemble: {diverged[0]}")
        first = records[0]
        if self.on_progress:
            self.on_progress(first.steps, first.steps, first.cost)
        dev = measure_dev(self.network, self.parameters, self.loss, self.dev, self.settings, len(self.train))
        own = [(record.cost, record.train_error, record.penalty) for record in records.values()]
        means = [sum(values) / len(own) for values in zip(*own, strict=True)]
        return Epoch.of(self.epoch, means, dev, first.learning_rate, first.steps, time.perf_counter() - started)

    def _between_blocks(self) -> None:
        """Raises `Interrupted` after the steps during which somebody asked for the end."""
        if self.settings.gradient_tolerance is not None:
            self.gradient_norm = float(torch.linalg.vector_norm(self.population.gradients))
        if self.must_stop():
            self._update_parameters()
            raise Interrupted
        self.between_steps()

    def _update_parameters(self) -> None:
        take_over_members(self.parameters, [self.population.parameters(i) for i in range(self.network.members)])

    def remembered(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """What is saved besides the parameters (`leadline.training.state.Resumable`); a row for each member."""
        self._update_parameters()
        tensors, values = self.population.remembered()
        return tensors, values | {"gradient_norm": self.gradient_norm}

    def continue_from(self, tensors: Mapping[str, Tensor], values: Mapping[str, Any]) -> None:
        """Take back what was saved besides the parameters."""
        self.population.start_from(as_population(self.parameters))
        self.population.continue_from(tensors, values)
        self.gradient_norm = float(values["gradient_norm"])


AnyTrainer = Trainer | EnsembleTrainer


def _in_memory(train: Examples | Stream, augment: Augment | None) -> Examples:
    """The examples; `UsageError` for what a population cannot train on."""
    reason = None
    if isinstance(train, Stream):
        reason = "takes its examples from memory (data.stream = false)"
    elif augment is not None:
        reason = "does not vary its examples ([augment])"
    if reason is not None or isinstance(train, Stream):
        raise UsageError(f"network.members: an ensemble {reason}; set members = 1.")
    return train
