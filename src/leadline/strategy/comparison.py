"""Is one model better than another, or merely luckier?

Models are compared on the same examples: McNemar's exact test with Newcombe's paired interval for error rates, DeLong's
for areas under curves, a paired bootstrap for any other metric. Several comparisons are corrected for by Bonferroni's
rule.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leadline.errors import UsageError
from leadline.files import plain
from leadline.measure.bootstrap import bootstrap, bootstrap_weights, drawn_weights
from leadline.measure.classification import matches
from leadline.measure.intervals import Estimate, paired_difference
from leadline.measure.metrics import Metric, metric
from leadline.measure.ranked import area_difference, mean_influence, rarest
from leadline.text import about

Array = NDArray[Any]
# One model counts as better where luck alone would do as well in fewer than this share of cases.
SIGNIFICANCE = 0.05


@dataclass(frozen=True)
class Comparison:
    """Two models on the same examples.

    Attributes:
        first: name of the one that scores better.
        second: name of the other.
        lead: by how much the first is better, with its interval.
        p: chance of so large a difference, either way, between equally good models; None where not computed.
        comparisons: how many comparisons the verdict is corrected for.
        told: whether the first is better beyond luck.
        needed: how many examples would tell, if the lead stays; None where it is told or there is no lead.

    """

    first: str
    second: str
    lead: Estimate
    p: float | None
    comparisons: int
    told: bool
    needed: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return plain(self)

    def __str__(self) -> str:
        interval = f" ({self.lead.range()})" if self.lead.range() else ""
        many = "" if self.comparisons == 1 else f", corrected for {self.comparisons} comparisons"
        if self.told:
            return f"{self.first} is better than {self.second} by {self.lead.plain()}{interval}{many}."
        more = "" if self.needed is None else f"; about {about(self.needed)} examples would tell"
        lead = f"{self.first} leads {self.second} by {self.lead.plain()}{interval}"
        return f"{lead}, but may merely be luckier{many}{more}."


def compare(
    metric_name: str | Metric,
    y_true: ArrayLike,
    first: ArrayLike,
    second: ArrayLike,
    names: tuple[str, str] = ("first", "second"),
    comparisons: int = 1,
    seed: int = 0,
) -> Comparison:
    """Compare two models on the same examples; the better one comes first in the result.

    Args:
        metric_name: one of `leadline.measure.METRICS` or a metric.
        y_true: truth.
        first: predictions as the metric needs them.
        second: of the other model.
        names: of the two.
        comparisons: how many were made in all; Bonferroni's correction is applied.
        seed: of the bootstrap.

    Raises:
        UsageError: for an unknown metric or arrays that do not fit.

    """
    t, a, b = np.asarray(y_true), np.asarray(first), np.asarray(second)
    level = 1 - SIGNIFICANCE / comparisons
    if metric_name in ("accuracy", "error") and t.ndim == 1:
        wrong_a, wrong_b = ~matches(t, a), ~matches(t, b)
        lead, corrected = (paired_difference(wrong_b, wrong_a, at) for at in (0.95, level))
        p = mcnemar(int((wrong_b & ~wrong_a).sum()), int((wrong_a & ~wrong_b).sum()))
        told = p < 1 - level
    else:
        lead = _lead(metric(metric_name), t, a, b, 0.95, seed)
        corrected = lead if comparisons == 1 else _lead(metric(metric_name), t, a, b, level, seed)
        p, told = None, corrected.interval[0] > 0 or corrected.interval[1] < 0
    if lead.value < 0:
        names, lead, corrected = (names[1], names[0]), _negated(lead), _negated(corrected)
    needed = None if told or lead.value == 0 else _needed(lead, corrected, len(t))
    return Comparison(*names, lead, p, comparisons, told, needed)


def mcnemar(only_first_wrong: int, only_second_wrong: int) -> float:
    """Two-sided exact p value that two models are equally good, from the examples on which one alone is
    wrong.

    Source: McNemar (1947), exact binomial form.
    """
    n, k = only_first_wrong + only_second_wrong, min(only_first_wrong, only_second_wrong)
    if n == 0:
        return 1.0
    log_factorial = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n + 1)))])
    i = np.arange(k + 1)
    tail = np.exp(log_factorial[n] - log_factorial[i] - log_factorial[n - i] - n * math.log(2)).sum()
    return float(min(1.0, 2 * tail))


def expected_optimism(
    metric_name: str | Metric, y_true: ArrayLike, predictions: Sequence[ArrayLike], compared: int | None = None
) -> Estimate:
    """How much the best of several equally good models would look better than it is, by luck alone.

    The expected maximum of as many normal variables, with the spread that differs from model to model; what
    all models share (hard examples) favours none of them.

    Raises:
        UsageError: for fewer than two models.

    """
    if len(predictions) < 2:
        raise UsageError("Luck in a choice needs at least two models.")
    t, k = np.asarray(y_true), len(predictions)
    if metric_name in ("accuracy", "error") and t.ndim == 1:
        wrong = np.stack([~matches(t, np.asarray(p)) for p in predictions]).astype(float)
        own = wrong - wrong.mean(0)
        # Removing the mean of k models takes 1/k of each one's own variance with it.
        spread = math.sqrt(own.var(axis=1, ddof=1).mean() * k / (k - 1) / len(t))
    else:
        spread = _bootstrapped_spread(metric_name, t, [np.asarray(p) for p in predictions])
    unit = metric(metric_name).unit
    return Estimate(expected_maximum(compared or k) * spread, unit="points" if unit == "%" else unit)


def expected_maximum(k: int) -> float:
    """Mean of the largest of k independent standard normal variables."""
    x = np.linspace(-8, 8, 4001)
    density = np.exp(-x * x / 2) / math.sqrt(2 * math.pi)
    below = np.array([NormalDist().cdf(v) for v in x])
    return float(np.sum(x * k * density * below ** (k - 1)) * (x[1] - x[0]))


def _negated(m: Estimate) -> Estimate:
    low, high = m.interval
    return replace(m, value=-m.value, low=-high, high=-low)


def _lead(found: Metric, t: Array, a: Array, b: Array, level: float, seed: int) -> Estimate:
    """How much better a is than b: by influences for areas under curves, else with the same resamples for both."""
    sign = 1.0 if found.direction == "maximize" else -1.0
    unit = "points" if found.unit == "%" else found.unit
    if found.influence is not None and rarest(t, a) >= 2:
        return area_difference(t, a, b, found.influence, (found.value(t, a), found.value(t, b)), level)
    of_first, of_second = found.weighted(t, a), found.weighted(t, b)
    if of_first is not None and of_second is not None:
        return bootstrap_weights(
            lambda weights: sign * (of_first(weights) - of_second(weights)),
            len(t),
            seed=seed,
            level=level,
            unit=unit,
        )

    def lead(truth: Array, first: Array, second: Array) -> float:
        return sign * (found.value(truth, first) - found.value(truth, second))

    return bootstrap(lead, t, a, b, resamples=1000, seed=seed, level=level, unit=unit)


def _bootstrapped_spread(
    metric_name: str | Metric, t: Array, predictions: Sequence[Array], resamples: int = 300
) -> float:
    """Standard deviation of a model's metric over resamples, less what all models share."""
    found, rng, m = metric(metric_name), np.random.default_rng(0), len(t)
    forms = [found.weighted(t, p) for p in predictions]
    if found.influence is not None and rarest(t, predictions[0]) >= 2:
        # Divided by √m, influences vary over the examples as the area does over resamples.
        influence = found.influence
        values = np.array([mean_influence(t, p, influence) for p in predictions]) / math.sqrt(m)
    elif None not in forms:
        weights = drawn_weights(rng, resamples, m)
        values = np.array([form(weights) for form in forms if form is not None])
    else:
        draws = [rng.integers(0, m, m) for _ in range(resamples)]
        values = np.array([[found.value(t[d], p[d]) for d in draws] for p in predictions])
    own = values - values.mean(0)
    k = len(predictions)
    return float(math.sqrt(own.var(axis=1, ddof=1).mean() * k / (k - 1)))


def _needed(lead: Estimate, corrected: Estimate, n: int) -> int:
    """By the square root of n, the number at which the corrected interval lies above 0 with 80 %
    probability."""
    z = NormalDist().inv_cdf(0.5 + corrected.level / 2)
    allowed = lead.value * z / (z + NormalDist().inv_cdf(0.8))
    return math.ceil(n * ((lead.value - corrected.interval[0]) / allowed) ** 2)
