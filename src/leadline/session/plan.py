"""From an experiment to everything that training needs: data, split, preparation, network and settings."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from leadline.data import Dataset, DataSettings, Preparation, Split, SplitSettings, read_settings, set_aside, split
from leadline.data.augmentation import Augmentation, Augmenter
from leadline.data.mapped import release_pages
from leadline.data.splitting.dependence import dependent_groups
from leadline.data.streaming.opening import SourceFiles, heads_of
from leadline.data.streaming.table import StreamedTable
from leadline.equations.losses import LOSSES
from leadline.errors import UsageError
from leadline.experiment import Experiment
from leadline.network import Network, Parameters
from leadline.optimize import optimizer_from_config, schedule_from_config
from leadline.runs.goals import loop_goal, optimized_metric
from leadline.runs.trained import TrainedNetwork
from leadline.session import image_defaults, series_defaults, table_defaults
from leadline.session.augmented import augmentation_of, augmenter
from leadline.session.corrected import corrected_data
from leadline.session.defaults import loss_of, output_units, resolve
from leadline.session.guidelines import Guideline
from leadline.session.image_defaults import with_fitted_layers
from leadline.session.pretrained import adapted, normalized_alike, source_of
from leadline.session.streams import ArrayStream, TableStream, arrays_stream, open_table, open_tables
from leadline.session.text_defaults import with_text_encoding, with_vocabulary
from leadline.session.transfer import Transfer, describe_transfer, make_transfer
from leadline.strategy.corrections import Corrections
from leadline.training import EarlyStopping, Examples, FitResult, Goal, TrainingSettings
from leadline.training.stream import Stream

BLOCK_VALUES = 1 << 23
"""Prepared values that are made at once to predict a set."""


@dataclass(frozen=True, eq=False)
class Plan:
    """A resolved experiment with all that it says turned into values."""

    experiment: Experiment
    data: Dataset
    split: Split
    preparation: Preparation
    network: Network
    loss: str
    training: TrainingSettings
    input_shape: tuple[int, ...]
    transfer: Transfer | None = None
    remarks: tuple[str, ...] = ()
    guidelines: tuple[Guideline, ...] = ()
    table: StreamedTable | None = None

    @property
    def n_train(self) -> int:
        """Training examples; of a streamed table only a sample of them is in the split."""
        return len(self.split.train) if self.table is None else self.table.n

    @property
    def optimizing(self) -> str:
        """The name of the metric that is optimized."""
        return self.experiment.goal.optimizing or self.data.task.usual_metric

    def trained(self, fit: FitResult, loss: str | None = None) -> TrainedNetwork:
        """What a training by this plan gave, ready to predict; ``loss`` where a variant of the plan has another."""
        data = self.data
        return TrainedNetwork(
            fit.network, fit.parameters, self.preparation, loss or self.loss, data.task, data.classes, data.target_name
        )

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
        return min(self.training.batch_size or self.n_train, self.n_train)

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

    def groups(self, rows: np.ndarray) -> np.ndarray | None:
        """Which of these rows of the data go together, (m,): what is measured on them counts groups. None: none do."""
        return dependent_groups(self.data, SplitSettings(**_given(self.experiment.split)), rows)

    @cached_property
    def augmentation(self) -> Augmentation:
        """How training images are varied; its ``active`` is empty where they are not."""
        return augmentation_of(self.experiment)

    def augmenter(self) -> Augmenter | None:
        """What varies batches of training images; None without augmentation."""
        if not self.augmentation.active:
            return None
        return augmenter(self.augmentation, self.data, self.split.train, self.preparation, self.training)

    def blocks(self, part: str) -> Iterator[np.ndarray]:
        """The prepared inputs of a set in blocks (m, …) that take little memory."""
        rows = self.split.sets[part]
        step = max(BLOCK_VALUES // math.prod(self.input_shape), 1)
        for start in range(0, len(rows), step):
            yield self.preparation.inputs(self.data, rows[start : start + step], dtype=self.training.precision)
            release_pages(self.data.inputs)

    def targets(self, values: np.ndarray) -> np.ndarray:
        """What the loss takes of targets as in `Dataset.target`."""
        if LOSSES[self.loss].task == "multiclass":
            return values  # class numbers, for two classes as well
        return self.preparation.encode_targets(values, self.training.precision)

    def training_set(self) -> Examples | Stream:
        """The training examples, in memory or streamed."""
        if self.table is not None:
            return TableStream(self.table, self.training, self.targets)
        examples = self._streamed("train") if self._streams_arrays else self.examples("train")
        assert examples is not None  # a split without training examples is refused
        return examples

    def dev_set(self) -> Examples | Stream | None:
        """The dev examples, streamed where those of an array are; None where there are none."""
        return self._streamed("dev") if self._streams_arrays and len(self.split.dev) else self.examples("dev")

    @property
    def _streams_arrays(self) -> bool:
        return self.table is None and self.experiment.data.stream is True

    def _streamed(self, part: str) -> ArrayStream:
        weights, rows = (self.data.weights, True) if part == "train" else (None, False)
        rows_of = self.split.sets[part]
        return ArrayStream(
            self.data, rows_of, self.preparation, self.training, self.targets, rows, weights, self.goal_of(part)
        )

    def examples(self, part: str, inputs: np.ndarray | None = None) -> Examples | None:
        """A set as tensors on the device of training; None where it is empty. ``inputs`` replace the prepared ones."""
        indices = self.split.sets[part]
        if len(indices) == 0:
            return None
        targets = self.targets(self.data.target[indices])
        weights = self.data.weights if part == "train" else None
        weights = None if weights is None else weights[indices]
        inputs = self.inputs(part) if inputs is None else inputs
        return Examples.of(inputs, targets, self.training, weights, self.goal_of(part))

    def goal_of(self, part: str) -> Goal | None:
        """What the dev set is judged by in the training loop, besides its error."""
        if part != "dev":
            return None
        data = self.data
        optimizing = optimized_metric(self.experiment.goal, data.task, data.classes)
        return loop_goal(optimizing, self.loss, self.preparation)


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
    experiment.load_modules()
    source = None if preparation else source_of(experiment.network, Path(runs))
    experiment = adapted(experiment, source)
    table, files = _opened(experiment) if data is None else (None, ())
    if table is not None:
        data, made = table.data, table.split
    else:
        if data is None:
            experiment, data = _read(experiment, files)
        else:
            data = _as_asked(data, experiment)
        data = normalized_alike(data, source)
        data = with_text_encoding(experiment, data)
        made = split(data, SplitSettings(**_given(experiment.split)))
    names = data.classes if data.is_classification else None
    if experiment.data.corrections is not None:  # after the split, so that each example stays in its set
        data = corrected_data(data, Corrections.from_csv(experiment.data.corrections, names))
    experiment, remarks = with_fitted_layers(experiment, data)
    if preparation is None and table is not None:
        preparation = table.preparation
    if preparation is None and source is not None:
        preparation = source.preparation(data, made.train)
    if preparation is None:
        experiment, data, preparation, remark = _prepared(experiment, data, made)
        remarks += (remark,) if remark else ()
    experiment = with_vocabulary(experiment, preparation)
    input_shape = tuple(int(size) for size in preparation.inputs(data, made.train[:1]).shape[1:])
    transfer = None
    if source is not None:
        transfer = make_transfer(experiment.network, source, source.load(data), output_units(data), len(made.train))
    experiment = experiment.replace({"data.stream": table is not None or _streams(experiment, data, input_shape)})
    n_train = None if table is None else table.n
    resolved = resolve(experiment, data, made, input_shape, transfer, n_train)
    network = Network.from_section(resolved.network)
    loss = loss_of(network, data, input_shape, resolved.training.loss)
    network.for_loss(loss)
    return Plan(
        resolved,
        data,
        made,
        preparation,
        network,
        loss,
        training_settings(resolved, n_train or len(made.train), data.classes),
        input_shape,
        transfer,
        remarks if transfer is None else (*remarks, describe_transfer(transfer)),
        table=table,
    )


def _prepared(experiment: Experiment, data: Dataset, made: Split) -> tuple[Experiment, Dataset, Preparation, str]:
    """The preparation, fitted on the training set; all that goes with a table or images where no network is given.

    Also a line about what was chosen, or none.
    """
    if series_defaults.chooses(experiment, data):
        preparation = Preparation.fit(data, made.train)
        return series_defaults.with_series_defaults(experiment, data, preparation, made), data, preparation, ""
    if table_defaults.chooses(experiment, data):
        data = table_defaults.with_robust_numbers(data)
        preparation = Preparation.fit(data, made.train)
        return table_defaults.with_table_defaults(experiment, data, preparation, made), data, preparation, ""
    remark = ""
    if image_defaults.chooses(experiment, data) or image_defaults.trains_convolutions(experiment, data):
        experiment, remark = image_defaults.with_image_defaults(experiment, data, made)
    return experiment, data, Preparation.fit(data, made.train), remark


def _read(experiment: Experiment, files: SourceFiles) -> tuple[Experiment, Dataset]:
    """The data, and the experiment with the size that images are read in where one is chosen for them."""
    data = _in_memory(experiment, files)
    size = image_defaults.smaller_size(experiment, data)
    if size is None:
        return experiment, data
    experiment = experiment.replace({"data.size": size})
    return experiment, _in_memory(experiment, files)


def read_data(experiment: Experiment) -> Dataset:
    """The data set that ``[data]`` describes."""
    experiment.load_modules()
    table, files = _opened(experiment)
    return _in_memory(experiment, files) if table is None else table.data


def _opened(experiment: Experiment) -> tuple[StreamedTable | None, SourceFiles]:
    """The table that is to be streamed, if it is, and the files that were opened to see that."""
    settings = DataSettings(**_given(experiment.data))
    files = open_tables(settings)
    return open_table(experiment, settings, SplitSettings(**_given(experiment.split)), files), files


def _in_memory(experiment: Experiment, files: SourceFiles) -> Dataset:
    """The data set that ``[data]`` describes, some of whose files were opened already."""
    if experiment.data.source is None:
        raise UsageError("data.source: missing; it names a file, or a data set that comes along such as digits.")
    data = read_settings(DataSettings(**_given(experiment.data)), heads=heads_of(files))
    return _without_split_columns(data, experiment)


def _streams(experiment: Experiment, data: Dataset, input_shape: tuple[int, ...]) -> bool:
    """Whether examples of an array are prepared chunk by chunk."""
    section = experiment.data
    if experiment.network.from_ is not None and section.stream is not True:
        return False  # features of frozen layers are kept on disk in another way
    if data.row_numbers is not None:
        return section.stream is True
    streamed = arrays_stream(data, DataSettings(stream=section.stream), math.prod(input_shape))
    if streamed and experiment.network.from_ is not None:
        raise UsageError("network.from needs all examples in memory and does not go with data.stream; leave one out.")
    return streamed


def _as_asked(data: Dataset, experiment: Experiment) -> Dataset:
    """Data that were given, with what the experiment says of columns and normalization, as if it had read them."""
    normalization = experiment.data.normalization
    if normalization not in ("auto", data.settings.normalization):
        data = replace(data, settings=replace(data.settings, normalization=normalization))
    return _without_split_columns(data, experiment)


def _without_split_columns(data: Dataset, experiment: Experiment) -> Dataset:
    """The data without what only says how to split: the network is not given groups or names of sets."""
    return set_aside(data, {"split.group": experiment.split.group, "split.column": experiment.split.column})


def training_settings(experiment: Experiment, m: int, classes: tuple[str, ...] = ()) -> TrainingSettings:
    """The training loop's settings from a resolved experiment; m training examples of these classes."""
    section = experiment.training
    weights = section.class_weights
    patience = section.early_stopping.patience if section.early_stopping else 0
    return TrainingSettings(
        epochs=section.epochs or 1,
        batch_size=m if section.batch_size == "full" else section.batch_size,
        optimizer=optimizer_from_config(section.optimizer or "adam", section.learning_rate),
        schedule=schedule_from_config(section.schedule, section.epochs),
        l2=section.l2 or 0.0,
        l1=section.l1 or 0.0,
        clip_norm=section.clip_norm,
        label_smoothing=section.label_smoothing or 0.0,
        # These two end with the training where they do not say, however many epochs it has.
        label_smoothing_schedule=schedule_from_config(section.label_smoothing_schedule, section.epochs),
        dropout_schedule=schedule_from_config(section.dropout_schedule, section.epochs),
        class_weights=None if weights is None else tuple(weights.get(name, 1.0) for name in classes),
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
