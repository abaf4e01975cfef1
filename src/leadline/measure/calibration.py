"""The interval of the expected calibration error, which no resampling gives: the estimate itself is biased upwards.

Noise makes every bin's gap look larger than it is, so even a calibrated network has an estimate above 0 and resamples
lie higher still. Therefore the interval comes from inverting a test: a true error belongs to it if the estimate is
among the middle 95 % of what noise would make of that error, with the true gaps spread over the bins along a line.
Which line has to be estimated, too, so there are two, and the interval holds what either allows: the one through the
measured gaps, and the one through them that starts at 0 where a network only guesses, as too sure and too modest
networks have it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leadline.measure.classification import confidence_bins, two_columns
from leadline.measure.groups import design_effect, few_groups, group_codes
from leadline.measure.intervals import Estimate

Array = NDArray[Any]
DRAWS = 2000
HALVINGS = 25
SMALLEST = 1e-9


def calibration_error_interval(
    y_true: ArrayLike,
    probabilities: ArrayLike,
    level: float = 0.95,
    seed: int = 0,
    groups: ArrayLike | None = None,
) -> Estimate:
    """Expected calibration error (`leadline.measure.classification.calibration_error`) with its interval.

    ``probabilities`` are of the classes (m, K), or of the second of two (m,). Of examples in ``groups`` (m,) each bin
    counts as many as the spread between the groups leaves.
    """
    right, confidence, place = confidence_bins(y_true, probabilities)
    bins, where, n = np.unique(place, return_inverse=True, return_counts=True)
    accuracy = np.bincount(where, right) / n
    mean = np.bincount(where, confidence) / n
    codes, weight = group_codes(groups, len(right)), n / n.sum()
    n = n / design_effect(right - accuracy[where], codes)
    smoothed = (accuracy * n + 0.5) / (n + 1)  # a bin without mistakes still has some spread
    spread, gap = np.sqrt(smoothed * (1 - smoothed) / n), mean - accuracy
    estimate = float(weight @ np.abs(gap))
    chance = 1 / two_columns(y_true, probabilities).shape[1]
    drawn, least = np.random.default_rng(seed).standard_normal((DRAWS, len(bins))), 0.5 / (n + 1)

    def inverted(pattern: Array) -> tuple[float, float]:
        """Both ends, if the true gaps are a multiple of the pattern."""

        def estimates(scale: float) -> Array:
            """What the estimate would be of gaps of this size: the spread in a bin is that of its accuracy then."""
            implied = np.clip(mean - scale * pattern, least, 1 - least)
            return np.abs(scale * pattern + np.sqrt(implied * (1 - implied) / n) * drawn) @ weight

        low, high = _inverted(estimates, estimate, (1 - level) / 2)
        size = float(weight @ np.abs(pattern))
        return low * size, high * size

    lows, highs = zip(*map(inverted, (_line(mean, gap, spread), _slope(mean - chance, gap, spread))), strict=True)
    return Estimate(estimate, min(*lows, estimate), max(*highs, estimate), len(right), level, "%", few_groups(codes))


def _inverted(estimates: Callable[[float], Array], estimate: float, tail: float) -> tuple[float, float]:
    """The scales between which the estimate is in neither tail of what noise would make of them."""
    top = 1.0
    while np.mean(estimates(top) <= estimate) > tail and top < 1e6:
        top *= 2
    low = _largest(lambda scale: np.mean(estimates(scale) >= estimate) <= tail, top)
    if low == 0 and np.mean(estimates(0.0) >= estimate) <= 2 * tail:
        low = SMALLEST  # nothing lies below a calibrated network, so its whole tail is on this side
    return low, _largest(lambda scale: np.mean(estimates(scale) <= estimate) > tail, top)


def _line(x: Array, y: Array, spread: Array) -> Array:
    """Values on the weighted least-squares line through the points, or the points where that is flat at 0."""
    design = np.stack([np.ones(len(x)), x], axis=1) / spread[:, None]
    fitted = np.stack([np.ones(len(x)), x], axis=1) @ np.linalg.lstsq(design, y / spread, rcond=None)[0]
    return fitted if np.abs(fitted).sum() > 0 else np.full(len(x), 1e-6)


def _slope(x: Array, y: Array, spread: Array) -> Array:
    """Values on the weighted least-squares line through the points and the origin, or the points where that is flat."""
    w = x / spread**2
    fitted = x * float(w @ y) / max(float(w @ x), 1e-12)
    return fitted if np.abs(fitted).sum() > 0 else np.full(len(x), 1e-6)


def _largest(holds: Callable[[float], Any], top: float) -> float:
    """The largest scale from 0 to ``top`` at which the condition holds, which it does up to there; 0 if nowhere."""
    low, high = 0.0, top
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low
