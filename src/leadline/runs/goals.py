"""What ``[goal]`` says as metrics: those of the user's own numbers, and the one to optimize."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor

from leadline.data import Preparation
from leadline.errors import UsageError
from leadline.experiment import GoalSection
from leadline.measure import ErrorCost, Metric, Task, chosen_metric, configured_metrics, metric
from leadline.runs.trained import as_outputs
from leadline.training import Goal

if TYPE_CHECKING:
    from leadline.runs.run import Run

MEASURED_ANYWAY = ("accuracy", "error", "rmse")
"""The metrics whose error the training loop measures after each epoch."""


def goal_metrics(goal: GoalSection, task: str, classes: Sequence[str]) -> dict[str, Metric]:
    """The metrics that the costs and times of ``[goal]`` define, by name.

    Raises:
        UsageError: they do not fit the task or its classes.

    """
    costs = [ErrorCost(each.actual, each.predicted, each.cost) for each in goal.costs]
    return configured_metrics(task, classes, costs, goal.seconds_per_example)


def optimized_metric(goal: GoalSection, task: Task, classes: Sequence[str]) -> Metric:
    """The metric to optimize: the usual one of the task where ``[goal]`` names none.

    Raises:
        UsageError: it is unknown, does not apply, or needs a key that is not given.

    """
    return metric(chosen_metric(goal.optimizing or task.usual_metric, goal_metrics(goal, task, classes)), task)


def metrics_of_run(run: Run) -> dict[str, Metric]:
    """The metrics that a run's ``[goal]`` defines; those of the run's own modules are known by name then."""
    run.experiment.load_modules()
    return goal_metrics(run.experiment.goal, run.task, run.classes)


def as_needed(task: Task, metric: Metric, outputs: np.ndarray) -> np.ndarray:
    """Outputs as a metric takes them: classes, labels of 0 or 1, probabilities or values."""
    return task.answers(outputs) if metric.needs == "labels" else task.scores(outputs, metric.name)


def loop_goal(metric: Metric, loss: str, preparation: Preparation) -> Goal | None:
    """The metric to optimize as the training loop takes it, less is better (`leadline.training.Examples.goal`).

    None where the loop's own error says the same. A metric that the dev set does not define is infinite.
    """
    if metric.name in MEASURED_ANYWAY:
        return None

    def goal(z: Tensor, y: Tensor) -> float:
        answers = as_needed(preparation.task, metric, as_outputs(z, loss, preparation))
        try:
            value = metric.value(preparation.decode_targets(y.double().cpu().numpy()), answers)
        except UsageError:
            value = math.nan
        error = value if metric.direction == "minimize" else 1 - value
        return error if math.isfinite(error) else math.inf

    return goal


def common_metrics(runs: Sequence[Run], goal: GoalSection | None = None) -> dict[str, Metric]:
    """The metrics that runs on the same data are compared by: the keys of `goal`, else what the runs themselves say.

    Raises:
        UsageError: the runs say different things, and `goal` says nothing.

    """
    first = runs[0]
    for run in runs:
        run.experiment.load_modules()
    agreed = {key: _agreed(key, runs, goal) for key in ("costs", "seconds_per_example")}
    return goal_metrics(GoalSection(**agreed), first.task, first.classes)


def _agreed(key: str, runs: Sequence[Run], goal: GoalSection | None) -> Any:
    given = getattr(goal or GoalSection(), key)
    if given:
        return given
    named = [run for run in runs if getattr(run.experiment.goal, key)]
    for other in named[1:]:
        if getattr(other.experiment.goal, key) != getattr(named[0].experiment.goal, key):
            option = "--cost" if key == "costs" else "--seconds-per-example"
            raise UsageError(f"{named[0].name} and {other.name} differ in goal.{key}: say with {option} which holds.")
    return getattr(named[0].experiment.goal, key) if named else given
