"""Metrics that a user's own numbers define: what kinds of errors cost, and false alarms over a time of listening."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leadline.errors import UsageError, nearest
from leadline.limits import NotNegative
from leadline.measure import classification as c
from leadline.measure.groups import design_effect, few_groups, group_codes
from leadline.measure.intervals import Estimate, wilson
from leadline.measure.metric import CLASSES, FunctionMetric, Metric
from leadline.measure.multilabel import Weighted
from leadline.measure.tasks import BINARY

Array = NDArray[Any]
SECONDS_PER_HOUR = 3600
_M = TypeVar("_M")


@dataclass(frozen=True)
class ErrorCost:
    """What it costs to predict one class where another is right; any unit, 0 or more."""

    actual: str
    predicted: str
    cost: NotNegative


def configured_metrics(
    task: str, classes: Sequence[str], costs: Sequence[ErrorCost] = (), seconds_per_example: float | None = None
) -> dict[str, Metric]:
    """The metrics that these numbers define, by name: ``cost`` and ``false_alarms_per_day``.

    Args:
        task: one of `leadline.measure.tasks.TASKS`, or its name.
        classes: their names, in the order of the class indices.
        costs: of kinds of errors; a kind that is not named costs 1.
        seconds_per_example: how long a detector listens for one example; the second class is the alarm.

    Raises:
        UsageError: for an unknown class, a kind that is no error or is named twice, a negative cost or time, or a task
            without such errors.

    """
    metrics = []
    if costs:
        if task not in CLASSES:
            raise UsageError(f"goal.costs: kinds of errors are pairs of classes; a {task} task has none. Leave it out.")
        metrics.append(cost_metric(cost_matrix(costs, classes)))
    if seconds_per_example is not None:
        if task != BINARY:
            raise UsageError(
                f"goal.seconds_per_example: false alarms are those of a detector with two classes, not of a {task} "
                "task. Leave it out."
            )
        metrics.append(false_alarm_metric(seconds_per_example))
    return {metric.name: metric for metric in metrics}


def chosen_metric(name: str, configured: Mapping[str, _M]) -> str | _M:
    """The configured metric of that name, else the name itself: what `leadline.measure.metric` takes."""
    return configured.get(name, name)


def cost_matrix(costs: Sequence[ErrorCost], classes: Sequence[str]) -> Array:
    """Costs (K, K), true by predicted class: 0 where the prediction is right, 1 for an error that is not named."""
    matrix = 1.0 - np.eye(len(classes))
    place, seen = {name: k for k, name in enumerate(classes)}, set()
    for each in costs:
        for key, name in (("actual", each.actual), ("predicted", each.predicted)):
            if name not in place:
                raise UsageError(f"goal.costs: {key} '{name}' is no class of these data.{nearest(name, classes)}")
        pair = each.actual, each.predicted
        if each.actual == each.predicted:
            raise UsageError(f"goal.costs: '{each.actual}' predicted as itself is no error; leave it out.")
        if pair in seen:
            raise UsageError(f"goal.costs: '{each.actual}' predicted as '{each.predicted}' is named twice.")
        if not 0 <= each.cost < float("inf"):
            raise UsageError(f"goal.costs: a cost is a number of at least 0, got {each.cost:g}.")
        seen.add(pair)
        matrix[place[each.actual], place[each.predicted]] = each.cost
    return matrix


def cost_metric(costs: ArrayLike) -> Metric:
    """The mean cost of an example; ``costs`` (K, K), true by predicted class."""
    price = np.asarray(costs, float)

    def confusion(y_true: Array, y_pred: Array) -> Array:
        return c.confusion_matrix(y_true, y_pred, len(price))

    def value(y_true: Array, y_pred: Array) -> float:
        return float(c.mean_cost(confusion(y_true, y_pred), price))

    def measure(y_true: Array, y_pred: Array, level: float, seed: int, groups: Array | None = None) -> Estimate:
        codes, own = group_codes(groups, len(y_true)), price[y_true.astype(np.int64), y_pred.astype(np.int64)]
        effective = confusion(y_true, y_pred) / design_effect(own - own.mean(), codes)
        return replace(mean_cost_interval(effective, price, level), n=len(y_true), warning=few_groups(codes))

    def weighted(y_true: Array, y_pred: Array) -> Weighted:
        own = price[y_true.astype(np.int64), y_pred.astype(np.int64)]
        return lambda weights: weights @ own / weights.sum(-1)

    return FunctionMetric(
        "cost",
        "cost per example",
        CLASSES,
        value,
        measure,
        "labels",
        "minimize",
        "",
        weighted,
        counted=lambda matrices: c.mean_cost(matrices, price),
        classes=len(price),
    )


def mean_cost_interval(confusion: ArrayLike, costs: ArrayLike, level: float = 0.95) -> Estimate:
    """Mean cost per example with its interval, which is Wilson's times the cost where all errors cost the same.

    Kinds of errors of one cost are one proportion with Wilson's interval; the costs' sum of them has the interval of
    the method of variance estimates recovery (Zou and Donner, 2008), with the correlation of shares of one whole.

    Args:
        confusion: counts (K, K), true by predicted class, at least one.
        costs: (K, K).
        level: of the interval.

    Effective counts, which need not be whole, are allowed.

    """
    counts, price = np.asarray(confusion, float), np.asarray(costs, float)
    n = float(counts.sum())
    mean = float(c.mean_cost(counts, price))
    prices = np.unique(price[price > 0])
    successes = np.array([counts[price == one].sum() for one in prices])
    low, high = (np.asarray(end) for end in wilson(successes, n, level))
    share = successes / n
    root_odds = np.sqrt(np.divide(share, 1 - share, out=np.ones_like(share), where=share < 1))
    correlation = -np.outer(root_odds, root_odds)
    np.fill_diagonal(correlation, 1.0)

    def spread(steps: Array) -> float:
        return float(np.sqrt(max(steps @ correlation @ steps, 0.0)))

    down, up = spread(prices * (share - low)), spread(prices * (high - share))
    return Estimate(mean, max(mean - down, 0.0), min(mean + up, float(price.max())), round(n), level, "")


def false_alarm_metric(seconds_per_example: float) -> Metric:
    """False alarms per 24 hours of a detector that listens this long for each example."""
    if not 0 < seconds_per_example < float("inf"):
        raise UsageError(f"goal.seconds_per_example: a time above 0, got {seconds_per_example:g}.")
    hours = seconds_per_example / SECONDS_PER_HOUR

    def measure(y_true: Array, y_pred: Array, level: float, seed: int, groups: Array | None = None) -> Estimate:
        return c.alarm_rate((y_true == 0) & (y_pred == 1), hours * len(y_true), level, groups)

    return FunctionMetric(
        "false_alarms_per_day",
        "false alarms per 24 h",
        (BINARY,),
        lambda t, p: measure(t, p, 0.95, 0).value,
        measure,
        direction="minimize",
        unit="per 24 h",
        counted=lambda matrices: 24 / hours * matrices[..., 0, 1] / matrices.sum((-2, -1)),
        classes=2,
    )
