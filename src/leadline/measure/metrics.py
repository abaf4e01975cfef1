"""Metrics looked up by name, and one way to measure any of them with its interval."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from leadline.errors import UsageError, nearest
from leadline.measure.groups import group_codes
from leadline.measure.intervals import Estimate, complement
from leadline.measure.metric import METRICS, Array, Metric
from leadline.measure.tasks import task_named

# Metrics that need a user's own numbers (`leadline.measure.costs`): how they are shown, and where those are given.
CONFIGURED = {
    "cost": ("cost per example", "goal.costs, or --cost"),
    "false_alarms_per_day": ("false alarms per 24 h", "goal.seconds_per_example, or --seconds-per-example"),
}


def metric(name: str | Metric, task: str | None = None) -> Metric:
    """The metric of that name; a metric stands for itself.

    Raises:
        UsageError: if there is none (with the nearest names), it does not apply to the task, or it needs numbers.

    """
    if isinstance(name, Metric):
        chosen = name
    elif name in CONFIGURED:
        raise UsageError(f"Metric '{name}' needs numbers of your own: {CONFIGURED[name][1]} where a command has it.")
    elif name in METRICS:
        chosen = METRICS[name]
    else:
        raise UsageError(f"Unknown metric '{name}'.{nearest(str(name), [*metric_names(task), *CONFIGURED])}")
    if task is not None and not chosen.applies(task):
        allowed = ", ".join(metric_names(task))
        raise UsageError(f"Metric '{chosen.name}' does not apply to a {task} task. Allowed: {allowed}.")
    return chosen


def metric_names(task: str | None = None) -> tuple[str, ...]:
    """All names, or those that apply to a task."""
    return tuple(name for name, known in METRICS.items() if task is None or known.applies(task))


def error_unit(name: str | None, task: str) -> str:
    """The unit of `as_error` of the metric of that name; of the usual error of the task (if known) without one."""
    if name == "false_alarms_per_day":
        return "per 24 h"
    chosen = METRICS.get(name or (task_named(task).error_metric if task else "error"))
    if chosen is None:
        return ""
    return chosen.unit if chosen.direction == "minimize" else "%"


def evaluate(
    name: str | Metric,
    y_true: ArrayLike,
    prediction: ArrayLike,
    level: float = 0.95,
    seed: int = 0,
    task: str | None = None,
    groups: ArrayLike | None = None,
) -> Estimate:
    """Measure a metric by name with its interval.

    Args:
        name: one of ``METRICS``, or a metric.
        y_true: integer classes (m,), labels (m, k) with NaN where missing, or values (m,) or (m, k).
        prediction: what the metric needs: classes or values of the same shape, or probabilities (m,) or (m,
            K).
        level: of the interval.
        seed: of the bootstrap, where one is used.
        task: checked against the metric if given.
        groups: of examples that go together, such as copies or images of one patient, (m,); by default each example
            stands for itself.

    Raises:
        UsageError: for an unknown metric, an empty set or shapes that do not fit.

    """
    chosen = metric(name, task)
    t, p = np.asarray(y_true), np.asarray(prediction)
    if not len(t):
        raise UsageError(f"No examples to measure {chosen.title} on.")
    codes = group_codes(groups, len(t))
    return chosen.measure(t, p, level, seed) if codes is None else chosen.measure(t, p, level, seed, groups=codes)


def as_error(name: str | Metric, measured: Estimate) -> Estimate:
    """The metric turned so that less is better and 0 is perfect, as the error ladder needs it.

    Raises:
        UsageError: if the metric has no such form.

    """
    if metric(name).direction == "minimize":
        return measured
    return replace(complement(measured), unit="%")


def by_segment(
    name: str | Metric,
    segments: ArrayLike,
    y_true: ArrayLike,
    prediction: ArrayLike,
    level: float = 0.95,
    seed: int = 0,
    groups: ArrayLike | None = None,
) -> dict[str, Estimate]:
    """The metric on each segment (m,), such as a country or a device, in the order of their names.

    Raises:
        UsageError: if the segments are not one per example.

    """
    s, t, p = np.asarray(segments), np.asarray(y_true), np.asarray(prediction)
    if s.shape != t.shape[:1]:
        raise UsageError(f"Segments need one name per example: got {s.shape} for {len(t)} examples.")
    codes = group_codes(groups, len(t))

    def measured(inside: Array) -> Estimate:
        return evaluate(name, t[inside], p[inside], level, seed, groups=None if codes is None else codes[inside])

    return {str(part): measured(s == part) for part in np.unique(s)}
