"""The threshold on the probability of the second of two classes, chosen for a goal on held-out examples.

Every distinct threshold is tried: for the examples in the order of their scores, sums from the end give all confusion
matrices at once, also those of a resample, where each example has a weight. The threshold is chosen anew in every
resample: that gives its interval, and how much better a goal looks where it was chosen than on all examples, its
optimism (Efron, 1986), by which the goal on new examples is expected to be worse.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leadline.errors import LeadlineError, UsageError
from leadline.measure.bootstrap import drawn_examples
from leadline.measure.groups import group_codes
from leadline.measure.intervals import Estimate
from leadline.measure.metrics import Metric, evaluate

Array = NDArray[Any]
RESAMPLES = 500
USUAL = 0.5


@dataclass(frozen=True)
class Limit:
    """What a threshold has to keep: a metric at most or at least so much."""

    metric: Metric
    bound: float
    at_most: bool

    def holds(self, values: Array) -> Array:
        """Whether values of the metric are within the limit; what is not defined is not."""
        with np.errstate(invalid="ignore"):
            return values <= self.bound if self.at_most else values >= self.bound

    def __str__(self) -> str:
        return f"{self.metric.name} {'<=' if self.at_most else '>='} {self.bound:g}"


@dataclass(frozen=True)
class Threshold:
    """From which probability on an example is of the second class, and what it was chosen for.

    Attributes:
        value: of the probability; its interval is of the choice, over resamples of the examples.
        metric: the name of what was optimized; empty where the value was given.
        limits: what had to hold, as text.
        score: the metric at the threshold, on the examples that it was chosen on.
        usual: the metric at 0.5, on the same examples.
        optimism: by how much the metric is expected to be worse on new examples, 0 or more.

    """

    value: Estimate
    metric: str = ""
    limits: tuple[str, ...] = ()
    score: Estimate | None = None
    usual: Estimate | None = None
    optimism: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Plain values that `from_json` reads back."""
        estimates = {name: getattr(self, name) for name in ("value", "score", "usual")}
        plain = {name: None if each is None else each.to_json() for name, each in estimates.items()}
        return {**plain, "metric": self.metric, "limits": list(self.limits), "optimism": self.optimism}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Threshold:
        """The threshold that `to_json` described."""
        read = {name: values.get(name) for name in ("value", "score", "usual")}
        value, score, usual = (None if each is None else Estimate.from_json(each) for each in read.values())
        if value is None:
            raise KeyError("value")
        return cls(value, str(values["metric"]), tuple(values["limits"]), score, usual, float(values["optimism"]))

    def __str__(self) -> str:
        text = f"Threshold {self.value.value:.3g}"
        low, high = self.value.interval
        if low != high:
            text += f" ({low:.3g} to {high:.3g})"
        if self.score is None or self.usual is None:
            return f"{text}, as given."
        limits = f" with {', '.join(self.limits)}" if self.limits else ""
        text += f", chosen for {self.metric}{limits}: {self.score} there, {self.usual} at {USUAL:g}"
        if self.optimism > 0:
            worse = f"{100 * self.optimism:.1f} points" if self.score.unit == "%" else f"{self.optimism:.3g}"
            text += f"; on new examples expect it {worse} worse"
        return f"{text}."


def choose_threshold(
    labels: ArrayLike,
    scores: ArrayLike,
    metric: Metric,
    limits: Sequence[Limit] = (),
    groups: ArrayLike | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Threshold:
    """The threshold that is best in a metric among those within all limits, for labels 0 or 1 and scores, (m,) each.

    Raises:
        UsageError: a metric does not depend on the predicted classes alone.
        LeadlineError: no threshold is within the limits, or one of the classes has no example.

    """
    y, s = np.asarray(labels, np.int64), np.asarray(scores, float)
    for each in (metric, *(limit.metric for limit in limits)):
        if not follows_from_counts(each):
            raise UsageError(f"A threshold cannot be chosen by {each.name}, no function of counts of errors.")
    if len({*y.tolist()}) < 2:
        raise LeadlineError("A threshold needs examples of both classes, and these are all of one.")
    order = np.argsort(s, kind="stable")
    edges = np.flatnonzero(np.diff(s[order]) > 0) + 1  # where a new score begins, in that order
    starts = np.array([0, *edges, len(s)])
    between = [float(s[order[0]] / 2), *((s[order[edges - 1]] + s[order[edges]]) / 2), float((1 + s[order[-1]]) / 2)]
    thresholds = np.array(between)

    def matrices(weights: Array) -> Array:
        return _confusions(y[order], weights[order], starts)

    def best(weights: Array) -> int | None:
        return _best(matrices(weights), thresholds, metric, limits)

    everything = np.ones(len(y))
    chosen = best(everything)
    if chosen is None:
        raise LeadlineError(_unreachable(matrices(everything), limits))
    codes, rng = group_codes(groups, len(y)), np.random.default_rng(seed)
    whole = _values(metric, matrices(everything))
    drawn, optimism = [], []
    for rows in drawn_examples(rng, codes, len(y), resamples):
        weights = np.bincount(rows, minlength=len(y)).astype(float)
        place = best(weights)
        if place is not None:
            drawn.append(thresholds[place])
            optimism.append(_values(metric, matrices(weights)[place : place + 1])[0] - whole[place])
    low, high = np.quantile(drawn, [0.025, 0.975]) if drawn else (thresholds[chosen],) * 2
    value = float(thresholds[chosen])
    at = [evaluate(metric, y, (s >= t).astype(np.int64), groups=groups) for t in (value, USUAL)]
    sign = 1.0 if metric.direction == "maximize" else -1.0
    worse = float(np.nanmean(optimism)) * sign if drawn else 0.0
    interval = Estimate(value, min(float(low), value), max(float(high), value), len(y), unit="")
    score, usual = at
    return Threshold(interval, metric.name, tuple(map(str, limits)), score, usual, max(worse, 0.0))


def _confusions(y: Array, weights: Array, starts: Array) -> Array:
    """Confusion matrices (t, 2, 2), true by predicted: examples from each start on, in this order, are called 1."""
    matrices = np.empty((len(starts), 2, 2))
    for label in (0, 1):
        counted = np.concatenate([[0.0], np.cumsum(weights * (y == label))])
        matrices[:, label, 0] = counted[starts]
        matrices[:, label, 1] = counted[-1] - counted[starts]
    return matrices


def follows_from_counts(metric: Metric) -> bool:
    """Whether a metric is a function of the counts of right and wrong answers, so that a threshold changes it."""
    return _counted(metric) is not None


def _counted(metric: Metric) -> Callable[[Array], Array] | None:
    """The metric as a function of confusion matrices (…, 2, 2); None where it is none."""
    if metric.name in ("accuracy", "error"):
        return lambda matrices: share_right(matrices) if metric.name == "accuracy" else 1 - share_right(matrices)
    return metric.counted


def share_right(matrices: Array) -> Array:
    """The share of right answers of confusion matrices (…, K, K)."""
    return np.trace(matrices, axis1=-2, axis2=-1) / matrices.sum((-2, -1))


def _values(metric: Metric, matrices: Array) -> Array:
    counted = _counted(metric)
    assert counted is not None
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(counted(matrices), float)


def _best(matrices: Array, thresholds: Array, metric: Metric, limits: Sequence[Limit]) -> int | None:
    """The place of the best threshold, of equal ones the nearest to 0.5; None where none is within the limits."""
    values = _values(metric, matrices)
    allowed = np.isfinite(values)
    for limit in limits:
        allowed &= limit.holds(_values(limit.metric, matrices))
    if not allowed.any():
        return None
    signed = np.where(allowed, values if metric.direction == "maximize" else -values, -np.inf)
    equal = np.flatnonzero(signed >= signed.max() - 1e-12)
    return int(equal[np.argmin(np.abs(thresholds[equal] - USUAL))])


def _unreachable(matrices: Array, limits: Sequence[Limit]) -> str:
    """Which limits no threshold keeps, alone or together."""
    for limit in limits:
        values = _values(limit.metric, matrices)
        if not limit.holds(values).any():
            best = np.nanmin(values) if limit.at_most else np.nanmax(values)
            return f"No threshold reaches {limit} on the dev set; the best is {best:.3g}."
    return f"No threshold keeps {' and '.join(map(str, limits))} together on the dev set; loosen one of them."
