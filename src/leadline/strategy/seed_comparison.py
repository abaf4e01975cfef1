"""Is one way of training better than another, over examples and seeds?

Both are trained with several seeds and measured on the same examples. The difference of their means varies with the
seeds of either and with the examples, on which they are paired:

    Var(difference) = s²_seeds,1 / K₁ + s²_seeds,2 / K₂ + s²(paired examples) / g − what is left, held twice

as in `leadline.measure.repeated`, with Satterthwaite's degrees of freedom and Student's t.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtr, stdtrit

from leadline.errors import UsageError
from leadline.measure.groups import few_groups, group_codes
from leadline.measure.intervals import Estimate
from leadline.measure.metric import Metric
from leadline.measure.repeated import TwoWay, influence_values
from leadline.strategy.comparison import SIGNIFICANCE, Comparison, needed_examples

Array = NDArray[Any]
OVER = "examples and seeds"


def compare_over_seeds(
    metric: Metric,
    y_true: ArrayLike,
    first: Sequence[ArrayLike],
    second: Sequence[ArrayLike],
    names: tuple[str, str] = ("first", "second"),
    comparisons: int = 1,
    groups: ArrayLike | None = None,
) -> Comparison:
    """Compare the means of two groups of trainings on the same examples; the better one comes first in the result.

    Args:
        metric: what is compared.
        y_true: truth (m, …).
        first: predictions of each training of the one, as the metric needs them; two trainings or more.
        second: of the other.
        names: of the two.
        comparisons: how many were made in all; Bonferroni's correction is applied.
        groups: of examples that go together, (m,).

    Raises:
        UsageError: for fewer than two trainings of either, or arrays that do not fit.

    """
    if min(len(first), len(second)) < 2:
        raise UsageError("A comparison over seeds needs two trainings or more of either run.")
    t = np.asarray(y_true)
    codes = group_codes(groups, len(t))
    parts = [influence_values(metric, t, [np.asarray(each) for each in given], codes) for given in (first, second)]
    if parts[0] is None or parts[1] is None:
        raise UsageError("A comparison over seeds needs two groups of examples or more.")
    sign = 1.0 if metric.direction == "maximize" else -1.0
    a, b = sign * parts[0], sign * parts[1]
    value, (error, freedom) = float(a.mean() - b.mean()), _spread(a, b)
    unit, warning = "points" if metric.unit == "%" else metric.unit, few_groups(codes)

    def at(level: float) -> Estimate:
        half = float(stdtrit(freedom, 0.5 + level / 2)) * error
        return Estimate(value, value - half, value + half, len(t), level, unit, warning)

    level = 1 - SIGNIFICANCE / comparisons
    lead, corrected = at(0.95), at(level)
    p = 2 * float(stdtr(freedom, -abs(value) / error)) if error > 0 else float(value == 0)
    significant = p <= 1 - level
    if value < 0:
        names = (names[1], names[0])
        lead, corrected = (_negated(each) for each in (lead, corrected))
    # More examples make the seeds' part no smaller, so none are promised where that part alone hides the lead.
    needed = (
        None if significant or lead.value == 0 or _seeds_hide(a, b, value) else needed_examples(lead, corrected, len(t))
    )
    return Comparison(*names, lead, p, comparisons, significant, needed, OVER)


def _spread(a: Array, b: Array) -> tuple[float, float]:
    """Standard error of the difference of the means of (K₁, g) and (K₂, g), and its degrees of freedom."""
    own = TwoWay.of(a), TwoWay.of(b)
    g = a.shape[1]
    paired = float((a.mean(0) - b.mean(0)).var(ddof=1)) / g
    terms = np.array([own[0].of_seeds, own[1].of_seeds, paired, own[0].left, own[1].left])
    free = np.array([len(a) - 1, len(b) - 1, g - 1, (len(a) - 1) * (g - 1), (len(b) - 1) * (g - 1)])
    total = float(max(terms[:3].sum() - terms[3:].sum(), terms[:3].max()))
    squares = float(np.sum(terms**2 / free))
    return total**0.5, max(1.0, total**2 / squares) if squares > 0 else float(g - 1)


def _seeds_hide(a: Array, b: Array, value: float) -> bool:
    """Whether the spread of the seeds alone is so large that the lead would not be significant."""
    of_seeds = float(a.mean(1).var(ddof=1) / len(a) + b.mean(1).var(ddof=1) / len(b))
    return abs(value) < float(stdtrit(len(a) + len(b) - 2, 0.975)) * of_seeds**0.5


def _negated(m: Estimate) -> Estimate:
    low, high = m.interval
    return replace(m, value=-m.value, low=-high, high=-low)
