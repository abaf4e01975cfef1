"""Calibration and threshold of a run, chosen on held-out examples by what its experiment asks for.

Here is also said what cannot be asked for after a training.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from leadline.errors import LeadlineError, LeadlineWarning, UsageError
from leadline.experiment import Experiment, GoalSection
from leadline.measure import Estimate, Metric, Task, chosen_metric, metric
from leadline.measure.scaling import Calibrated, calibrated
from leadline.measure.tasks import BINARY
from leadline.measure.thresholds import Limit, Threshold, choose_threshold, follows_from_counts
from leadline.runs.decision import Decision
from leadline.runs.goals import goal_metrics, optimized_metric
from leadline.strategy.selection import SatisficingLimit


def check_decision(experiment: Experiment, task: Task, classes: tuple[str, ...], has_dev: bool) -> None:
    """Raise `UsageError` where what is asked of calibration and threshold cannot be chosen for this target."""
    goal, calibration = experiment.goal, experiment.training.calibration
    if calibration in ("temperature", "vector") and not task.one_class:
        raise UsageError(f"training.calibration: a {task} target has no probabilities of classes; leave it out.")
    if calibration in ("temperature", "vector") and not has_dev:
        raise UsageError("training.calibration: needs a dev set; give split.dev a size, or leave it out.")
    if goal.threshold is None and not goal.satisficing:
        return
    key = "goal.threshold" if goal.threshold is not None else "goal.satisficing"
    if task != BINARY:
        raise UsageError(f"{key}: a threshold lies between two classes, and this is a {task} target; leave it out.")
    if isinstance(goal.threshold, float):
        if goal.satisficing:
            raise UsageError("goal.satisficing: the threshold is given, and nothing is left to choose; leave it out.")
        return
    if not has_dev:
        raise UsageError(f"{key}: needs a dev set; give split.dev a size, or leave it out.")
    optimizing = optimized_metric(goal, task, classes)
    if not follows_from_counts(optimizing):
        raise UsageError(f"{key}: goal.optimizing = {optimizing.name} does not depend on a threshold; choose another.")
    limits_of(goal, task, classes)


def check_final(experiment: Experiment, streamed: bool, has_dev: bool) -> None:
    """Raise `UsageError` where a final training on train and dev is asked for and cannot be."""
    if experiment.training.final != "train+dev":
        return
    reason = None
    if not has_dev:
        reason = "there is no dev set"
    elif streamed:
        reason = "the data are streamed"
    elif experiment.network.from_ is not None:
        reason = "the network is taken over from another (network.from)"
    if reason is not None:
        raise UsageError(f'training.final: "train+dev" trains once more with the dev set, but {reason}; leave it out.')


def limits_of(goal: GoalSection, task: Task, classes: tuple[str, ...]) -> list[Limit]:
    """What a threshold has to keep, of ``[goal] satisficing``. `UsageError`: that cannot be."""
    own = goal_metrics(goal, task, classes)
    return [_limit(name, text, task, own) for name, text in goal.satisficing.items()]


def _limit(name: str, text: str, task: Task, own: Mapping[str, Metric]) -> Limit:
    bound = SatisficingLimit.parse(f"goal.satisficing.{name}", text)
    chosen = metric(chosen_metric(name, own), task)
    if not follows_from_counts(chosen):
        raise UsageError(f"goal.satisficing: {name} does not depend on a threshold; leave it out.")
    return Limit(chosen, bound.limit, bound.at_most)


def decide(
    experiment: Experiment,
    task: Task,
    classes: tuple[str, ...],
    labels: np.ndarray,
    outputs: np.ndarray,
    groups: np.ndarray | None,
) -> Decision:
    """What the experiment asks for, chosen on held-out examples: labels (m,) and uncalibrated probabilities (m, K).

    A threshold that keeps no limit is left out with a warning: a training is not lost for it.
    """
    if not task.one_class:
        return Decision()
    decision = Decision(_calibration(experiment.training.calibration or "auto", labels, outputs, groups))
    try:
        calibrated_outputs = decision.outputs(outputs)
        threshold = threshold_for(experiment.goal, task, classes, labels, calibrated_outputs, groups)
        return replace(decision, threshold=threshold)
    except LeadlineError as error:
        warnings.warn(f"{error} The threshold stays at 0.5.", LeadlineWarning, stacklevel=2)
        return decision


def _calibration(method: str, labels: np.ndarray, outputs: np.ndarray, groups: np.ndarray | None) -> Calibrated | None:
    """As asked for; "auto" where it helps more than chance explains."""
    if method == "none" or len(labels) < 2 or len(np.unique(labels)) < 2:
        return None
    fitted = calibrated(labels, outputs, method, groups)
    return fitted if method != "auto" or fitted.helps else None


def given_threshold(goal: GoalSection) -> Decision:
    """The threshold that the experiment gives as a number."""
    given = goal.threshold
    return Decision(None, Threshold(Estimate(given, unit="")) if isinstance(given, float) else None)


def threshold_for(
    goal: GoalSection,
    task: Task,
    classes: tuple[str, ...],
    labels: np.ndarray,
    outputs: np.ndarray,
    groups: np.ndarray | None,
) -> Threshold | None:
    """The threshold that ``[goal]`` gives or asks for, by calibrated probabilities (m, 2); None where it does neither.

    `LeadlineError`: none keeps the limits.
    """
    if isinstance(goal.threshold, float):
        return given_threshold(goal).threshold
    if goal.threshold is None and not goal.satisficing:
        return None
    optimizing = optimized_metric(goal, task, classes)
    return choose_threshold(labels, outputs[:, 1], optimizing, limits_of(goal, task, classes), groups)
