"""Coverage of every interval where the truth is known: 95 % ± 1.5 over 4 000 draws or more.

A proportion takes few values, so at one exact rate the coverage of any interval jumps with n. Drawing the rate from
±20 % around the nominal one gives the coverage that a user meets.
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import NormalDist

import numpy as np
import pytest

from leadline.measure import (
    Estimate,
    bootstrap_confusion,
    evaluate,
    false_alarms_per_day,
    latency,
    mean_interval,
    multilabel_error,
    newcombe,
    proportion,
    root_mean_square,
    weighted_average,
)
from leadline.measure import classification as c
from leadline.measure.calibration import calibration_error_interval
from leadline.measure.classification import f1_interval
from leadline.measure.regression import r2_interval
from leadline.strategy.comparison import compare

DRAWS = 4000
QUICK = 400  # resamples of a bootstrap here; users get five times as many


def coverage(truth: float, draw: Callable[[int], Estimate], draws: int = DRAWS) -> float:
    """Share of intervals that hold the truth; an end is rounded as floating-point numbers are."""
    found = (draw(seed).interval for seed in range(draws))
    return float(np.mean([low - 1e-12 <= truth <= high + 1e-12 for low, high in found]))


def about_95(share: float) -> bool:
    return abs(share - 0.95) <= 0.015


# --- gaps of two rates --------------------------------------------------------------------------------------


def newcombe_coverage(n: tuple[int, int], rate: tuple[float, float], draws: int = 40_000) -> float:
    rng = np.random.default_rng(n[0])
    p, q = (rate[k] * rng.uniform(0.8, 1.2, draws) for k in (0, 1))
    low, high = newcombe(rng.binomial(n[0], p), n[0], rng.binomial(n[1], q), n[1])
    return float(np.mean((low <= p - q) & (p - q <= high)))


@pytest.mark.parametrize("n", [(100, 100), (100, 1000), (360, 360), (1000, 360), (10_000, 1000)])
@pytest.mark.parametrize("rate", [(0.05, 0.1), (0.1, 0.1), (0.1, 0.2), (0.2, 0.35), (0.5, 0.5)])
def test_a_gap_of_two_rates(n, rate):
    assert about_95(newcombe_coverage(n, rate))


@pytest.mark.parametrize(("n", "rate"), [((100, 100), (0.01, 0.03)), ((200, 100), (0.01, 0.01))])
def test_a_gap_of_very_few_mistakes_is_wider_than_it_need_be(n, rate):
    """With three expected mistakes or fewer in a set no interval of counts keeps to 95 % ± 1.5; this one errs wide."""
    assert 0.965 < newcombe_coverage(n, rate) < 0.995


@pytest.mark.parametrize("n", [100, 360, 2000])
def test_a_weighted_average_of_segments(n):
    rng = np.random.default_rng(n)

    def draw(_: int) -> Estimate:
        return weighted_average([proportion(int(rng.binomial(n, p)), n) for p in (0.05, 0.2, 0.1)], [3, 1, 2])

    assert about_95(coverage((3 * 0.05 + 0.2 + 2 * 0.1) / 6, draw))


# --- functions of counts ------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [100, 360, 2000])
@pytest.mark.parametrize("rates", [(0.1, 0.05), (0.4, 0.3)])
def test_f1_of_one_class(n, rates):
    """A fifth of the examples is of the class; so many are missed, and so many others falsely hit."""
    missed, false = rates
    rng = np.random.default_rng(n)
    shares = [0.2 * (1 - missed), 0.2 * missed, 0.8 * false, 0.8 * (1 - false)]
    hits, misses, alarms, _ = rng.multinomial(n, shares, size=20_000).T
    low, high = f1_interval(hits, misses, alarms)
    truth = 2 * shares[0] / (2 * shares[0] + shares[1] + shares[2])
    assert about_95(float(np.mean((low <= truth) & (truth <= high))))


JOINT = np.array([[0.40, 0.05, 0.05], [0.04, 0.24, 0.02], [0.03, 0.02, 0.15]])


@pytest.mark.verify
@pytest.mark.parametrize("n", [100, 360, 2000])
@pytest.mark.parametrize("name", ["macro_f1", "weighted_precision", "balanced_accuracy", "f2"])
def test_functions_of_a_confusion_matrix(n, name):
    joint = JOINT if name != "f2" else np.array([[0.7, 0.08], [0.05, 0.17]])
    statistics = {
        "macro_f1": lambda m: c.macro(c.f1(m), m),
        "weighted_precision": lambda m: c.weighted(c.precision(m), m),
        "balanced_accuracy": c.balanced_accuracy,
        "f2": lambda m: c.f_beta(m, 2)[..., 1],
    }
    rng, k = np.random.default_rng(n), len(joint)

    def draw(seed: int) -> Estimate:
        confusion = rng.multinomial(n, joint.ravel()).reshape(k, k)
        return bootstrap_confusion(statistics[name], confusion, resamples=QUICK, seed=seed)

    assert about_95(coverage(float(statistics[name](joint)), draw))


@pytest.mark.parametrize("hours", [100.0, 1000.0])
@pytest.mark.parametrize("per_day", [2.0, 10.0])
def test_false_alarms_per_day(hours, per_day):
    """The rate, too, is drawn from ±20 %."""
    rng = np.random.default_rng(int(hours))
    hits = 0
    for _ in range(20_000):
        rate = per_day * rng.uniform(0.8, 1.2)
        low, high = false_alarms_per_day(int(rng.poisson(rate * hours / 24)), hours).interval
        hits += low <= rate <= high
    assert about_95(hits / 20_000)


# --- means and what is made of them -------------------------------------------------------------------------

RESIDUALS = {
    "normal": (lambda rng, n: rng.normal(size=n), 1.0),
    "laplace": (lambda rng, n: rng.laplace(size=n), 2.0**0.5),
    "uniform": (lambda rng, n: rng.uniform(-1, 1, n), 3**-0.5),
    "student 8": (lambda rng, n: rng.standard_t(8, n), (8 / 6) ** 0.5),
}


@pytest.mark.verify
@pytest.mark.parametrize("n", [100, 360, 2000])
@pytest.mark.parametrize("kind", RESIDUALS)
def test_rmse(n, kind):
    sample, truth = RESIDUALS[kind]
    rng = np.random.default_rng(n)
    assert about_95(coverage(truth, lambda seed: root_mean_square(sample(rng, n), seed=seed, resamples=QUICK)))


@pytest.mark.verify
@pytest.mark.parametrize("n", [100, 360, 2000])
@pytest.mark.parametrize("kind", ["exponential", "half normal"])
def test_mean_of_positive_values(n, kind):
    """As in MAE (of Laplace and of normal residuals) and log loss."""
    rng = np.random.default_rng(n)
    truth = 1.0 if kind == "exponential" else (2 / np.pi) ** 0.5

    def draw(seed: int) -> Estimate:
        x = rng.exponential(size=n) if kind == "exponential" else np.abs(rng.normal(size=n))
        return mean_interval(x, resamples=QUICK, seed=seed, positive=True)

    assert about_95(coverage(truth, draw))


@pytest.mark.verify
@pytest.mark.parametrize("n", [100, 360, 2000])
@pytest.mark.parametrize("noise", [0.3, 1.0])
def test_r2(n, noise):
    rng = np.random.default_rng(n)

    def draw(seed: int) -> Estimate:
        x = rng.normal(size=n)
        return r2_interval(x + noise * rng.normal(size=n), x, resamples=QUICK, seed=seed)

    assert about_95(coverage(1 / (1 + noise**2), draw))


def test_a_median_time():
    rng = np.random.default_rng(0)
    for repeats in (50, 100):
        hits = 0
        for _ in range(DRAWS):
            clock = iter(
                np.cumsum(np.append(0, np.stack([rng.exponential(size=repeats), np.ones(repeats)], 1).ravel()))
            )
            measured = latency(lambda: None, repeats, 0, clock=lambda clock=clock: next(clock))
            hits += measured.interval[0] <= 1000 * np.log(2) <= measured.interval[1]
        assert about_95(hits / DRAWS)


# --- what is made of scores ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["roc_auc", "pr_auc"])
@pytest.mark.parametrize(
    ("n", "distance", "share"),
    [
        (100, 1.0, 0.5),
        (360, 1.0, 0.2),
        pytest.param(360, 2.0, 0.5, marks=pytest.mark.verify),
        pytest.param(2000, 2.0, 0.1, marks=pytest.mark.verify),
    ],
)
def test_areas_under_curves(name, n, distance, share):
    """Normal scores; the positive class lies so many standard deviations higher."""
    rng = np.random.default_rng(n)

    def sample(n: int) -> tuple[np.ndarray, np.ndarray]:
        positive = rng.random(n) < share
        return positive.astype(int), rng.normal(size=n) + distance * positive

    truth = NormalDist().cdf(distance / 2**0.5) if name == "roc_auc" else c.pr_auc(*sample(2_000_000))
    assert about_95(coverage(truth, lambda _: evaluate(name, *sample(n))))


@pytest.mark.verify
@pytest.mark.parametrize("n", [100, 360, 2000])
@pytest.mark.parametrize("slope", [1.0, 0.8, 0.6])
def test_calibration_error(n, slope):
    """The true log-odds are so much of those that are claimed: at 1 the network is calibrated."""
    rng = np.random.default_rng(n)

    def sample(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        odds = 2 * rng.normal(size=n)
        p, truth = 1 / (1 + np.exp(-odds)), 1 / (1 + np.exp(-slope * odds))
        return (rng.random(n) < truth).astype(int), p, truth

    _, p, true_p = sample(2_000_000)
    confidence, right = np.maximum(p, 1 - p), np.where(p > 0.5, true_p, 1 - true_p)
    place = np.ceil(confidence * 10).astype(int)
    truth = float(np.abs(np.bincount(place, confidence - right)).sum() / len(p)) if slope != 1 else 0.0
    share = coverage(truth, lambda seed: calibration_error_interval(*sample(n)[:2], seed=seed))
    assert about_95(share)


# --- several labels, and two models on the same examples ----------------------------------------------------


def labels_that_go_together(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Truth and predictions (n, 4): a third of the examples is hard for all labels."""
    truth = rng.integers(0, 2, (n, 4))
    wrong = rng.random((n, 4)) < np.where(rng.random(n) < 1 / 3, 0.4, 0.02)[:, None]
    return truth, np.where(wrong, 1 - truth, truth)


@pytest.mark.parametrize("n", [100, 360, 2000])
def test_wrong_labels_that_go_together(n):
    rng = np.random.default_rng(n)
    assert about_95(coverage(0.44 / 3, lambda _: multilabel_error(*labels_that_go_together(rng, n))))


@pytest.mark.verify
@pytest.mark.parametrize("n", [100, 360])
@pytest.mark.parametrize("name", ["macro_f1", "micro_f1"])
def test_f1_of_several_labels(n, name):
    rng = np.random.default_rng(n)
    truth = 1 - 0.44 / 3  # labels are as often wrong when they are 0 as when they are 1, and half are 1
    assert about_95(coverage(truth, lambda _: evaluate(name, *labels_that_go_together(rng, n))))


@pytest.mark.verify
@pytest.mark.parametrize("n", [200, 1000])
@pytest.mark.parametrize("name", ["rmse", "roc_auc", "pr_auc"])
def test_the_lead_of_one_model_over_another(n, name):
    """Both err on the same hard examples; the intervals are paired."""
    rng = np.random.default_rng(n)

    def sample(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        common = rng.normal(size=n)
        truth = rng.normal(size=n) if name == "rmse" else rng.integers(0, 2, n)
        first = truth + 0.8 * common + 0.3 * rng.normal(size=n)
        return truth, first, truth + 0.8 * common + 0.6 * rng.normal(size=n)

    if name == "pr_auc":
        truth, *scores = sample(2_000_000)
        lead = c.pr_auc(truth, scores[0]) - c.pr_auc(truth, scores[1])
    elif name == "rmse":
        lead = 1.0 - (0.64 + 0.09) ** 0.5
    else:
        lead = NormalDist().cdf(1 / (2 * 0.73) ** 0.5) - NormalDist().cdf(1 / 2**0.5)

    def draw(_: int) -> Estimate:
        found = compare(name, *sample(n), names=("first", "second"))
        sign = 1 if found.first == "first" else -1
        low, high = sorted(sign * end for end in found.lead.interval)
        return Estimate(sign * found.lead.value, low, high)

    assert about_95(coverage(lead, draw, 4000))
