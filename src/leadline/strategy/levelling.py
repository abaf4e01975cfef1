"""Whether a training's cost has levelled off, as the cost itself shows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import t

from leadline.measure.intervals import Estimate

LEAST_EPOCHS = 8
"""With fewer there is no telling a slope from the noise of batches."""
LEVEL_SHARE = 0.01
"""A cost has levelled off where the next tenth of the training would bring less than this share of the whole fall."""


def remaining_fall(costs: Sequence[float]) -> Estimate | None:
    """What a tenth of the epochs brings at the end, as a share of the fall from the first epoch, with its interval.

    ``costs`` are those of each epoch without penalties. The slope is that of a straight line through the last third
    (at least 4 epochs), with the noise around it. None with fewer than `LEAST_EPOCHS`, or where the cost has not fallen
    beyond its noise: then nothing can have levelled off.
    """
    values = np.asarray(costs, dtype=float)
    if len(values) < LEAST_EPOCHS or not np.isfinite(values).all():
        return None
    window = values[-max(4, len(values) // 3) :]
    slope, se = _slope(window)
    whole = values[0] - window.mean()
    if whole <= 2 * se * len(values) or whole <= 0:
        return None
    share = -slope * len(values) / 10 / whole
    half = float(t.ppf(0.975, len(window) - 2)) * se * len(values) / 10 / whole
    return Estimate(float(share), float(share - half), float(share + half), len(window))


def has_levelled_off(costs: Sequence[float]) -> bool:
    """Whether the cost shows that going on would bring next to nothing: the interval of `remaining_fall` is small."""
    fall = remaining_fall(costs)
    return fall is not None and fall.interval[1] < LEVEL_SHARE


def _slope(values: np.ndarray) -> tuple[float, float]:
    """Slope of the least-squares line through values at 0, 1, …, and its standard error."""
    x = np.arange(len(values)) - (len(values) - 1) / 2
    slope = float(x @ values / (x @ x))
    rest = values - values.mean() - slope * x
    return slope, float(np.sqrt(rest @ rest / max(len(values) - 2, 1) / (x @ x)))
