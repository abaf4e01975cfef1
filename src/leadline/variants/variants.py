"""Variants of one experiment: other settings, seeds, networks or training examples on data that are prepared once."""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch

from leadline.data import Dataset, Preparation
from leadline.data.augmentation import Augmentation, Augmenter
from leadline.errors import LeadlineError, UsageError
from leadline.experiment import Experiment
from leadline.network import Network
from leadline.session import image_defaults
from leadline.session.augmented import augmentation_of
from leadline.session.defaults import loss_of, resolve
from leadline.session.plan import Plan, make_plan, training_settings
from leadline.session.table_defaults import chooses, with_table_defaults
from leadline.training import Examples, Stream, TrainingSettings
from leadline.training.population import ResolvedMember, kind
from leadline.variants.architecture import SHAPE_KEYS, reshaped


@dataclass(frozen=True, eq=False)
class Prepared:
    """The sets of one preparation, as tensors on the device of training; shared by all variants that do not change it.

    ``stream`` is the training set where it is not in memory; ``train`` then holds a sample of it. ``error_scale`` takes
    a regression's error from standard deviations of the target to its unit; 1 otherwise.
    """

    plan: Plan
    train: Examples
    dev: Examples | None
    error_scale: float
    stream: Stream | None = None


@dataclass(frozen=True, eq=False)
class Variant:
    """One training: a resolved experiment, the network and settings that it means, and the data.

    ``experiment`` repeats the training when its ``subset`` is None. ``train`` takes the place of the prepared training
    set (a stream, augmented examples); ``name`` is for the caller's own use.
    """

    experiment: Experiment
    resolved: ResolvedMember
    loss: str
    prepared: Prepared
    train: Examples | Stream | None = None
    name: str = ""

    @cached_property
    def kind(self) -> Hashable | None:
        """Equal for variants that can train as one population; None for one that trains alone."""
        if self.train is not None:
            return None
        if self.augmentation.active:
            return None
        own = kind(self.resolved)
        return None if own is None else (own, self.loss, id(self.prepared))

    @property
    def augmentation(self) -> Augmentation:
        """How training images are varied; its ``active`` is empty where they are not."""
        return augmentation_of(self.experiment)

    def augmenter(self) -> Augmenter | None:
        """What varies batches of training images; None without augmentation."""
        plan = self.prepared.plan
        return replace(plan, experiment=self.experiment, training=self.resolved.settings).augmenter()

    @cached_property
    def n_parameters(self) -> int:
        """How many numbers are trained."""
        return self.resolved.network.layout(self.prepared.plan.input_shape).n

    @property
    def batch_size(self) -> int:
        """Examples in a whole batch."""
        m = self.prepared.plan.n_train if self.resolved.subset is None else len(self.resolved.subset)
        return min(m, self.resolved.settings.batch_size or m)


class PreparedExperiment:
    """An experiment whose data are read, split and prepared once, ready for any number of its variants.

    `LeadlineError` and `UsageError` as `leadline.session.plan.make_plan` raises them.
    """

    def __init__(self, experiment: Experiment, data: Dataset | None = None) -> None:
        plan = make_plan(experiment, data)
        if plan.transfer is not None:
            raise LeadlineError(
                "Variants of an experiment train from their start, and network.from goes on from other parameters; "
                "leave it out."
            )
        self.experiment, self.plan = _without_open_choices(experiment, plan), plan
        self._prepared: dict[str, Prepared] = {}

    def variant(
        self,
        changes: Mapping[str, Any] | None = None,
        *,
        subset: Sequence[int] | np.ndarray | None = None,
        train: Examples | Stream | None = None,
        name: str = "",
    ) -> Variant:
        """The experiment with some keys changed: ``{"training.learning_rate": 0.01, "training.seed": 3}``.

        Beside the keys of an experiment there are those of `leadline.variants.architecture.SHAPE_KEYS`. What was not
        given is chosen by the data as for a training alone. A change of ``data`` or ``split`` prepares the data anew,
        once for all variants with it. ``subset`` holds positions 0, 1, … in the training set; ``train`` is another
        training set. `UsageError` names a key that is unknown or a value that cannot be, and refuses a subset of a
        training set that is streamed.
        """
        changes = dict(changes or {})
        shape = {key: changes.pop(key) for key in SHAPE_KEYS if key in changes}
        experiment = self.experiment.replace(_indexed(self.experiment, changes))
        prepared = self._prepare(experiment)
        resolved = self._resolve(experiment, prepared.plan)
        if shape:
            layers = reshaped(resolved.network.layers or (), shape)
            resolved = self._resolve(resolved.replace({"network.layers": layers}), prepared.plan)
        plan = prepared.plan
        network = Network.from_section(resolved.network)
        settings = training_settings(resolved, plan.n_train, plan.data.classes)
        positions = None if subset is None else torch.as_tensor(np.asarray(subset, dtype=np.int64))
        loss = loss_of(network, plan.data, plan.input_shape, resolved.training.loss)
        train = prepared.stream if train is None else train
        if positions is not None and prepared.stream is not None:
            raise UsageError("data.stream: a subset needs the training set in memory; set data.stream = false.")
        member = ResolvedMember(network, settings, positions)
        return Variant(resolved, member, loss, self._in_form(prepared, loss, settings), train, name)

    @staticmethod
    def _resolve(experiment: Experiment, plan: Plan) -> Experiment:
        n_train = None if plan.table is None else plan.n_train
        return resolve(experiment, plan.data, plan.split, plan.input_shape, None, n_train)

    def _prepare(self, experiment: Experiment) -> Prepared:
        """The data as this experiment wants them."""
        own = experiment.data == self.experiment.data and experiment.split == self.experiment.split
        key = "" if own else json.dumps([experiment.data.model_dump(), experiment.split.model_dump()], default=str)
        if key not in self._prepared:
            self._prepared[key] = _prepared(self.plan if own else self._another_plan(experiment))
        return self._prepared[key]

    def _another_plan(self, experiment: Experiment) -> Plan:
        """A plan with other keys of data or split; the file is read again only where it has to be."""
        normalization = experiment.data.normalization
        same = experiment.replace({"data.normalization": self.experiment.data.normalization})
        if same.data != self.experiment.data or self.plan.table is not None:
            return make_plan(experiment)
        data = replace(self.plan.data, settings=replace(self.plan.data.settings, normalization=normalization))
        if same.split != self.experiment.split:
            return make_plan(experiment, data)
        return replace(self.plan, data=data, preparation=Preparation.fit(data, self.plan.split.train))

    def _in_form(self, prepared: Prepared, loss: str, settings: TrainingSettings) -> Prepared:
        """The same data where another precision, device or form of the target is asked for."""
        own = prepared.plan.training
        if (loss, settings.precision, settings.device) == (prepared.plan.loss, own.precision, own.device):
            return prepared
        key = f"{id(prepared)} {loss} {settings.precision} {settings.device}"
        if key not in self._prepared:
            self._prepared[key] = _prepared(replace(prepared.plan, loss=loss, training=settings))
        return self._prepared[key]


def _prepared(plan: Plan) -> Prepared:
    train = plan.training_set()
    stream = train if isinstance(train, Stream) else None
    in_memory = train.sample if isinstance(train, Stream) else train
    return Prepared(plan, in_memory, plan.examples("dev"), plan.preparation.error_scale, stream)


def _without_open_choices(experiment: Experiment, plan: Plan) -> Experiment:
    """The experiment with those choices filled in that would otherwise change with the value of another key."""
    resolved = plan.experiment
    section, changes = experiment.training, dict[str, Any]({"data.stream": resolved.data.stream})
    if plan.table is None and chooses(experiment, plan.data):
        return with_table_defaults(experiment.replace(changes), plan.data, plan.preparation, plan.split)
    if image_defaults.chooses(experiment, plan.data):
        return image_defaults.with_image_defaults(experiment.replace(changes), plan.data, plan.split)[0]
    if section.optimizer is None or set(section.optimizer) == {"type"}:
        changes["training.optimizer"] = resolved.training.optimizer
    if section.schedule is None:  # a rate that is given would otherwise be a constant one
        schedule = dict(resolved.training.schedule or {"type": "constant"})
        if schedule["type"] == "cosine" and schedule.get("epochs") == resolved.training.epochs:
            del schedule["epochs"]
        changes["training.schedule"] = schedule
    return experiment.replace(changes)


def _indexed(experiment: Experiment, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Changes as `Experiment.replace` takes them: ``network.layers.0.units`` becomes the whole list of layers."""
    whole: dict[str, Any] = {}
    for key, value in changes.items():
        parts = key.split(".")
        layers = whole.get("network.layers", experiment.network.layers)
        if parts[:2] == ["network", "layers"] and len(parts) == 4 and parts[2].isdigit() and layers:
            tables = [dict(layer) for layer in layers]
            if int(parts[2]) < len(tables):
                tables[int(parts[2])][parts[3]] = value
                whole["network.layers"] = tables
                continue
        whole[key] = value
    return whole
