"""Training once more on train and dev, when all has been measured: the network for new rows.

An ensemble's members each leave out a fold of both sets (`leadline.training.fold_members`): what was left out chooses
the epoch, the calibration and the threshold. A single network trains to the epoch that was kept before, and answers as
the first one does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from leadline.experiment import Experiment
from leadline.measure import Estimate
from leadline.runs.checkpoint import save_checkpoint
from leadline.runs.decision import Decision
from leadline.runs.final import Final, write_final
from leadline.runs.folder import FINAL_CHECKPOINT, RunFolder
from leadline.runs.predictions import LEFT_OUT
from leadline.runs.trained import TrainedNetwork, as_outputs, state_tensors
from leadline.session.deciding import decide
from leadline.session.plan import Plan
from leadline.session.results import Predicted, measure_error, predict_set, predicted_rows, save_predictions
from leadline.strategy.folds import assign_folds
from leadline.training import Examples, FitResult, fit
from leadline.training.fold_members import fit_over_folds


def trains_once_more(experiment: Experiment, finished: FitResult) -> bool:
    """Whether a training that has ended so is followed by the final one."""
    ended = finished.stopped in ("epochs", "early stopping", "tolerance")
    return ended and experiment.training.final == "train+dev"


@dataclass(frozen=True, eq=False)
class FinalTraining:
    """A final network, what is known of it, and what its members say of what they left out; None without folds."""

    trained: TrainedNetwork
    final: Final
    left_out: Predicted | None = None


def train_final(plan: Plan, finished: FitResult, decision: Decision) -> FinalTraining:
    """Train by the plan on its train and dev set; ``finished`` and ``decision`` are those of the first training."""
    rows = np.concatenate([plan.split.train, plan.split.dev])
    examples = _examples(plan, rows)
    folds = _folds(plan, rows, plan.network.members)
    if folds is not None:
        return _over_folds(plan, rows, examples, folds)
    kept = finished.kept_epoch or plan.training.epochs
    settings = replace(plan.training, early_stopping=None)
    done = fit(
        plan.network,
        plan.loss,
        examples,
        None,
        settings,
        on_epoch=lambda record, _: record.epoch >= kept,
        augment=plan.augmenter(),
    )
    if done.divergence is not None:
        raise done.divergence
    return FinalTraining(replace(plan.trained(done), decision=decision), Final(len(rows), kept, decision=decision))


def save_final(folder: RunFolder, plan: Plan, done: FinalTraining) -> None:
    """Write the network and what is known of it into the run's folder."""
    save_checkpoint(folder / FINAL_CHECKPOINT, state_tensors(done.trained.parameters), _state(plan, done.final))
    if done.left_out is not None:
        save_predictions(folder, plan, LEFT_OUT, done.left_out)
    write_final(folder, done.final)


def final_test_error(plan: Plan, trained: TrainedNetwork) -> Estimate:
    """The error of a final network on the test set."""
    return measure_error(plan.data.task, plan.optimizing, predict_set(trained, plan, "test"))


def _state(plan: Plan, final: Final) -> Mapping[str, object]:
    """What is kept with the parameters, as of the run's own network."""
    return {
        "epoch": final.epoch,
        "stopped": "epochs",
        "task": plan.data.task,
        "loss": plan.loss,
        "input_shape": list(plan.input_shape),
        "layers": plan.network.config(),
    }


def _examples(plan: Plan, rows: np.ndarray) -> Examples:
    data, training = plan.data, plan.training
    weights = None if data.weights is None else data.weights[rows]
    inputs = plan.preparation.inputs(data, rows, dtype=training.precision)
    return Examples.of(inputs, plan.targets(data.target[rows]), training, weights, plan.goal_of("dev"))


def _over_folds(plan: Plan, rows: np.ndarray, examples: Examples, folds: np.ndarray) -> FinalTraining:
    done = fit_over_folds(plan.network, plan.loss, examples, folds, plan.training)
    outputs = as_outputs(done.outputs, plan.loss, plan.preparation)
    predicted = predicted_rows(plan, rows, outputs, plan.data.segments(rows))
    data = plan.data
    decision = decide(plan.experiment, data.task, data.classes, predicted.labels, outputs, predicted.groups)
    predicted = predicted.decided(decision, data.task)
    error = measure_error(data.task, plan.optimizing, predicted)
    final = Final(len(rows), done.epoch, plan.network.members, error, None, decision)
    trained = TrainedNetwork(
        done.network, done.parameters, plan.preparation, plan.loss, data.task, data.classes, data.target_name, decision
    )
    return FinalTraining(trained, final, predicted)


def _folds(plan: Plan, rows: np.ndarray, k: int) -> np.ndarray | None:
    """The fold of each row, (m,): classes are dealt out evenly, groups are never torn apart.

    None for a single network, and where there are fewer groups than folds.
    """
    labels = plan.data.target[rows] if plan.data.task.one_class else np.zeros(len(rows))
    groups = plan.groups(rows)
    if k < 2 or len(rows) < 2 * k:
        return None
    if groups is None:
        return assign_folds(labels, k, plan.training.seed)
    _, first, codes = np.unique(groups, return_index=True, return_inverse=True)
    return None if len(first) < k else assign_folds(labels[first], k, plan.training.seed)[codes.reshape(-1)]
