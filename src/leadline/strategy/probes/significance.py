"""The tests that probes make: paired differences of losses, and whether outputs have to do with targets at all."""

from __future__ import annotations

from math import erfc, sqrt

import numpy as np

from leadline.measure.intervals import Estimate, difference, normal_quantile
from leadline.strategy.probes.examined import Array, Examined

PERMUTATIONS = 999


def mean_difference(differences: Array, groups: Array | None = None, level: float = 0.95) -> tuple[Estimate, float]:
    """The mean of differences (m,) with its interval, and the two-sided p-value that it is 0.

    Examples of one group are summed first, for they are not independent of each other. The interval adds one
    difference of each sign, so that it has a width where all are equal (Agresti and Min, 2005).
    """
    values = np.asarray(differences, float)
    m = len(values)
    sums = values - values.mean()
    if groups is not None:
        sums = np.bincount(np.unique(groups, return_inverse=True)[1].reshape(-1), weights=sums)
    largest = float(np.abs(values).max(initial=0.0)) or 1.0
    spread = sqrt(float((sums**2).sum()) + 2 * min(largest, 1.0) ** 2) / m
    half = normal_quantile(level) * spread
    mean = float(values.mean())
    p = erfc(abs(mean) / spread / sqrt(2))
    return Estimate(mean, mean - half, mean + half, m, level, ""), p


def association(examined: Examined, y: Array, outputs: Array, seed: int = 0) -> tuple[float, float]:
    """How closely outputs follow targets, 0 for not at all, and the permutation p-value of that.

    The covariance between outputs and targets, each centred and in standard deviations, over all classes or values.
    The outputs must not have learnt from these targets.
    """
    truth = np.eye(outputs.shape[1])[y] if examined.classifies else np.nan_to_num(y.reshape(len(y), -1))
    truth, answers = truth - truth.mean(0), outputs - outputs.mean(0)
    size = sqrt(float((truth**2).sum() * (answers**2).sum()))
    if size <= 1e-12:
        return 0.0, 1.0
    value = float((truth * answers).sum()) / size
    random = np.random.default_rng(seed)
    shuffled = [float((truth * answers[random.permutation(len(y))]).sum()) / size for _ in range(PERMUTATIONS)]
    return value, (1 + sum(each >= value for each in shuffled)) / (1 + PERMUTATIONS)


def independent_difference(first: Array, second: Array) -> tuple[Estimate, float]:
    """Mean of the second losses less that of the first, of other examples, with its interval and p-value."""
    gap = difference(mean_difference(second)[0], mean_difference(first)[0])
    spread = (gap.interval[1] - gap.interval[0]) / 2 / normal_quantile(gap.level)
    return gap, erfc(abs(gap.value) / spread / sqrt(2))
