"""One training from beginning to end: data → split → network → training → predictions → diagnosis → report."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

from leadline.data import Dataset, read
from leadline.data.augmentation import Augmentation
from leadline.equations.losses import Loss
from leadline.errors import UsageError, nearest
from leadline.experiment import Experiment, TrainingSection
from leadline.extensions import modules_of
from leadline.network import Layer, Network
from leadline.optimize import LiveRate, Optimizer, Schedule
from leadline.runs.run import Run
from leadline.runs.store import RunStore
from leadline.session.evaluation import check_evaluation
from leadline.session.guidelines import check_guidelines
from leadline.session.memory import check_memory
from leadline.session.plan import Plan, make_plan
from leadline.session.recorder import Recorder, TrainingListener
from leadline.session.transfer_fit import fit_transferred
from leadline.training import DivergenceError, FitResult, fit
from leadline.training.threads import limited_threads, threads_for


def train(
    network: Network | None = None,
    data: Dataset | Any = None,
    *,
    target: str | None = None,
    optimizer: Optimizer | str | None = None,
    schedule: Schedule | str | None = None,
    augmentation: Augmentation | Mapping[str, Any] | None = None,
    human_error: float | None = None,
    stream: bool = False,
    split: Mapping[str, Any] | None = None,
    experiment: Experiment | None = None,
    name: str | None = None,
    runs: str | os.PathLike[str] = "runs",
    quick: bool = False,
    seeds: int | None = None,
    folds: int | None = None,
    repeats: int | None = None,
    **settings: Any,
) -> Run:
    """Train a network and diagnose it; everything that is not given is chosen by task and amount of data.

    Args:
        network: the layers, the output layer included; None for two hidden layers.
        data: what `leadline.read` gives, or what it takes: a path, "digits", a table, or arrays (X, y).
        target: the column to predict, where `data` is a path or a table.
        optimizer: such as ``Adam(1e-3)``, or its name.
        schedule: of the learning rate, such as ``Cosine()``, or its name.
        augmentation: how training images are varied, such as ``Augmentation(crop=4, flip="horizontal")``.
        human_error: a fraction, or in the target's units; the ladder begins there.
        stream: whether `data`, a path, is read from disk in every epoch, for what does not fit in memory.
        split: keys of ``[split]``: train, dev, test, stratify, seed.
        experiment: where the other choices come from; what is given here overrules it.
        name: of the run; by default the data's name with the time.
        runs: the folder of the runs.
        quick: leave out the probes that measure beside the training where its error comes from.
        seeds: trainings in all, with the seed and those after it: the run of the first is kept, and beside its error
            stands their mean, whose interval holds examples and seeds.
        folds: of a cross-validation of the training and dev sets, by class and by ``split.group``, beside the run.
        repeats: how often the folds are dealt.
        **settings: keys of ``[training]``: epochs, batch_size, learning_rate, loss, l2, early_stopping, seed, …

    Raises:
        UsageError: an unknown setting or a wrong value.
        DivergenceError: training left the finite numbers; the run is kept where an epoch was finished.

    """
    experiment = experiment or Experiment()
    if stream:
        if not isinstance(data, str | os.PathLike):
            raise UsageError("train: stream = True reads from a path; give the path of a Parquet or Arrow file.")
        experiment = experiment.replace({"data.source": os.fspath(data), "data.target": target, "data.stream": True})
        data = None
    if data is not None and not isinstance(data, Dataset):
        data = read(*data) if isinstance(data, tuple) else read(data, target)
    if data is None and experiment.data.source is None:
        raise UsageError('train needs data: what leadline.read gives, a path, or a bundled name such as "digits".')
    changes = _changes(network, optimizer, schedule, settings, experiment.extensions.modules)
    changes |= {f"split.{key}": value for key, value in (split or {}).items()}
    if augmentation is not None:
        given = augmentation.to_config() if isinstance(augmentation, Augmentation) else dict(augmentation)
        changes["augment"] = given
    if human_error is not None:
        changes["goal.human_error"] = human_error
    evaluation = {"seeds": seeds, "folds": folds, "repeats": repeats}
    changes |= {f"evaluation.{key}": value for key, value in evaluation.items() if value is not None}
    if data is not None:
        experiment = experiment.replace({"data": _described(data)})
    return run_experiment(experiment.replace(changes), data, name=name, runs=runs, quick=quick)


def transfer(
    source: Run | str | os.PathLike[str],
    data: Dataset | Any = None,
    *,
    freeze: int | str = "auto",
    head: Network | Sequence[Layer] | None = None,
    architecture: str | None = None,
    checksum: str | None = None,
    experiment: Experiment | None = None,
    runs: str | os.PathLike[str] = "runs",
    **options: Any,
) -> Run:
    """Train on `data` what a trained network has learnt already: its layers with a new output layer.

    Args:
        source: a run, its name, or a file or https address of published weights of the `architecture`.
        data: as for `train`; inputs of the same kind and shape as the source's, which are prepared as it prepares them.
        freeze: how many of the first layers stay as they are; "all", "none", or "auto" by the amount of data.
        head: the new layers, the output layer included; None for one dense layer.
        architecture: of published weights, such as "resnet18".
        checksum: the beginning of the SHA-256 of the weights.
        experiment: where the other choices come from.
        runs: the folder of the runs.
        **options: what else `train` takes.

    Raises:
        UsageError: an unknown setting or a wrong value.
        LeadlineError: there is no such source, or the data are not what it takes.

    """
    changes: dict[str, Any] = {
        "network.from": str(source.folder.path) if isinstance(source, Run) else os.fspath(source),
        "network.freeze": freeze,
        "network.head": None if head is None else Network(head).config(),
        "network.architecture": architecture,
        "network.checksum": checksum,
    }
    experiment = (experiment or Experiment()).replace(changes)
    return train(None, data, experiment=experiment, runs=runs, **options)


def _changes(
    network: Network | None,
    optimizer: Optimizer | str | None,
    schedule: Schedule | str | None,
    settings: Mapping[str, Any],
    modules: Sequence[str],
) -> dict[str, Any]:
    """Python values as keys of an experiment; where their classes are the user's own, it names the modules of these."""
    allowed = [key for key in TrainingSection.model_fields if key not in ("optimizer", "schedule")]
    for key in settings:
        if key not in allowed:
            raise UsageError(f"train: unknown setting '{key}'.{nearest(key, [*allowed, 'optimizer', 'schedule'])}")
    changes = {f"training.{key}": value for key, value in settings.items()}
    own = modules_of((*(network or ()), optimizer, schedule, settings.get("loss")))
    if own:
        changes["extensions.modules"] = list(dict.fromkeys((*modules, *own)))
    if isinstance(loss := settings.get("loss"), Loss):
        changes["training.loss"] = loss.name
    if isinstance(optimizer, Optimizer):
        changes["training.learning_rate"] = settings.get("learning_rate", optimizer.learning_rate)
        optimizer_table: Any = optimizer.to_config()
    else:
        optimizer_table = optimizer
    if optimizer_table is not None:
        changes["training.optimizer"] = optimizer_table
    if schedule is not None:
        changes["training.schedule"] = schedule if isinstance(schedule, str) else schedule.to_config()
    if network is not None:
        changes["network.layers"] = network.member.config()
        changes["network.members"] = network.members
    return changes


DESCRIBED_APART = ("source", "extra", "task", "stream", "dev", "test")
"""Keys of ``[data]`` that data in memory describe in another form, or not at all; all others stand as they are."""


def _described(data: Dataset) -> dict[str, Any]:
    """``[data]`` for a data set that is there already: where it came from, if that was a file."""
    settings = data.settings
    plain = [field.name for field in fields(settings) if field.name not in DESCRIBED_APART]
    section: dict[str, Any] = {key: getattr(settings, key) for key in plain if getattr(settings, key) is not None}
    section |= settings.described_sources()
    for part in ("dev", "test"):
        given = getattr(settings, part)
        if given is not None and isinstance(given.source, str):
            section[part] = {key: value for key, value in vars(given).items() if value is not None}
    return section


def run_experiment(
    experiment: Experiment,
    data: Dataset | None = None,
    *,
    name: str | None = None,
    runs: str | os.PathLike[str] = "runs",
    listener: TrainingListener | None = None,
    quick: bool = False,
) -> Run:
    """Train by an experiment and return the run; the command line and `train` both end here.

    `quick` leaves out the probes that measure beside the training where its error comes from.

    Nothing is written before the first epoch has been finished. After that the run is kept: an interruption ends
    training, and what was reached is measured and reported.
    """
    plan = make_plan(experiment, data, runs=runs)
    check_evaluation(plan)
    check_memory(plan)
    if plan.transfer is not None:
        plan = replace(plan, guidelines=check_guidelines(plan, plan.transfer))
    store = RunStore(runs)
    recorder = Recorder(plan, store, store.begin(plan.data.name, name), listener, quick)
    return recorded(recorder, recorder.describe)


def recorded(recorder: Recorder, begin: Callable[[], None]) -> Run:
    """Train by a recorder's plan and return the run; ``begin`` writes what is known before."""
    plan = recorder.plan
    try:
        with limited_threads(threads_for(plan.network, plan.input_shape, plan.batch_size)):
            begin()
            if recorder.listener is not None:
                recorder.listener.planned(plan)
            with recorder.interruption.listening():
                finished = _fit(plan, recorder)
            if not finished.history:
                raise finished.divergence or KeyboardInterrupt(recorder.how_to_go_on())
            run = recorder.finish(finished)
    except BaseException as error:
        recorder.fail(error)
        raise
    if finished.divergence is not None:
        raise DivergenceError(f"{finished.divergence}\nThe run {run.name} keeps what was reached before.")
    return run


def _fit(plan: Plan, recorder: Recorder) -> FitResult:
    settings = replace(plan.training, schedule=LiveRate(plan.training.schedule, recorder.rate_by_hand))
    on_progress = recorder.listener.step if recorder.listener else None
    if plan.transfer is not None:
        return fit_transferred(plan, plan.transfer, settings, recorder.epoch, on_progress, recorder.keeper)
    return fit(
        plan.network,
        plan.loss,
        plan.training_set(),
        plan.dev_set(),
        settings,
        on_epoch=recorder.epoch,
        on_progress=on_progress,
        augment=plan.augmenter(),
        keeper=recorder.keeper,
    )
