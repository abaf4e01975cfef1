"""The mean over several trainings, with an interval that holds both which examples and which seeds there were.

Each training is measured on the same examples, so seeds and examples are crossed. With s²_seeds between the trainings'
values, s²_examples between examples' means over the trainings, and s² of what is left,

    Var(mean) = s²_seeds / K + s²_examples / g − s²_left / (K g):

either of the first two holds what is left once too often (Cornfield and Tukey, 1956). Student's t has as many degrees
of freedom as Satterthwaite (1946) gives such a sum.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from leadline.errors import UsageError
from leadline.measure.classification import matches
from leadline.measure.groups import few_groups, group_codes, group_means
from leadline.measure.intervals import Estimate, normal_quantile, wilson
from leadline.measure.metric import Metric
from leadline.measure.metrics import evaluate
from leadline.measure.tails import tail_warning

Array = NDArray[Any]
FEW_SEEDS = 5
"""With fewer trainings their own spread is hardly known, and where it is large the interval covers less often."""
BLOCKS = 60
"""Parts of the examples that are left out in turn for a metric that is no mean over examples."""


@dataclass(frozen=True)
class TwoWay:
    """Variance of a mean over crossed trainings and examples, and its degrees of freedom."""

    variance: float
    freedom: float
    of_seeds: float
    of_examples: float
    left: float

    @classmethod
    def of(cls, values: Array) -> TwoWay:
        """From values (K, g) of K ≥ 2 trainings on g ≥ 2 examples or groups of them."""
        k, g = values.shape
        by_seed, by_example = values.mean(1), values.mean(0)
        left = values - by_seed[:, None] - by_example + values.mean()
        terms = np.array([by_seed.var(ddof=1) / k, by_example.var(ddof=1) / g, 0.0])
        terms[2] = float((left**2).sum()) / ((k - 1) * (g - 1)) / (k * g)
        total = max(terms[0] + terms[1] - terms[2], terms[0], terms[1])
        squares = float(np.sum(terms**2 / np.array([k - 1, g - 1, (k - 1) * (g - 1)])))
        freedom = total**2 / squares if squares > 0 else float(g - 1)
        return cls(float(total), max(1.0, freedom), *map(float, terms))

    def half_width(self, level: float) -> float:
        """Of a symmetric interval."""
        return float(stdtrit(self.freedom, 0.5 + level / 2)) * self.variance**0.5


def over_seeds(
    metric: Metric,
    y_true: ArrayLike,
    predictions: Sequence[ArrayLike],
    level: float = 0.95,
    groups: ArrayLike | None = None,
    few: str = "only {} seeds, so their spread is hardly known",
) -> Estimate:
    """The mean of a metric over trainings with different seeds, with an interval over examples and seeds.

    Args:
        metric: what is measured.
        y_true: truth (m, …).
        predictions: of each training as the metric needs them, in the order of ``y_true``.
        level: of the interval.
        groups: of examples that go together (m,).
        few: the warning beside an interval from fewer than `FEW_SEEDS` trainings.

    Raises:
        UsageError: for fewer than two trainings, or arrays that do not fit.

    """
    if len(predictions) < 2:
        raise UsageError("A mean over seeds needs two trainings or more.")
    t, answers = np.asarray(y_true), [np.asarray(each) for each in predictions]
    codes = group_codes(groups, len(t))
    values = np.array([metric.value(t, each) for each in answers])
    mean = float(values.mean())
    influence = influence_values(metric, t, answers, codes)
    if influence is None:
        return Estimate(mean, None, None, len(t), level, metric.unit, few_groups(codes))
    spread = TwoWay.of(influence)
    low, high = _ends(mean, spread, influence.shape[1], metric, level)
    tail = tail_warning(influence.mean(0)) if metric.unit != "%" and codes is None else ""
    few = few.format(len(answers)) if len(answers) < FEW_SEEDS else ""
    warning = "; ".join(filter(None, (few_groups(codes), few, tail)))
    return Estimate(mean, low, high, len(t), level, metric.unit, warning)


def influence_values(metric: Metric, t: Array, answers: Sequence[Array], codes: Array | None) -> Array | None:
    """Values (K, g) whose means are the trainings' and that vary as independent groups do; None where undefined.

    Shares of wrong or right answers are means over examples; of another metric they are the pseudo-values of a
    jackknife over blocks of groups (Tukey, 1958).
    """
    if metric.name in ("accuracy", "error") and t.ndim == 1:
        right = [matches(t, each).astype(float) for each in answers]
        rows = [group_means(each if metric.name == "accuracy" else 1 - each, codes) for each in right]
        return np.stack(rows) if rows[0].size > 1 else None
    blocks = _blocks(len(t), codes)
    count = int(blocks.max()) + 1
    if count < 2:
        return None
    return np.stack([_pseudo_values(metric.value, t, each, blocks, count) for each in answers])


def _pseudo_values(value: Callable[[Array, Array], float], t: Array, answer: Array, blocks: Array, count: int) -> Array:
    whole, parts = value(t, answer), np.empty(count)
    for block in range(count):
        rest = blocks != block
        try:
            parts[block] = value(t[rest], answer[rest])
        except UsageError:  # not defined without them, such as an area under a curve without its only positives
            parts[block] = whole
    pseudo = count * whole - (count - 1) * parts
    return pseudo + (whole - pseudo.mean())


def _blocks(m: int, codes: Array | None) -> Array:
    """Examples in at most `BLOCKS` blocks of whole groups, (m,)."""
    codes = np.arange(m) if codes is None else codes
    count = int(codes.max()) + 1
    dealt = np.random.default_rng(0).permutation(count) % min(count, BLOCKS)
    return dealt[codes]


def _ends(mean: float, spread: TwoWay, units: int, metric: Metric, level: float) -> tuple[float, float]:
    """Wilson's interval of a share, at as many examples as the variance leaves; of positive errors on a log scale."""
    half = spread.half_width(level)
    if metric.unit == "%" and 0 <= mean <= 1:
        z = normal_quantile(level)
        n = mean * (1 - mean) * (z / half) ** 2 if half > 0 and 0 < mean < 1 else float(units)
        low, high = wilson(mean * n, n, level)
        return float(low), float(high)
    if metric.direction == "minimize" and mean > 0:
        factor = float(np.exp(half / mean))
        return mean / factor, mean * factor
    return mean - half, mean + half


def over_folds(
    metric: Metric,
    y_true: ArrayLike,
    predictions: Sequence[ArrayLike],
    level: float = 0.95,
    groups: ArrayLike | None = None,
) -> Estimate:
    """The error of a cross-validation: every example is predicted by a training that it had no part in.

    The interval is over examples; with repeated dealings over these as well. That trainings share most of their
    examples makes the mean vary a little more than it says, by an amount that cannot be estimated without bias
    (Bengio and Grandvalet, 2004): on simulated tables of 100 to 400 examples 90 to 94 % of intervals hold the truth.
    Nadeau and Bengio's corrected t from K folds is about twice as wide at K = 5, for it has K − 1 degrees of freedom
    (97 to 99 %).

    Args:
        metric: what is measured.
        y_true: truth (m, …).
        predictions: of each dealing as the metric needs them, one or more.
        level: of the interval.
        groups: of examples that go together (m,).

    Raises:
        UsageError: arrays that do not fit.

    """
    if len(predictions) > 1:
        return over_seeds(metric, y_true, predictions, level, groups, few="")
    return evaluate(metric, y_true, predictions[0], level, groups=groups)
