"""From an experiment to everything that training needs: data, split, preparation, network and settings."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from leadline.data import Dataset, DataSettings, Preparation, Split, SplitSettings, read_settings, set_aside, split
from leadline.data.augmentation import Augmentation, Augmenter
from leadline.errors import UsageError
from leadline.experiment import Experiment
from leadline.network import Network, Parameters
from leadline.optimize import optimizer_from_config, schedule_from_config
from leadline.session.augmented import augmenter
from leadline.session.corrected import corrected_data
from leadline.session.defaults import loss_of, output_units, resolve
from leadline.session.guidelines import Guideline
from leadline.session.pretrained import adapted, normalized_alike, source_of
from leadline.session.transfer import Transfer, make_transfer, told_transfer
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
    transfer: Transfer | None = None
    remarks: tuple[str, ...] = ()
    guidelines: tuple[Guideline, ...] = ()

    @property
    def notices(self) -> list[str]:
        """What the user should know about the data, the split and what was taken over."""
        warnings = [each.text for each in self.guidelines if each.holds is False]
        return [*self.data.notices, *self.preparation.notices, *self.split.notices, *self.remarks, *warnings]

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
        """How many numbers the network has."""
        return self.network.layout(self.input_shape).n

    @property
    def n_trained(self) -> int:
        """How many of them are trained: those of frozen layers are not."""
        frozen = self.experiment.network.freeze
        first = frozen if isinstance(frozen, int) else 0
        slots = self.network.layout(self.input_shape).slots
        return sum(slot.stop - slot.start for slot in slots if slot.layer >= first)

    def whole(self, trained: Parameters) -> Parameters:
        """The whole network's parameters from those that were trained: with the frozen ones."""
        return trained if self.transfer is None else self.transfer.whole(trained, self.training)

    def inputs(self, part: str) -> np.ndarray:
        """The prepared inputs of a set, (m, …)."""
        return self.preparation.inputs(self.data, self.split.sets[part], dtype=self.training.precision)

    @cached_property
    def augmentation(self) -> Augmentation:
        """How training images are varied; its ``active`` is empty where they are not."""
        return Augmentation.from_config(_given(self.experiment.augment))

    def augmenter(self) -> Augmenter | None:
        """What varies batches of training images; None without augmentation."""
        if not self.augmentation.active:
            return None
        return augmenter(self.augmentation, self.data, self.split.train, self.preparation, self.training)

    def examples(self, part: str, inputs: np.ndarray | None = None) -> Examples | None:
        """A set as tensors on the device of training; None where it is empty. ``inputs`` replace the prepared ones."""
        indices = self.split.sets[part]
        if len(indices) == 0:
            return None
        if self.loss == "softmax_cross_entropy":
            targets = self.data.target[indices]  # class numbers, for two classes as well
        else:
            targets = self.preparation.targets(self.data, indices, dtype=self.training.precision)
        weights = self.data.weights if part == "train" else None
        weights = None if weights is None else weights[indices]
        inputs = self.inputs(part) if inputs is None else inputs
        return Examples.of(inputs, targets, self.training, weights)


def make_plan(
    experiment: Experiment,
    data: Dataset | None = None,
    *,
    runs: str | os.PathLike[str] = "runs",
    preparation: Preparation | None = None,
) -> Plan:
    """Read, split and prepare the data, and resolve the experiment.

    `data` takes the place of what ``[data]`` names; ``[network] from`` may name a run among `runs`. `preparation` is
    that of a finished run whose plan is made again: then nothing is fitted, and no source is asked for weights.
    Whatever is wrong with data or experiment is said here, before anything is trained or written.
    """
    source = None if preparation else source_of(experiment.network, Path(runs))
    experiment = adapted(experiment, source)
    data = read_data(experiment) if data is None else _without_split_columns(data, experiment)
    data = normalized_alike(data, source)
    made = split(data, SplitSettings(**_given(experiment.split)))
    if experiment.data.corrections is not None:  # after the split, so that each example stays in its set
        data = corrected_data(data, Corrections.from_csv(experiment.data.corrections, data.classes))
    if preparation is None:
        preparation = source.preparation(data, made.train) if source else Preparation.fit(data, made.train)
    input_shape = tuple(int(size) for size in preparation.inputs(data, made.train[:1]).shape[1:])
    transfer = None
    if source is not None:
        transfer = make_transfer(experiment.network, source, source.load(data), output_units(data), len(made.train))
    resolved = resolve(experiment, data, made, input_shape, transfer)
    network = Network.from_config(resolved.network.layers or (), resolved.network.modules)
    Augmentation.from_config(_given(resolved.augment)).check_images(data.image_shape, data.name)
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
        transfer,
        () if transfer is None else (told_transfer(transfer),),
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
