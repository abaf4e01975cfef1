"""Intervals for means of positive values with long tails, such as squared errors: the tail is fitted, not resampled.

A sample seldom holds the largest values that matter, and then both its mean and its spread are too small; resamples
repeat that. So the values above a high threshold are drawn from a generalized Pareto distribution, whose shape is
itself drawn from what the sample leaves open about it, and only the others are resampled.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
# Values above the threshold, in square roots of n: few enough to follow the tail, or enough to tell its shape.
TAIL_SIZES = (1.4, 2.8)
LEAST_TAIL = 5
# With a longer tail than this, or one that is long in so few examples, an interval can hardly keep what it states.
LONGEST, FEW_FOR_LONG_TAILS = 0.75, 100
# A mean exists below a shape of 1. The prior favours shapes towards it a little: (1 − shape)^−0.25.
MOST_SHAPE, PRIOR = 0.98, -0.25
GRID = 200
# Up to so many values below the threshold are resampled; the sum of more is as good as normal.
RESAMPLED_BODY = 500


@dataclass(frozen=True, eq=False)
class Tail:
    """What a sample says of its upper tail: generalized Pareto distributions with their probabilities.

    Attributes:
        threshold: above which the tail begins.
        count: values above it.
        body: values up to it.
        shapes: (g,); the larger, the longer the tail; from 0.5 on its variance, from 1 on its mean is infinite.
        scales: (g,).
        weights: posterior probabilities (g,).

    """

    threshold: float
    count: int
    body: Array
    shapes: Array
    scales: Array
    weights: Array

    @property
    def shape(self) -> float:
        """The posterior mean."""
        return float(self.weights @ self.shapes)


def fit_tail(values: Array, size: float) -> Tail | None:
    """The tail of about ``size`` · √n values; None where too few differ."""
    ordered = np.sort(values)
    n = len(ordered)
    k = min(round(size * np.sqrt(n)), n // 2)
    if k < LEAST_TAIL:
        return None
    threshold = float(ordered[n - k - 1])
    above = ordered[ordered > threshold]
    if len(above) < LEAST_TAIL:
        return None
    shapes, scales, weights = pareto_posterior(above - threshold)
    return Tail(threshold, len(above), ordered[: n - len(above)], shapes, scales, weights)


def pareto_posterior(excesses: Array) -> tuple[Array, Array, Array]:
    """Shapes, scales and probabilities of generalized Pareto distributions for positive values in rising order.

    The grid and the profile likelihood over it are those of Zhang and Stephens (2009).
    """
    n = len(excesses)
    steps = 1 - np.sqrt(GRID / (np.arange(1, GRID + 1) - 0.5))
    slopes = steps / (3 * excesses[int(n / 4 + 0.5) - 1]) + 1 / excesses[-1]
    shapes = np.mean(np.log1p(-slopes[:, None] * excesses), axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        scales = np.where(shapes == 0, excesses.mean(), -shapes / slopes)
        likelihood = -n * (np.log(scales) + shapes + 1)
    allowed = (shapes < MOST_SHAPE) & np.isfinite(likelihood)
    if not allowed.any():
        return np.array([MOST_SHAPE]), np.array([_scale_of(excesses, MOST_SHAPE)]), np.ones(1)
    shapes, scales, likelihood = shapes[allowed], scales[allowed], likelihood[allowed]
    likelihood = likelihood + PRIOR * np.log(1 - shapes)
    weights = np.exp(likelihood - likelihood.max())
    return shapes, scales, weights / weights.sum()


def _scale_of(excesses: Array, shape: float) -> float:
    """The scale that puts the distribution's median where the sample has it."""
    return float(np.median(excesses) * shape / (2**shape - 1))


def studentized_means(tail: Tail, resamples: int, rng: np.random.Generator) -> Array:
    """log(mean* / μ*) · mean* / error* of samples drawn from the body and from distributions of the tail, (r,)."""
    n, share = len(tail.body) + tail.count, tail.count / (len(tail.body) + tail.count)
    chosen = rng.choice(len(tail.weights), resamples, p=tail.weights)
    shapes, scales = tail.shapes[chosen], tail.scales[chosen]
    truth = (1 - share) * tail.body.mean() + share * (tail.threshold + scales / (1 - shapes))
    counts = np.minimum(rng.binomial(n, share, resamples), n - 1)
    sums, squares = _body_sums(tail.body, n - counts, rng)
    width = int(counts.max())
    uniform = rng.random((resamples, width))
    shape = np.where(np.abs(shapes) < 1e-6, 1e-6, shapes)[:, None]
    drawn = tail.threshold + scales[:, None] * np.expm1(-shape * np.log(uniform)) / shape
    drawn[np.arange(width) >= counts[:, None]] = 0
    sums, squares = sums + drawn.sum(1), squares + np.einsum("ij,ij->i", drawn, drawn)
    means = sums / n
    errors = np.sqrt(np.maximum(squares - n * means**2, 0) / (n - 1) / n)
    with np.errstate(divide="ignore", invalid="ignore"):
        studentized = np.log(means / truth) * means / errors
    return studentized[np.isfinite(studentized)]


def _body_sums(body: Array, counts: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """Sums, and sums of squares, of ``counts`` (r,) values drawn from the body."""
    if len(body) <= RESAMPLED_BODY:
        drawn = body[rng.integers(0, len(body), (len(counts), int(counts.max())))]
        drawn[np.arange(drawn.shape[1]) >= counts[:, None]] = 0
        return drawn.sum(1), np.einsum("ij,ij->i", drawn, drawn)
    pairs = np.stack([body, body**2])
    noise = rng.multivariate_normal(np.zeros(2), np.cov(pairs), len(counts), method="eigh")
    sums = counts[:, None] * pairs.mean(1) + np.sqrt(counts)[:, None] * noise
    return sums[:, 0], sums[:, 1]


def long_tailed_ends(values: Array, level: float, resamples: int, seed: int) -> tuple[float, float] | None:
    """Interval of the mean of positive values (m,); None where they show no tail to fit.

    The widest of two thresholds holds, and the lower end also where the largest value is taken for the second largest:
    one value that is large by chance pulls the mean up with it.
    """
    rng = np.random.default_rng(seed)
    tails = [tail for tail in (fit_tail(values, size) for size in TAIL_SIZES) if tail is not None]
    if not tails:
        return None
    quantiles = [
        np.quantile(studentized_means(tail, resamples, rng), [0.5 - level / 2, 0.5 + level / 2]) for tail in tails
    ]
    lowest, highest = min(q[0] for q in quantiles), max(q[1] for q in quantiles)
    mean, error = _mean_and_error(values)
    high = mean * np.exp(-lowest * error / mean)
    modest = np.minimum(values, np.partition(values, -2)[-2])
    lows = [centre * np.exp(-highest * own / centre) for centre, own in ((mean, error), _mean_and_error(modest))]
    return float(min(lows)), float(high)


def tail_warning(values: Array) -> str:
    """Why an interval of the mean of positive values (m,) may miss it more often than stated; empty if nothing shows.

    Few examples do not hold the values that matter where the variance, by the tail, is about infinite; and a mean that
    hardly exists cannot be measured by any number of them.
    """
    tail = fit_tail(values, TAIL_SIZES[-1])
    if tail is None:
        return ""
    few = len(values) <= FEW_FOR_LONG_TAILS and float(tail.weights @ (tail.shapes > 0.5)) > 0.5
    if few or float(tail.weights @ (tail.shapes > LONGEST)) > 0.5:
        return "a few examples make up much of it, so the interval may be too narrow"
    return ""


def _mean_and_error(values: Array) -> tuple[float, float]:
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values)))
