"""One network for several tasks, compared with a network for each (course 3, learning from multiple tasks).

Learning jointly helps where the tasks share what the first layers find out, and where the network is large enough for
all of them. Whether it does is measured: the same hidden layers with one output each, trained on the same split with
the same settings, answer the same dev examples.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from leadline.data import Dataset
from leadline.errors import LeadlineError, UsageError
from leadline.experiment import Experiment
from leadline.files import plain
from leadline.measure import Estimate, bootstrap, break_down, metric
from leadline.network import Network, Parameters, edits
from leadline.runs.run import Run
from leadline.runs.trained import as_outputs
from leadline.session.plan import Plan, make_plan
from leadline.session.recorder import TrainingListener
from leadline.session.results import MULTITASK, write_run_report
from leadline.session.training import run_experiment
from leadline.strategy import compare
from leadline.training import Examples, FitResult, fit, outputs
from leadline.training.population import Member, Population, ResolvedMember, kind
from leadline.training.threads import limited_threads, threads_for


@dataclass(frozen=True)
class TaskComparison:
    """One task, learnt jointly and alone, on the same dev examples.

    ``difference`` is the error of the network of its own minus that of the joint one, or of the RMSE: above 0 the joint
    one is better. ``better`` is "joint", "separate", or None where the data cannot tell; ``needed`` is about how many
    dev examples would. ``n_train`` training examples have the label. ``joint`` and ``separate`` are metrics by name:
    error, precision, recall and F1 of a label over the examples that have it; RMSE, MAE and R² of a number.
    """

    task: str
    n_train: int
    joint: Mapping[str, Estimate]
    separate: Mapping[str, Estimate]
    difference: Estimate
    better: str | None
    needed: int | None

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "task": self.task,
            "n_train": self.n_train,
            "joint": {name: measured.to_json() for name, measured in self.joint.items()},
            "separate": {name: measured.to_json() for name, measured in self.separate.items()},
            "difference": self.difference.to_json(),
            "better": self.better,
            "needed": self.needed,
        }


@dataclass(frozen=True)
class WidthComparison:
    """All tasks with hidden layers ``width`` times as wide as the experiment has them.

    ``parameters`` are those of the joint network, and of the separate ones together. ``mean`` is the mean of the
    differences over the tasks, None for numbers in different units.
    """

    width: float
    parameters: tuple[int, int]
    tasks: tuple[TaskComparison, ...]
    mean: Estimate | None

    def better(self, which: str) -> list[str]:
        """The tasks that are significantly better learnt jointly ("joint"), or alone ("separate")."""
        return [each.task for each in self.tasks if each.better == which]


@dataclass(frozen=True)
class Multitask:
    """The comparison: the run of the joint network, and what was measured at each width."""

    run: str
    metric: str
    widths: tuple[WidthComparison, ...]

    @property
    def conclusion(self) -> str:
        """The comparison in words."""
        first, n = self.widths[0], len(self.widths[0].tasks)
        joint, alone = first.better("joint"), first.better("separate")
        if not joint and not alone:
            return f"For none of the {n} tasks is the difference between learning together and alone significant."
        parts = []
        if joint:
            parts.append(f"Learning together is better for {_listed(joint)}")
        if alone:
            parts.append(f"a network of its own is better for {_listed(alone)}")
        text = "; ".join(parts)
        return f"{text[0].upper()}{text[1:]} (significant for {len(joint) + len(alone)} of {n} tasks)."

    @property
    def advice(self) -> str:
        """What to look at next; empty where there is nothing."""
        before = len(self.widths[0].better("separate"))
        wider = [each for each in self.widths if each.width > 1]
        if not before:
            return ""
        if not wider:
            return (
                "Learning together costs where the network is too small for all tasks: compare wider, --widths 1,2,4."
            )
        widest = wider[-1]
        after = len(widest.better("separate"))
        if after < before:
            return (
                f"The network was too small for all: at {widest.width:g} times the width, {after} of {before} remain."
            )
        return f"Width is not the reason: at {widest.width:g} times the width, {after} are better on their own."

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "run": self.run,
            "metric": self.metric,
            "conclusion": self.conclusion,
            "advice": self.advice,
            "widths": [
                {
                    "width": each.width,
                    "parameters": {"joint": each.parameters[0], "separate": each.parameters[1]},
                    "mean_difference": plain(each.mean),
                    "tasks": [task.to_json() for task in each.tasks],
                }
                for each in self.widths
            ],
        }


def compare_multitask(
    experiment: Experiment,
    data: Dataset | None = None,
    *,
    widths: Sequence[float] = (1.0,),
    name: str | None = None,
    runs: str | os.PathLike[str] = "runs",
    listener: TrainingListener | None = None,
) -> tuple[Run, Multitask]:
    """Train the network of the experiment, which is kept as a run, and one for each task; compare them on the dev set.

    Separate networks train as one population where they are dense, else one after another. ``widths`` compares again
    with hidden layers so many times as wide.

    Raises:
        UsageError: the target has one task, there is no dev set, or the network has no form that can be compared.

    """
    factors = sorted({1.0, *widths}, key=lambda width: (width != 1, width))
    plan = make_plan(experiment, data, runs=runs)
    _check(plan, factors)
    run = run_experiment(experiment, data, name=name, runs=runs, listener=listener)
    trained = run.trained_network()
    by_width = [_at_width(plan, plan.network, 1.0, trained.outputs(plan.inputs("dev")))]
    for width in factors[1:]:
        network = widened(plan.network, width)
        (joint,) = _fits(plan, network, [None])
        by_width.append(_at_width(plan, network, width, _answers(plan, joint)))
    comparison = Multitask(run.name, metric(plan.data.task.error_metric).title, tuple(by_width))
    run.folder.write_json(MULTITASK, comparison.to_json())
    write_run_report(run, plan.data)
    return run, comparison


def _check(plan: Plan, widths: Sequence[float]) -> None:
    if len(_names(plan)) < 2:
        raise UsageError(
            f"multitask compares several labels or numbers, and {plan.data.name} has one target, "
            f"'{plan.data.target_name}'; data.target takes a list of columns."
        )
    if not len(plan.split.dev):
        raise UsageError("multitask compares on the dev set; give split.dev a size.")
    if plan.experiment.data.stream is True:
        raise UsageError("multitask needs all examples in memory; set data.stream = false.")
    if plan.transfer is not None:
        raise UsageError("multitask trains every network from scratch; leave network.from out.")
    with_one_output(plan.network)
    for width in widths:
        if not 0 < width <= 64:
            raise UsageError(f"--widths: got {width:g}; a width is a factor above 0, such as 2.")
        widened(plan.network, width)


def _names(plan: Plan) -> list[str]:
    """The tasks' names: labels, or numbers to predict."""
    return list(plan.data.task.subtasks(plan.data.classes, plan.data.target_names))


# --- networks -------------------------------------------------------------------------------------------------


def with_one_output(network: Network) -> Network:
    """The same hidden layers with one output."""
    try:
        return Network(edits.with_outputs(network.member.layers, 1)).ensemble(network.members)
    except edits.EditError as error:
        raise UsageError(f"multitask: {error}.") from None


def widened(network: Network, width: float) -> Network:
    """The network with hidden dense and convolutional layers ``width`` times as wide."""
    if width == 1:
        return network
    try:
        return Network(edits.widened(network.member.layers, width)).ensemble(network.members)
    except edits.EditError as error:
        raise UsageError(f"--widths: {error}.") from None


# --- training and answers -------------------------------------------------------------------------------------


def _fits(plan: Plan, network: Network, labels: Sequence[int | None]) -> list[FitResult]:
    """A network trained for each of these columns of the target; None is all of them."""
    train, dev = plan.examples("train"), plan.examples("dev")
    assert train is not None and dev is not None
    alone = (
        train.weights is not None or plan.augmentation.active or kind(ResolvedMember(network, plan.training)) is None
    )
    with limited_threads(threads_for(network, plan.input_shape, plan.batch_size)):
        if not alone and len(labels) > 1:
            population = Population(network, [Member(label=label) for label in labels])
            fits = population.fit(plan.loss, train, dev, plan.training)
        else:
            fits = [
                fit(network, plan.loss, _own(train, label), _own(dev, label), plan.training, augment=plan.augmenter())
                for label in labels
            ]
    for done in fits:
        if done.stopped == "interrupted":
            raise KeyboardInterrupt
        if not done.history:
            raise done.divergence or LeadlineError("multitask: a network could not be trained.")
    return fits


def _own(examples: Examples, label: int | None) -> Examples:
    """The examples with one column of their targets; all of them for None."""
    return examples if label is None else replace(examples, y=examples.y[:, label : label + 1])


def _answers(plan: Plan, done: FitResult, label: int | None = None) -> np.ndarray:
    """Probabilities of labels, or numbers in their units, for the dev set: (m, k)."""
    x = _dev_inputs(plan, done.parameters)
    preparation = plan.preparation if label is None else plan.preparation.of_target(label)
    return as_outputs(outputs(done.network, done.parameters, x), plan.loss, preparation)


def _dev_inputs(plan: Plan, parameters: Parameters) -> Any:
    dev = plan.examples("dev")
    assert dev is not None
    return dev.x.to(parameters.theta)


# --- comparison -----------------------------------------------------------------------------------------------


def _at_width(plan: Plan, network: Network, width: float, joint: np.ndarray) -> WidthComparison:
    alone = with_one_output(network)
    names = _names(plan)
    fits = _fits(plan, alone, range(len(names)))
    separate = np.concatenate([_answers(plan, done, k) for k, done in enumerate(fits)], axis=1)
    counts = (network.layout(plan.input_shape).n, len(names) * alone.layout(plan.input_shape).n)
    truth = np.asarray(plan.data.target[plan.split.dev], float)
    tasks = tuple(_compared(plan, truth, joint, separate))
    mean = None
    if not plan.data.task.graded:
        mean = _mean_difference(truth, plan.data.task.answers(joint), plan.data.task.answers(separate))
    return WidthComparison(width, counts, tasks, mean)


def _compared(plan: Plan, truth: np.ndarray, joint: np.ndarray, separate: np.ndarray) -> list[TaskComparison]:
    """Each task's comparison, corrected for the number of tasks."""
    task, names = plan.data.task, _names(plan)
    joint, separate = task.answers(joint), task.answers(separate)
    together, alone = (break_down(task, truth, answers, classes=names).classes for answers in (joint, separate))
    known_in_training = ~np.isnan(np.asarray(plan.data.target[plan.split.train], float))
    comparisons = []
    for k, name in enumerate(names):
        known = ~np.isnan(truth[:, k])
        if not known.any():
            raise LeadlineError(f"multitask: no dev example has the label '{name}', so it cannot be compared.")
        t = truth[known, k] if task.graded else truth[known, k].astype(int)
        result = compare(task.usual_metric, t, joint[known, k], separate[known, k], ("joint", "separate"), len(names))
        lead = result.lead
        if result.first != "joint":
            low, high = lead.interval
            lead = replace(lead, value=-lead.value, low=-high, high=-low)
        better = result.first if result.significant else None
        n_train = int(known_in_training[:, k].sum())
        comparisons.append(TaskComparison(name, n_train, together[name], alone[name], lead, better, result.needed))
    return comparisons


def _mean_difference(truth: np.ndarray, joint: np.ndarray, separate: np.ndarray) -> Estimate:
    """The mean over the tasks of the differences of their errors; examples are resampled with all their labels."""
    known = ~np.isnan(truth)
    gain = np.where(known, (separate != truth).astype(float) - (joint != truth), np.nan)
    gain = gain[:, known.any(0)]

    def mean(rows: np.ndarray) -> float:
        counted = (~np.isnan(rows)).sum(0)
        return float((np.nansum(rows, 0) / np.maximum(counted, 1))[counted > 0].mean())

    return bootstrap(mean, gain, resamples=1000, unit="points")


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:-1]) + (" and " if len(names) > 1 else "") + names[-1]
