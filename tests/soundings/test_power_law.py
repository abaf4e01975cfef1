from __future__ import annotations

import numpy as np
import pytest

from leadline.soundings.power_law import fit_power_law, interval

SIZES = [500, 1000, 2000, 4000]


def law(n: float, a: float = 0.05, b: float = 2.0, c: float = 0.5) -> float:
    return a + b * n**-c


def test_a_law_without_noise_is_found_again():
    exact = [law(n) for n in SIZES]
    fitted = fit_power_law(SIZES, exact, 1e-12 * np.eye(4))
    assert fitted.chi2 < 10
    for n in (8000, 16000):
        middle, low, high = interval(fitted.expected(float(n)), 0.9)
        assert middle == pytest.approx(law(n), rel=0.02)
        assert low <= law(n) <= high
    assert np.median(fitted.c) == pytest.approx(0.5, abs=0.1)
    assert np.median(fitted.a) == pytest.approx(0.05, abs=0.015)


def test_intervals_hold_the_truth_as_often_as_they_say():
    random, held, trials = np.random.default_rng(3), 0, 200
    for trial in range(trials):
        c, a = random.uniform(0.2, 1.0), random.uniform(0.0, 0.1)
        b = random.uniform(0.05, 0.2) * 500**c
        sd = 0.004
        errors = [law(n, a, b, c) + sd * random.standard_normal() for n in SIZES]
        fitted = fit_power_law(SIZES, errors, sd**2 * np.eye(4), seed=trial)
        _, low, high = interval(fitted.expected(8000.0), 0.9)
        held += low <= law(8000, a, b, c) <= high
    assert 0.84 * trials <= held <= 0.99 * trials


def test_more_noise_makes_forecasts_less_sure():
    errors = [law(n) for n in SIZES]
    widths = []
    for sd in (0.0005, 0.005, 0.02):
        _, low, high = interval(fit_power_law(SIZES, errors, sd**2 * np.eye(4)).expected(16000.0), 0.9)
        widths.append(high - low)
    assert widths[0] < widths[1] < widths[2]


def test_a_law_never_rises_with_more_data():
    random = np.random.default_rng(0)
    fitted = fit_power_law(SIZES, list(0.1 + 0.05 * random.random(4)), 1e-4 * np.eye(4))
    values = fitted(np.array([500.0, 4000.0, 16000.0, 1e6]))
    assert values.shape == (4000, 4)
    assert (np.diff(values, axis=1) <= 1e-12).all()
    assert (fitted.a >= 0).all()


def test_correlated_noise_counts_as_one_piece_of_evidence():
    """Noise that all sizes share moves the whole curve and says nothing of its slope."""
    errors, shared = [law(n) for n in SIZES], 1e-4 * np.ones((4, 4)) + 1e-8 * np.eye(4)
    apart = fit_power_law(SIZES, errors, 1e-4 * np.eye(4))
    together = fit_power_law(SIZES, errors, shared)
    fall = {name: np.std(f(8000.0) - f(4000.0)) for name, f in (("apart", apart), ("together", together))}
    assert fall["together"] < 0.5 * fall["apart"]


def test_examples_for_an_error():
    fitted = fit_power_law(SIZES, [law(n) for n in SIZES], 1e-12 * np.eye(4))
    needed = fitted.examples_for(law(8000))
    assert np.median(needed) == pytest.approx(8000, rel=0.15)
    assert np.isinf(fitted.examples_for(0.001)).mean() > 0.9


def test_a_curve_drifts_from_its_law_the_further_the_more():
    fitted = fit_power_law(SIZES, [law(n) for n in SIZES], 1e-6 * np.eye(4))
    assert np.array_equal(fitted.expected(4000.0), fitted(4000.0))
    off = [np.std(fitted.expected(n) - fitted(n)) for n in (8000.0, 16000.0, 32000.0)]
    assert 0 < off[0] < off[1] < off[2]


def test_errors_of_zero_have_a_law():
    fitted = fit_power_law(SIZES, [0.0, 0.0, 0.0, 0.0], np.zeros((4, 4)))
    assert np.isfinite(fitted.expected(8000.0)).all()
    assert np.median(fitted.expected(8000.0)) == pytest.approx(0.0, abs=1e-9)
