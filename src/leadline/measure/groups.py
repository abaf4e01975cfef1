"""Examples that go together: copies of one row, images of one patient, rows of one day.

Such examples hold less than as many independent ones, so whatever is measured is measured over groups: sums within a
group are what varies independently (Taylor linearization for clusters; Liang and Zeger, 1986). With few groups the
quantile is Student's t with as many degrees of freedom as there are groups but one (Korn and Graubard, 1998).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from leadline.errors import UsageError
from leadline.measure.intervals import Estimate, normal_quantile, proportion, wilson

Array = NDArray[Any]
FEW_GROUPS = 20


def group_codes(groups: ArrayLike | None, m: int) -> Array | None:
    """The groups of m examples as whole numbers from 0 without gaps, (m,); None where each is its own group.

    Raises:
        UsageError: if there is not one group per example.

    """
    if groups is None:
        return None
    given = np.asarray(groups)
    if given.shape != (m,):
        raise UsageError(f"Groups need one name or number per example: got {given.shape} for {m}.")
    names, codes = np.unique(given.astype(str) if given.dtype.kind == "O" else given, return_inverse=True)
    return None if len(names) == m else codes.reshape(-1)


def group_sums(values: Array, codes: Array | None) -> Array:
    """Sums of values (m,) or (m, k) within each group, (g,) or (g, k)."""
    if codes is None:
        return np.asarray(values, float)
    sums = np.zeros((int(codes.max()) + 1, *np.shape(values)[1:]))
    np.add.at(sums, codes, values)
    return sums


def group_means(values: Array, codes: Array | None) -> Array:
    """One value per group, (g,), whose mean is that of all examples, and which vary as independent examples would.

    The mean of examples is a ratio of sums over groups; these are its linearized values.
    """
    if codes is None:
        return np.asarray(values, float)
    sums, sizes = group_sums(values, codes), np.bincount(codes)
    mean = float(np.mean(values))
    return mean + (sums - mean * sizes) / sizes.mean()


def design_effect(influence: Array, codes: Array | None) -> float:
    """How many times more examples are needed than independent ones would be, at least 1.

    Args:
        influence: what each example adds to a number, with mean 0, (m,).
        codes: groups (m,).

    """
    if codes is None:
        return 1.0
    own = float(np.sum(influence**2))
    sizes = np.bincount(codes)
    if own <= 0:
        return float(np.sum(sizes.astype(float) ** 2) / len(codes))  # nothing varies, so nothing speaks against copies
    return max(1.0, float(np.sum(group_sums(influence, codes) ** 2)) / own) * few_groups_factor(len(sizes))


def few_groups_factor(groups: int, level: float = 0.95) -> float:
    """By how much fewer examples count for their spread is estimated from this many groups: (t / z)²."""
    if groups < 2:
        return float("inf")
    return float(stdtrit(groups - 1, 0.5 + level / 2) / normal_quantile(level)) ** 2


def clustered_rate(
    wrong: ArrayLike, judged: ArrayLike, level: float = 0.95, groups: ArrayLike | None = None
) -> Estimate:
    """Share of wrong answers where answers of one example, or of a group of examples, go together.

    The interval is Wilson's at the effective number of answers that the spread between groups leaves.

    Args:
        wrong: wrong answers per example (m,); parts are allowed.
        judged: answers per example (m,); examples with none are left out.
        level: of the interval.
        groups: of examples that go together (m,); by default each is its own.

    """
    w, k = np.asarray(wrong, float), np.asarray(judged, float)
    asked = k > 0
    codes = group_codes(None if groups is None else np.asarray(groups)[asked], int(asked.sum()))
    w, k = group_sums(w[asked], codes), group_sums(k[asked], codes)
    n, rate = len(k), float(w.sum() / k.sum())
    variance = float(np.sum(((w - rate * k) / k.mean()) ** 2) / max(n - 1, 1) / n)
    effective = rate * (1 - rate) / variance if variance > 0 else n
    if codes is not None:
        effective = min(effective, float(asked.sum())) / few_groups_factor(n, level)
    low, high = wilson(rate * effective, effective, level)
    return Estimate(rate, float(low), float(high), int(asked.sum()), level, warning=few_groups(codes))


def rate(counted: ArrayLike, level: float = 0.95, groups: ArrayLike | None = None) -> Estimate:
    """The share of examples that are counted, boolean (m,), with Wilson's interval at the effective number of them."""
    chosen = np.asarray(counted, bool)
    codes = group_codes(groups, len(chosen))
    if codes is None:
        return proportion(int(chosen.sum()), len(chosen), level)
    return clustered_rate(chosen, np.ones(len(chosen)), level, codes)


def few_groups(codes: Array | None) -> str:
    """What to say beside an interval that rests on few groups; empty where there are enough."""
    n = FEW_GROUPS if codes is None else int(codes.max()) + 1
    if n >= FEW_GROUPS:
        return ""
    return f"only {n} independent group{'' if n == 1 else 's'} of examples, so the interval is rough"
