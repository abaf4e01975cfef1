"""Comparison of two models on the same examples: the test's size and power, and the luck of the best of many."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from leadline.errors import UsageError
from leadline.measure.swapping import exact_sign_flip
from leadline.strategy import compare
from leadline.strategy.comparison import expected_maximum, expected_optimism

DRAWS = 4000


@pytest.mark.parametrize("b, c", [(0, 0), (5, 0), (10, 3), (40, 41), (700, 650)])
def test_mcnemar_is_the_exact_binomial_test(b, c):
    expected = binomtest(b, b + c).pvalue if b + c else 1.0
    assert exact_sign_flip(np.repeat([1, -1], [b, c])) == pytest.approx(expected)
    # Groups of three of one sign are one example each.
    assert exact_sign_flip(3 * np.repeat([1, -1], [b, c])) == pytest.approx(expected)


def draw(rng, n, both, first, second):
    """Truth and two predictions: wrong together, or one alone."""
    kind = rng.choice(4, n, p=[1 - both - first - second, first, second, both])
    truth = rng.integers(0, 2, n)
    return truth, np.where(np.isin(kind, (1, 3)), 1 - truth, truth), np.where(np.isin(kind, (2, 3)), 1 - truth, truth)


def test_equally_good_models_are_seldom_told_apart():
    rng = np.random.default_rng(0)
    told = [compare("accuracy", *draw(rng, 300, 0.05, 0.05, 0.05)).significant for _ in range(DRAWS)]
    assert np.mean(told) <= 0.05


def test_a_lead_of_twice_its_interval_is_told_in_95_percent_of_draws():
    rng = np.random.default_rng(0)
    n = 1000
    lead = 2 * 1.96 * np.sqrt(0.06 / n)
    second = (0.06 + lead) / 2
    results = [compare("error", *draw(rng, n, 0.05, 0.06 - second, second)) for _ in range(1000)]
    assert np.mean([r.significant and r.first == "first" for r in results]) >= 0.95


def test_the_needed_examples_tell():
    rng = np.random.default_rng(1)
    truth, a, b = draw(rng, 200, 0.05, 0.03, 0.08)
    result = compare("accuracy", truth, a, b)
    assert not result.significant and result.needed is not None and result.needed > 200
    assert "examples would tell" in str(result)
    share = [float(np.mean((a != truth) & (b == truth))), float(np.mean((b != truth) & (a == truth)))]
    told = [compare("accuracy", *draw(rng, result.needed, 0.05, *share)).significant for _ in range(400)]
    assert np.mean(told) == pytest.approx(0.8, abs=0.08)


def test_the_better_one_comes_first():
    truth = np.zeros(100, int)
    worse = truth.copy()
    worse[:20] = 1
    result = compare("accuracy", truth, worse, truth, ("old", "new"))
    assert (result.first, result.second, result.significant) == ("new", "old", True)
    assert str(result) == "new is better than old by 20.0 points (12.4 to 28.9)."


def test_more_comparisons_ask_for_more():
    rng = np.random.default_rng(0)
    data = draw(rng, 500, 0.05, 0.03, 0.062)
    assert compare("accuracy", *data).significant
    assert not compare("accuracy", *data, comparisons=1000).significant


def test_sums_of_groups_are_flipped_exactly():
    signs = np.array(np.meshgrid(*[[-1, 1]] * 6)).reshape(6, -1)
    sums = np.array([3, -1, 2, 2, -4, 1])
    expected = np.mean(np.abs(signs.T @ sums) >= abs(sums.sum()))
    assert exact_sign_flip(sums) == pytest.approx(expected)


def test_any_metric_by_exchanges():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=300)
    near, far = truth + 0.5 * rng.normal(size=300), truth + 0.6 * rng.normal(size=300)
    result = compare("rmse", truth, far, near, ("far", "near"))
    assert result.first == "near" and result.significant
    assert result.lead.value == pytest.approx(np.std(far - truth) - np.std(near - truth), rel=0.05)
    equal = compare("rmse", truth, near, truth + rng.permutation(near - truth))
    assert not equal.significant and equal.p is not None and equal.p > 0.05


@pytest.mark.parametrize("k, expected", [(1, 0.0), (2, 0.56419), (3, 0.84628), (10, 1.53875), (100, 2.50759)])
def test_the_expected_maximum_of_normals(k, expected):
    # Teichroew (1956), tables of expected values of order statistics.
    assert expected_maximum(k) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("hard, k", [(0.0, 2), (0.0, 8), (0.1, 8)])
def test_the_optimism_of_the_best_of_equal_models_is_what_it_is(hard, k):
    """Also where all models are wrong on the same hard examples, which favours none."""
    rng = np.random.default_rng(0)
    truth, n = np.zeros(400, int), 400
    gains, estimates = [], []
    for _ in range(1000):
        shared = rng.random(n) < hard
        predictions = [np.where(shared, 1, rng.random(n) < 0.15).astype(int) for _ in range(k)]
        gains.append(hard + (1 - hard) * 0.15 - min(p.mean() for p in predictions))
        estimates.append(expected_optimism("accuracy", truth, predictions).value)
    assert np.mean(estimates) == pytest.approx(np.mean(gains), rel=0.1)


def test_the_optimism_of_another_metric():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=200)
    predictions = [truth + rng.normal(size=200) for _ in range(5)]
    measured = expected_optimism("rmse", truth, predictions)
    assert measured.value == pytest.approx(1.163 * np.sqrt(0.5 / 200), rel=0.15)
    with pytest.raises(UsageError, match="at least two models"):
        expected_optimism("rmse", truth, predictions[:1])
