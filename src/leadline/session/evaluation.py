"""``[evaluation]``: trainings beside the run that is kept, with other seeds and on folds, for the sake of its error.

The run itself is what it would be without them. The other seeds train on the same split, as one population where the
network allows it; folds train one after another, each with a preparation and a dev set of its own.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from leadline.data import Preparation, Split, SplitSettings
from leadline.data.splitting.folds import cross_validation_splits
from leadline.errors import LeadlineWarning, UsageError
from leadline.measure import Estimate, as_error
from leadline.measure.repeated import over_folds, over_seeds
from leadline.runs.folder import RunFolder
from leadline.runs.goals import optimized_metric
from leadline.runs.repeated import Evaluation, FoldsRecord, SeedsRecord, fold_part, seed_part
from leadline.session.plan import Plan
from leadline.session.results import Predicted, measure_error, predict_sets, predicted_rows, save_predictions
from leadline.training import FitResult, fit
from leadline.training.population import Member, Population, trains_in_population
from leadline.training.threads import limited_threads, threads_for

PARAMETERS_AT_ONCE = 2_000_000
"""A population of seeds has no more parameters than this in all."""
RUNG_OF_SET = {"train": "train", "train_dev": "train-dev", "dev": "dev"}

OnStage = Callable[[str], object]


def check_evaluation(plan: Plan) -> None:
    """`UsageError` where the experiment asks for seeds or folds that its data or network do not allow."""
    asked = plan.experiment.evaluation
    if asked.seeds is None and asked.folds is None:
        return
    key = "evaluation.seeds" if asked.seeds is not None else "evaluation.folds"
    if plan.transfer is not None:
        raise UsageError(f"{key}: these train from their start, and network.from goes on from other parameters.")
    if asked.folds is None:
        return
    section = plan.experiment.split
    reasons = {
        "split.time puts the dev set after the training set": section.time is not None,
        "split.column says which rows are the dev set": section.column is not None,
        "the data have sets or sources of their own": plan.data.sets is not None,
        "a table that is streamed is not dealt again": plan.table is not None,
        "the data are streamed": plan.experiment.data.stream is True,
    }
    for reason, holds in reasons.items():
        if holds:
            raise UsageError(f"evaluation.folds: folds mix the rows of train and dev, but {reason}; leave folds out.")
    for repeat in range(asked.repeats or 1):
        _splits(plan, asked.folds, repeat)


def evaluate_run(plan: Plan, folder: RunFolder, predicted: Mapping[str, Predicted], on_stage: OnStage) -> Evaluation:
    """Train what ``[evaluation]`` asks for; ``predicted`` are the run's own predictions by set.

    Predictions are written into the run's folder. An interruption keeps the seeds that were finished.
    """
    asked = plan.experiment.evaluation
    seeds = None if asked.seeds is None else _Seeds(plan, predicted)
    folds = None
    try:
        if seeds is not None and asked.seeds is not None:
            seeds.train(asked.seeds, folder, on_stage)
        if asked.folds is not None:
            folds = _folds(plan, folder, asked.folds, asked.repeats or 1, on_stage)
    except KeyboardInterrupt:
        _warn("Interrupted: the run is whole; of the trainings beside it those that had ended are kept.")
    return Evaluation(None if seeds is None else seeds.record(), folds)


class _Seeds:
    """The trainings with several seeds, as they come to their end; the first is the run's own."""

    def __init__(self, plan: Plan, predicted: Mapping[str, Predicted]) -> None:
        self.plan = plan
        self.predicted = {part: [predicted[part]] for part in RUNG_OF_SET if part in predicted}
        self.seeds, self.diverged = [plan.training.seed], list[int]()

    def train(self, count: int, folder: RunFolder, on_stage: OnStage) -> None:
        """Train the seeds after the first; what they predict on the dev set is kept in the folder."""
        first = self.seeds[0]
        for seed, fitted in _fits(self.plan, [first + i for i in range(1, count)], on_stage):
            own = None if fitted.divergence else _predictions(self.plan, fitted, list(self.predicted))
            if own is None:
                self.diverged.append(seed)
                continue
            if "dev" in own:
                save_predictions(folder, self.plan, seed_part(seed), own["dev"])
            self.seeds.append(seed)
            for part, each in own.items():
                self.predicted[part].append(each)

    def record(self) -> SeedsRecord | None:
        """Errors and their means; None where no seed beside the run's came to its end."""
        if self.diverged:
            named = ", ".join(map(str, self.diverged))
            _warn(f"Trainings with these seeds diverged and are left out of the mean: {named}.")
        if len(self.seeds) < 2:
            return None
        by_rung = {RUNG_OF_SET[part]: each for part, each in self.predicted.items()}
        errors = {rung: [_error(self.plan, each).value for each in known] for rung, known in by_rung.items()}
        means = {rung: _mean(self.plan, known) for rung, known in by_rung.items()}
        return SeedsRecord(tuple(self.seeds), errors, means, tuple(self.diverged))


def _fits(plan: Plan, seeds: Sequence[int], on_stage: OnStage) -> Iterator[tuple[int, FitResult]]:
    """The trainings with these seeds: a population where the network is one of dense layers, else one by one."""
    together = trains_in_population(plan.network) and not plan.augmentation.active and plan.table is None
    together = together and plan.experiment.data.stream is not True
    at_once = max(1, PARAMETERS_AT_ONCE // max(1, plan.n_parameters)) if together else 1
    for start in range(0, len(seeds), at_once):
        chosen = seeds[start : start + at_once]
        on_stage(f"Training seed {', '.join(map(str, chosen))}")
        if len(chosen) == 1:
            yield chosen[0], _fit(replace(plan, training=replace(plan.training, seed=chosen[0])))
            continue
        train, dev = plan.examples("train"), plan.examples("dev")
        assert train is not None  # a split without training examples is refused
        population = Population(plan.network, [Member(seed=seed) for seed in chosen])
        fits = population.fit(plan.loss, train, dev, plan.training)
        if any(each.stopped == "interrupted" for each in fits):
            raise KeyboardInterrupt
        yield from zip(chosen, fits, strict=True)


def _fit(plan: Plan) -> FitResult:
    """Train alone by a plan, as a run does."""
    with limited_threads(threads_for(plan.network, plan.input_shape, plan.batch_size)):
        fitted = fit(
            plan.network, plan.loss, plan.training_set(), plan.dev_set(), plan.training, augment=plan.augmenter()
        )
    if fitted.stopped == "interrupted":
        raise KeyboardInterrupt
    return fitted


def _predictions(plan: Plan, fitted: FitResult, sets: Sequence[str]) -> dict[str, Predicted] | None:
    """By set; None where the network does not compute numbers."""
    predicted, _ = predict_sets(plan.trained(fitted), plan, sets)
    return predicted if all(np.isfinite(each.outputs).all() for each in predicted.values()) else None


def _folds(plan: Plan, folder: RunFolder, count: int, repeats: int, on_stage: OnStage) -> FoldsRecord | None:
    answers: list[Predicted] = []
    errors: list[float] = []
    n_train = 0.0
    for repeat in range(repeats):
        rows, splits = _splits(plan, count, repeat)
        held: list[Predicted] = []
        for number, made in enumerate(splits, 1):
            on_stage(
                f"Training fold {number} of {count}" + (f", dealing {repeat + 1} of {repeats}" if repeats > 1 else "")
            )
            own = replace(plan, split=made, preparation=Preparation.fit(plan.data, made.train))
            own = replace(own, input_shape=_input_shape(own))
            fitted = _fit(own)
            sets = [part for part in ("dev", "test") if len(made.sets[part])]
            predicted = None if fitted.divergence else _predictions(own, fitted, sets)
            if predicted is None:
                _warn(f"The training of fold {number} diverged: there is no error of a cross-validation.")
                return None
            held_out = predicted["test"]
            held.append(held_out)
            errors.append(_error(plan, replace(held_out, groups=None)).value)
            n_train += (len(made.train) + len(made.dev)) / (count * repeats)
        answers.append(_joined(plan, rows, held))
        save_predictions(folder, plan, fold_part(repeat), answers[-1])
    return FoldsRecord(count, repeats, errors, _mean(plan, answers, folds=True), round(n_train))


def _joined(plan: Plan, rows: np.ndarray, held_out: Sequence[Predicted]) -> Predicted:
    """The predictions of all folds in the order of the rows (m,)."""
    order = np.argsort(np.concatenate([each.rows for each in held_out]))
    outputs = np.concatenate([each.outputs for each in held_out])[order]
    answers = [each.answers for each in held_out if each.answers is not None]
    joined = predicted_rows(plan, rows, outputs, plan.data.segments(rows))
    return joined if len(answers) < len(held_out) else replace(joined, answers=np.concatenate(answers)[order])


def _splits(plan: Plan, count: int, repeat: int) -> tuple[np.ndarray, list[Split]]:
    settings = SplitSettings(**plan.experiment.split.model_dump(exclude_none=True))
    seed = settings.seed + repeat * (count + 1)
    return cross_validation_splits(plan.data, plan.split, settings, count, seed)


def _input_shape(plan: Plan) -> tuple[int, ...]:
    shape = plan.preparation.inputs(plan.data, plan.split.train[:1]).shape[1:]
    return tuple(int(size) for size in shape)


def _error(plan: Plan, predicted: Predicted) -> Estimate:
    return measure_error(plan.data.task, plan.optimizing, predicted)


def _mean(plan: Plan, predicted: Sequence[Predicted], folds: bool = False) -> Estimate:
    """The mean error over trainings of the same rows."""
    chosen, first = optimized_metric(plan.experiment.goal, plan.data.task, plan.data.classes), predicted[0]
    answers = [each.needed(plan.data.task, chosen) for each in predicted]
    mean = over_folds if folds else over_seeds
    return as_error(chosen, mean(chosen, first.labels, answers, groups=first.groups))


def _warn(text: str) -> None:
    warnings.warn(text, LeadlineWarning, stacklevel=4)
