"""Is one model better than another, or merely luckier?

Models are compared on the same examples: McNemar's exact test with Newcombe's paired interval for error rates, DeLong's
for areas under curves, random exchanges of their answers for any other metric. Examples that go together are taken as
groups. Several comparisons are corrected for by Bonferroni's rule.
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
from leadline.measure.bootstrap import drawn_examples, drawn_weights
from leadline.measure.classification import matches
from leadline.measure.groups import design_effect, few_groups, group_codes, group_sums
from leadline.measure.intervals import Estimate, paired_difference
from leadline.measure.metrics import Metric, metric
from leadline.measure.ranked import area_difference, mean_influence, rarest
from leadline.measure.swapping import (
    chance_limit,
    chance_of,
    exact_sign_flip,
    resamples_for,
    swapped_differences,
)
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
        significant: whether the first is better by more than chance explains.
        needed: how many examples would show it, if the lead stays; None where it is significant, there is no lead, or
            more examples alone would not do.
        over: what the interval holds: ``"examples"``, or ``"examples and seeds"``.

    """

    first: str
    second: str
    lead: Estimate
    p: float | None
    comparisons: int
    significant: bool
    needed: int | None = None
    over: str = "examples"

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return plain(self)

    def __str__(self) -> str:
        over = "" if self.over == "examples" else f" over {self.over}"
        interval = f" ({self.lead.range()}{over})" if self.lead.range() else ""
        many = "" if self.comparisons == 1 else f", corrected for {self.comparisons} comparisons"
        if self.significant:
            return f"{self.first} is better than {self.second} by {self.lead.plain()}{interval}{many}."
        more = "" if self.needed is None else f"; about {about(self.needed)} examples would tell"
        lead = f"{self.first} leads {self.second} by {self.lead.plain()}{interval}"
        return f"{lead}, but not significantly{many}{more}."


def compare(
    metric_name: str | Metric,
    y_true: ArrayLike,
    first: ArrayLike,
    second: ArrayLike,
    names: tuple[str, str] = ("first", "second"),
    comparisons: int = 1,
    seed: int = 0,
    groups: ArrayLike | None = None,
) -> Comparison:
    """Compare two models on the same examples; the better one comes first in the result.

    Args:
        metric_name: one of `leadline.measure.METRICS` or a metric.
        y_true: truth.
        first: predictions as the metric needs them.
        second: of the other model.
        names: of the two.
        comparisons: how many were made in all; Bonferroni's correction is applied.
        seed: of the random exchanges.
        groups: of examples that go together, such as copies or images of one patient, (m,).

    Raises:
        UsageError: for an unknown metric or arrays that do not fit.

    """
    t, a, b = np.asarray(y_true), np.asarray(first), np.asarray(second)
    codes, level = group_codes(groups, len(t)), 1 - SIGNIFICANCE / comparisons
    measured = metric(metric_name)
    counts_errors = measured.name in ("accuracy", "error") and t.ndim == 1
    if counts_errors:
        lead, corrected, p = _error_lead(t, a, b, level, codes)
    elif measured.influence is not None and rarest(t, a, codes) >= 2:
        lead, corrected, p = _area_lead(measured, t, a, b, level, codes)
    else:
        lead, corrected, p = _swapped_lead(measured, t, a, b, level, codes, seed)
    low, high = corrected.interval
    significant = p is not None and p <= 1 - level if counts_errors else low > 0 or high < 0
    if lead.value < 0:
        names, lead, corrected = (names[1], names[0]), _negated(lead), _negated(corrected)
    needed = None if significant or lead.value == 0 else needed_examples(lead, corrected, len(t))
    return Comparison(*names, lead, p, comparisons, significant, needed)


Lead = tuple[Estimate, Estimate, float | None]
"""How much better the first is: at 95 %, at the level corrected for all comparisons, and the p-value."""


def _error_lead(t: Array, a: Array, b: Array, level: float, codes: Array | None) -> Lead:
    wrong_a, wrong_b = ~matches(t, a), ~matches(t, b)
    difference = wrong_b.astype(float) - wrong_a
    spread = design_effect(difference - difference.mean(), codes)
    lead, corrected = (paired_difference(wrong_b, wrong_a, at, spread) for at in (0.95, level))
    return replace(lead, warning=few_groups(codes)), corrected, exact_sign_flip(group_sums(difference, codes))


def _area_lead(measured: Metric, t: Array, a: Array, b: Array, level: float, codes: Array | None) -> Lead:
    assert measured.influence is not None
    values = measured.value(t, a), measured.value(t, b)
    lead, corrected = (area_difference(t, a, b, measured.influence, values, at, codes) for at in (0.95, level))
    return lead, corrected, None


def _swapped_lead(measured: Metric, t: Array, a: Array, b: Array, level: float, codes: Array | None, seed: int) -> Lead:
    """By exchanges: what they exceed in 5 % of cases is the half width, so that interval and test agree."""
    sign = 1.0 if measured.direction == "maximize" else -1.0
    value = sign * (measured.value(t, a) - measured.value(t, b))
    chance = swapped_differences(measured, t, a, b, codes, resamples_for(level), seed)
    unit, warning = "points" if measured.unit == "%" else measured.unit, few_groups(codes)

    def at(confidence: float) -> Estimate:
        half = chance_limit(chance, confidence)
        return Estimate(value, value - half, value + half, len(t), confidence, unit, warning)

    return at(0.95), at(level), chance_of(chance, value)


def expected_optimism(
    metric_name: str | Metric,
    y_true: ArrayLike,
    predictions: Sequence[ArrayLike],
    compared: int | None = None,
    groups: ArrayLike | None = None,
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
    codes = group_codes(groups, len(t))
    if metric_name in ("accuracy", "error") and t.ndim == 1:
        wrong = np.stack([~matches(t, np.asarray(p)) for p in predictions]).astype(float)
        own = wrong - wrong.mean(0)
        own = group_sums((own - own.mean(1, keepdims=True)).T, codes)
        # Removing the mean of k models takes 1/k of each one's own variance with it.
        spread = math.sqrt((own**2).sum(0).mean() * len(own) / (len(own) - 1) * k / (k - 1)) / len(t)
    else:
        spread = _bootstrapped_spread(metric_name, t, [np.asarray(p) for p in predictions], codes)
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


def _bootstrapped_spread(
    metric_name: str | Metric, t: Array, predictions: Sequence[Array], codes: Array | None, resamples: int = 300
) -> float:
    """Standard deviation of a model's metric over resamples, less what all models share."""
    found, rng, m = metric(metric_name), np.random.default_rng(0), len(t)
    forms = [found.weighted(t, p) for p in predictions]
    if found.influence is not None and rarest(t, predictions[0]) >= 2:
        # Times √g / m, sums of influences vary over g groups as the area does over resamples.
        influence = found.influence
        sums = group_sums(np.array([mean_influence(t, p, influence) for p in predictions]).T, codes).T
        values = sums * math.sqrt(sums.shape[1]) / m
    elif None not in forms:
        weights = drawn_weights(rng, resamples, m if codes is None else int(codes.max()) + 1)
        weights = weights if codes is None else weights[:, codes]
        values = np.array([form(weights) for form in forms if form is not None])
    else:
        draws = list(drawn_examples(rng, codes, m, resamples))
        values = np.array([[found.value(t[d], p[d]) for d in draws] for p in predictions])
    own = values - values.mean(0)
    k = len(predictions)
    return float(math.sqrt(own.var(axis=1, ddof=1).mean() * k / (k - 1)))


def needed_examples(lead: Estimate, corrected: Estimate, n: int) -> int:
    """By the square root of n, the number at which the corrected interval lies above 0 with 80 %
    probability."""
    z = NormalDist().inv_cdf(0.5 + corrected.level / 2)
    allowed = lead.value * z / (z + NormalDist().inv_cdf(0.8))
    return math.ceil(n * ((lead.value - corrected.interval[0]) / allowed) ** 2)
