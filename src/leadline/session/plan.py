"""From an experiment to everything that training needs: data, split, preparation, network and settings."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from leadline.data import Dataset, DataSettings, Preparation, Split, SplitSettings, read_settings, set_aside, split
from leadline.errors import UsageError
from leadline.experiment import Experiment
from leadline.network import Network
from leadline.optimize import optimizer_from_config, schedule_from_config
from leadline.session.corrected import corrected_data
from leadline.session.defaults import loss_of, resolve
from leadline.strategy.corrections import Corrections
from leadline.training import EarlyStopping, Examples, Training


@dataclass(frozen=True, eq=False)
class Plan:
    """A resolved experiment with all that it says turned into values."""

    experiment: Experiment
    data: Dataset
    split: Split
    preparation: Preparation
    network: Network
    loss: str
    training: Training
    input_shape: tuple[int, ...]

    @property
    def notices(self) -> list[str]:
        """What the user should know about the data and the split."""
        return [*self.data.notices, *self.preparation.notices, *self.split.notices]

    @property
    def source(self) -> str:
        """Where the data came from, in one line."""
        source = self.experiment.data.source
        return source if isinstance(source, str) else ", ".join(self.data.sources) or self.data.name

    @property
    def batch_size(self) -> int:
        """Examples in a whole batch."""
        return min(self.training.batch_size or len(self.split.train), len(self.split.train))

    @cached_property
    def n_parameters(self) -> int:
        """How many numbers are trained."""
        return self.network.layout(self.input_shape).n

    def inputs(self, part: str) -> np.ndarray:
        """The prepared inputs of a set, (m, …)."""
        return self.preparation.inputs(self.data, self.split.sets[part], dtype=self.training.precision)

    def examples(self, part: str) -> Examples | None:
        """A set as tensors on the device of training; None where it is empty."""
        indices = self.split.sets[part]
        if len(indices) == 0:
            return None
        if self.loss == "softmax_cross_entropy":
            targets = self.data.target[indices]  # class numbers, for two classes as well
        else:
            targets = self.preparation.targets(self.data, indices, dtype=self.training.precision)
        weights = self.data.weights if part == "train" else None
        weights = None if weights is None else weights[indices]
        return Examples.of(self.inputs(part), targets, self.training, weights)


def make_plan(experiment: Experiment, data: Dataset | None = None) -> Plan:
    """Read, split and prepare the data, and resolve the experiment.

    `data` takes the place of what ``[data]`` names. Whatever is wrong with data or experiment is said here, before
    anything is trained or written.
    """
    data = read_data(experiment) if data is None else _without_split_columns(data, experiment)
    made = split(data, SplitSettings(**_given(experiment.split)))
    if experiment.data.corrections is not None:  # after the split, so that each example stays in its set
        data = corrected_data(data, Corrections.from_csv(experiment.data.corrections, data.classes))
    preparation = Preparation.fit(data, made.train)
    input_shape = tuple(int(size) for size in preparation.inputs(data, made.train[:1]).shape[1:])
    resolved = resolve(experiment, data, made, input_shape)
    network = Network.from_config(resolved.network.layers or (), resolved.network.modules)
    loss = loss_of(network, data, input_shape)
    network.for_loss(loss)
    return Plan(
        resolved,
        data,
        made,
        preparation,
        network,
        loss,
        training_settings(resolved, len(made.train)),
        input_shape,
    )


def read_data(experiment: Experiment) -> Dataset:
    """The data set that ``[data]`` describes."""
    section = experiment.data
    if section.source is None:
        raise UsageError("data.source: missing; it names a file, or a data set that comes along such as digits.")
    return _without_split_columns(read_settings(DataSettings(**_given(section))), experiment)


def _without_split_columns(data: Dataset, experiment: Experiment) -> Dataset:
    """The data without what only says how to split: the network is not given groups or names of sets."""
    return set_aside(data, {"split.group": experiment.split.group, "split.column": experiment.split.column})


def training_settings(experiment: Experiment, m: int) -> Training:
    """The training loop's settings from a resolved experiment; m training examples."""
    section = experiment.training
    patience = section.early_stopping.patience if section.early_stopping else 0
    return Training(
        epochs=section.epochs or 1,
        batch_size=m if section.batch_size == "full" else section.batch_size,
        optimizer=optimizer_from_config(section.optimizer or "adam", section.learning_rate),
        schedule=schedule_from_config(section.schedule, section.epochs),
        l2=section.l2 or 0.0,
        l1=section.l1 or 0.0,
        clip_norm=section.clip_norm,
        early_stopping=EarlyStopping(**_given(section.early_stopping)) if patience else None,
        gradient_tolerance=section.gradient_tolerance,
        precision=section.precision,
        seed=section.seed,
        device=section.device,
        generator=experiment.network.generator,
    )


def _given(section: Any) -> dict[str, Any]:
    """The keys of a part that are set; its sub-tables are dictionaries, too."""
    return section.model_dump(exclude_none=True)


def corrected_plan(plan: Plan, reviews: Corrections) -> Plan:
    """The plan with the labels as they are after a run's reviews, in every set alike."""
    return replace(plan, data=corrected_data(plan.data, reviews))
