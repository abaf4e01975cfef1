"""Intervals: known values, coverage where the truth is known, sizes, and how a measured number reads."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from leadline.errors import UsageError
from leadline.measure import (
    Estimate,
    combination,
    difference,
    examples_for_precision,
    examples_to_tell,
    newcombe,
    paired_difference,
    paired_newcombe,
    proportion,
    weighted_average,
    wilson,
)

DRAWS = 20_000


@pytest.mark.parametrize("k, n", [(0, 10), (1, 10), (10, 360), (81, 263), (263, 263)])
@pytest.mark.parametrize("level", [0.9, 0.95, 0.99])
def test_wilson_equals_scipys(k, n, level):
    expected = binomtest(k, n).proportion_ci(level, method="wilson")
    assert wilson(k, n, level) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_wilson_is_exact_at_the_ends_and_open_without_examples():
    assert wilson(0, 50)[0] == 0
    assert wilson(50, 50)[1] == 1
    assert wilson(0, 0) == (0, 1)


def test_newcombe_gives_the_published_example():
    # Newcombe (1998), example 56/70 against 48/80, method 10.
    low, high = newcombe(56, 70, 48, 80)
    assert (float(low), float(high)) == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_paired_newcombe_is_symmetric_and_knows_independence():
    low, high = paired_newcombe(20, 0, 0, 100)
    assert low < 0 < high
    assert high == pytest.approx(-low)
    # Independent marginals (phi 0) give the unpaired interval.
    assert paired_newcombe(25, 25, 25, 100) == pytest.approx(newcombe(50, 100, 50, 100))


def test_the_difference_of_two_measured_rates_is_newcombes():
    measured = difference(proportion(56, 70), proportion(48, 80))
    low, high = newcombe(56, 70, 48, 80)
    assert measured.interval == pytest.approx((float(low), float(high)))
    assert measured.unit == "points"


def test_a_part_without_interval_counts_as_exact():
    measured = difference(proportion(10, 100), Estimate(0.02))
    low, high = proportion(10, 100).interval
    assert measured.interval == pytest.approx((low - 0.02, high - 0.02))
    assert not difference(Estimate(0.1), Estimate(0.02)).has_interval


def test_weighted_average_over_segments():
    average = weighted_average([proportion(30, 1000), proportion(80, 1000)], [3, 1])
    assert average.value == pytest.approx(0.0425)
    assert average.n == 2000
    assert average.interval[0] < 0.0425 < average.interval[1]
    assert average.unit == "%"
    with pytest.raises(UsageError, match="Segment weights"):
        weighted_average([proportion(1, 2)], [0])


def test_paired_examples_tell_more_than_unpaired_ones():
    rng = np.random.default_rng(0)
    first = rng.random(1000) < 0.1
    second = first | (rng.random(1000) < 0.01)
    paired = paired_difference(second, first)
    unpaired = difference(proportion(int(second.sum()), 1000), proportion(int(first.sum()), 1000))
    assert paired.value == pytest.approx(unpaired.value)
    assert paired.interval[0] > 0 > unpaired.interval[0]
    with pytest.raises(UsageError, match="equally long"):
        paired_difference(first, second[:5])


# --- coverage -----------------------------------------------------------------------------------------------
# A proportion takes few values, so at one exact rate the coverage of any interval jumps with n. Drawing the rate
# from ±20 % around the nominal one gives the coverage that a user meets.


def rates(rng, rate):
    return rate * rng.uniform(0.8, 1.2, DRAWS)


@pytest.mark.parametrize("n", [100, 360, 1000, 10_000])
@pytest.mark.parametrize("rate", [0.03, 0.1, 0.3])
def test_wilson_covers_95_percent(n, rate):
    rng = np.random.default_rng(n)
    truth = rates(rng, rate)
    low, high = wilson(rng.binomial(n, truth), n)
    assert np.mean((low <= truth) & (truth <= high)) == pytest.approx(0.95, abs=0.015)


@pytest.mark.parametrize("n", [(200, 100), (1000, 360), (10_000, 1000)])
@pytest.mark.parametrize("rate", [(0.05, 0.1), (0.1, 0.1), (0.2, 0.35)])
def test_newcombe_covers_95_percent(n, rate):
    rng = np.random.default_rng(n[0])
    p, q = rates(rng, rate[0]), rates(rng, rate[1])
    low, high = newcombe(rng.binomial(n[1], q), n[1], rng.binomial(n[0], p), n[0])
    assert np.mean((low <= q - p) & (q - p <= high)) == pytest.approx(0.95, abs=0.015)


@pytest.mark.parametrize("n", [200, 1000, 5000])
@pytest.mark.parametrize("both, first, second", [(0.05, 0.05, 0.03), (0.15, 0.05, 0.05), (0.02, 0.1, 0.15)])
def test_paired_newcombe_covers_95_percent(n, both, first, second):
    rng = np.random.default_rng(n)
    shares = np.array([both, first, second])[None] * rng.uniform(0.8, 1.2, (DRAWS, 3))
    shares = np.concatenate([shares, 1 - shares.sum(1, keepdims=True)], 1)
    counts = rng.multinomial(n, shares)
    low, high = paired_newcombe(counts[:, 0], counts[:, 1], counts[:, 2], n)
    truth = shares[:, 1] - shares[:, 2]
    assert np.mean((low <= truth) & (truth <= high)) == pytest.approx(0.95, abs=0.015)


@pytest.mark.parametrize("n", [200, 1000])
def test_a_difference_of_two_gaps_covers_95_percent(n):
    """dev − 2 train + human: two gaps share the training error."""
    rng = np.random.default_rng(n)
    weights = (1.0, -2.0, 1.0)
    truth = (0.2, 0.1, 0.05)
    hits = 0
    for _ in range(4000):
        parts = [proportion(int(rng.binomial(n, p)), n) for p in truth]
        low, high = combination(weights, parts).interval
        hits += low <= 0.05 <= high
    assert hits / 4000 == pytest.approx(0.95, abs=0.015)


# --- sizes --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate, half_width", [(0.02, 0.01), (0.1, 0.01), (0.5, 0.05), (0.0, 0.005)])
def test_the_size_for_a_precision_is_the_smallest(rate, half_width):
    n = examples_for_precision(rate, half_width)

    def width(m):
        low, high = wilson(rate * m, m)
        return high - low

    assert width(n) <= 2 * half_width < width(n - 1)


def test_the_size_that_tells_a_gap_tells_it_with_80_percent():
    n = examples_to_tell(0.02, 0.05)
    rng = np.random.default_rng(0)
    low, _ = newcombe(rng.binomial(n, 0.07, DRAWS), n, rng.binomial(n, 0.05, DRAWS), n)
    assert np.mean(low > 0) == pytest.approx(0.8, abs=0.03)
    with pytest.raises(UsageError, match="gap other than 0"):
        examples_to_tell(0, 0.1)


# --- how it reads -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "measured, text",
    [
        (proportion(10, 360), "2.8 % (1.5 to 5.0 %, n = 360)"),
        (proportion(5, 100_000), "0.005 % (0.002 to 0.012 %, n = 100 000)"),
        (Estimate(0.11), "11 %"),
        (Estimate(29 / 80, 0.25, 0.5), "36.2 % (25.0 to 50.0 %)"),
        (Estimate(1 - 51 / 80, 0.25, 0.5), "36.2 % (25.0 to 50.0 %)"),
        (Estimate(0.005), "0.5 %"),
        (Estimate(0.061, 0.04, 0.089, unit="points"), "6.1 points (4.0 to 8.9)"),
        (Estimate(-0.01, -0.035, 0.018, unit="points"), "−1.0 points (−3.5 to 1.8)"),
        (Estimate(49_959, 49_331, 50_596, 12_000, unit="USD"), "49 959 USD (49 331 to 50 596, n = 12 000)"),
        (Estimate(0.8583, 0.8251, 0.8842, 500, unit=""), "0.858 (0.825 to 0.884, n = 500)"),
        (Estimate(0.0, 0.0, 0.0, 5, unit=""), "0 (n = 5)"),
    ],
)
def test_a_measured_number_reads_well(measured, text):
    assert str(measured) == text


def test_a_change_has_a_sign():
    changes = [Estimate(value, value - 0.1, value + 0.1, unit="points") for value in (0.02, 0.0, -0.02)]
    assert [change.signed() for change in changes] == ["+2.0 points", "0.0 points", "−2.0 points"]


def test_a_measured_number_survives_json():
    measured = proportion(3, 40)
    assert Estimate.from_json(measured.to_json()) == measured


def test_impossible_counts_are_refused():
    with pytest.raises(UsageError, match="count between 0 and n"):
        proportion(5, 3)
    with pytest.raises(UsageError, match="level of an interval"):
        wilson(1, 2, level=95)
