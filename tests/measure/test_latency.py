"""Latency: the median of timed calls, with an interval that covers whatever the spread of times."""

from __future__ import annotations

import numpy as np
import pytest

from leadline.errors import UsageError
from leadline.measure import latency


class Clock:
    """Time that a call advances by what the test says."""

    def __init__(self, durations):
        self.now, self.durations = 0.0, iter(durations)

    def __call__(self):
        return self.now

    def predict(self):
        self.now += next(self.durations)


def timed(durations, warm_up=0):
    clock = Clock(durations)
    return latency(clock.predict, repeats=len(durations) - warm_up, warm_up=warm_up, clock=clock)


def test_the_median_is_in_milliseconds_and_warm_up_is_not_timed():
    measured = timed([9.0, 9.0, 0.001, 0.002, 0.003, 0.004, 0.1], warm_up=2)
    assert measured.value == pytest.approx(3.0)
    assert str(measured).startswith("3 ms (")


def test_the_interval_of_the_median_covers_95_percent():
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(4000):
        low, high = timed(rng.lognormal(0, 1, 100) / 1000).interval
        hits += low <= 1.0 <= high
    assert hits / 4000 == pytest.approx(0.95, abs=0.015)


def test_one_call_is_no_measurement():
    with pytest.raises(UsageError, match="at least 2 repeats"):
        latency(lambda: None, repeats=1)
