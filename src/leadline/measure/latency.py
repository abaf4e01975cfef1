"""How long a prediction takes, measured."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any

import numpy as np

from leadline.errors import UsageError
from leadline.measure.intervals import Estimate, normal_quantile


def latency(
    predict: Callable[[], Any],
    repeats: int = 100,
    warm_up: int = 10,
    level: float = 0.95,
    clock: Callable[[], float] = perf_counter,
) -> Estimate:
    """Median time of a call in milliseconds, with an interval that assumes nothing about how times are spread.

    The interval's ends are the times whose ranks hold the median (binomial order statistics).

    Args:
        predict: makes one prediction; a device that works on its own has to be waited for inside.
        repeats: timed calls.
        warm_up: calls before, which fill caches and are not timed.
        level: of the interval.
        clock: in seconds.

    Raises:
        UsageError: for fewer than two repeats.

    """
    if repeats < 2:
        raise UsageError(f"Latency needs at least 2 repeats, got {repeats}.")
    for _ in range(warm_up):
        predict()
    times = np.empty(repeats)
    for k in range(repeats):
        start = clock()
        predict()
        times[k] = 1000 * (clock() - start)
    times.sort()
    half = normal_quantile(level) * repeats**0.5 / 2
    low = max(int(np.floor(repeats / 2 - half)), 0)
    high = min(int(np.ceil(repeats / 2 + half)), repeats - 1)
    return Estimate(float(np.median(times)), float(times[low]), float(times[high]), repeats, level, "ms")
