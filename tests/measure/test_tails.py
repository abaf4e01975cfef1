"""Intervals of mean squares with long tails, and where none can hold."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from leadline.measure import mean_interval, root_mean_square
from leadline.measure.tails import fit_tail, pareto_posterior

Sample = Callable[[np.random.Generator, int], np.ndarray]
# Residuals with the mean of their squares.
LONG_TAILED: dict[str, tuple[Sample, float]] = {
    "student 3": (lambda rng, n: rng.standard_t(3, n), 3.0),
    "log-normal": (lambda rng, n: rng.lognormal(size=n), np.exp(2.0)),
    "heteroscedastic": (lambda rng, n: rng.normal(size=n) * np.exp(rng.normal(size=n)), np.exp(2.0)),
    "noise that grows": (lambda rng, n: rng.normal(size=n) * rng.exponential(size=n), 2.0),
    "one in ten three times as wide": (lambda rng, n: rng.normal(size=n) * np.where(rng.random(n) < 0.1, 3, 1), 1.8),
    "normal": (lambda rng, n: rng.normal(size=n), 1.0),
}


def covered(kind: str, n: int, draws: int, resamples: int) -> float:
    sample, truth = LONG_TAILED[kind]
    rng = np.random.default_rng(n)
    intervals = (root_mean_square(sample(rng, n), seed=k, resamples=resamples).interval for k in range(draws))
    return float(np.mean([low <= truth**0.5 <= high for low, high in intervals]))


@pytest.mark.parametrize("kind", ["student 3", "log-normal", "heteroscedastic"])
def test_long_tails_are_covered(kind):
    """150 draws tell 95 % from the 83 to 90 % that resamples of the sample itself reach."""
    assert covered(kind, 200, 150, 199) >= 0.91


@pytest.mark.verify
@pytest.mark.parametrize("n", [200, 1000, 5000])
@pytest.mark.parametrize("kind", LONG_TAILED)
def test_intervals_cover_what_they_state_from_200_examples_on(kind, n):
    assert covered(kind, n, 2000, 399) == pytest.approx(0.95, abs=0.025)


def test_the_posterior_finds_the_shape_of_a_tail():
    rng = np.random.default_rng(0)
    for shape in (-0.3, 0.01, 0.5):
        excess = np.sort(2 * np.expm1(-shape * np.log(rng.random(4000))) / shape)
        shapes, scales, weights = pareto_posterior(excess)
        assert weights.sum() == pytest.approx(1)
        assert weights @ shapes == pytest.approx(shape, abs=0.06)
        assert weights @ scales == pytest.approx(2, rel=0.08)


def test_a_warning_stands_where_a_few_examples_decide():
    rng = np.random.default_rng(0)
    heavy = [root_mean_square(rng.standard_t(2.2, 80)).warning for _ in range(40)]
    light = [root_mean_square(rng.normal(size=80)).warning for _ in range(40)]
    assert np.mean([bool(text) for text in heavy]) > 0.5 > 5 * np.mean([bool(text) for text in light])
    assert "a few examples make up much of it" in max(heavy)


def test_values_without_a_tail_have_an_interval_too():
    zeros = np.zeros(300)
    zeros[:3] = 1.0
    assert fit_tail(zeros, 1.4) is None
    low, high = mean_interval(zeros, positive=True).interval
    assert 0 < low < 0.01 < high
    constant = mean_interval(np.full(50, 2.0), positive=True)
    assert constant.interval == (2.0, 2.0)
    assert mean_interval([3.0], positive=True).low is None
