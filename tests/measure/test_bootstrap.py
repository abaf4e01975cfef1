"""Bootstrap intervals: coverage where the truth is known, agreement of the three forms, seeds and bad input."""

from __future__ import annotations

from unittest.mock import Mock, patch

import numpy as np
import pytest
from scipy.stats import bootstrap as scipy_bootstrap

from leadline.errors import UsageError
from leadline.measure import bootstrap, bootstrap_confusion, bootstrap_weights, mean_interval, wilson
from leadline.measure import classification as c
from leadline.measure.bootstrap import bootstrap_all, drawn_weights


def test_the_same_seed_gives_the_same_interval():
    x = np.random.default_rng(0).normal(size=50)
    assert bootstrap(np.median, x, seed=3) == bootstrap(np.median, x, seed=3)
    assert bootstrap(np.median, x, seed=3) != bootstrap(np.median, x, seed=4)


def test_bca_agrees_with_scipys():
    x = np.random.default_rng(0).exponential(size=80)
    ours = bootstrap(lambda a: a.std(-1), x, resamples=20_000, vectorized=True)
    theirs = scipy_bootstrap((x,), lambda a, axis: a.std(axis), n_resamples=20_000, rng=1).confidence_interval
    assert ours.interval == pytest.approx((theirs.low, theirs.high), rel=0.02)


def test_vectorized_and_looped_statistics_agree():
    x = np.random.default_rng(0).normal(size=40)
    looped = bootstrap(np.mean, x, resamples=300)
    assert bootstrap(lambda a: a.mean(-1), x, resamples=300, vectorized=True) == looped


def test_a_confusion_matrix_gives_nearly_wilsons_interval_of_the_accuracy():
    confusion = np.array([[400, 30], [50, 520]])
    measured = bootstrap_confusion(c.accuracy, confusion)
    low, high = wilson(920, 1000)
    assert measured.value == pytest.approx(0.92)
    assert measured.interval == pytest.approx((float(low), float(high)), abs=0.004)


def test_a_perfect_confusion_matrix_has_no_width():
    assert bootstrap_confusion(c.accuracy, np.diag([5, 5])).interval == (1, 1)


def test_cells_and_examples_resampled_agree():
    rng = np.random.default_rng(0)
    truth, predicted = rng.integers(0, 3, 400), rng.integers(0, 3, 400)
    predicted = np.where(rng.random(400) < 0.7, truth, predicted)

    def macro_f1(t, p):
        confusion = c.confusion_matrix(t, p, 3)
        return c.macro(c.f1(confusion), confusion)

    cells = bootstrap_confusion(lambda m: c.macro(c.f1(m), m), c.confusion_matrix(truth, predicted))
    assert cells.interval == pytest.approx(bootstrap(macro_f1, truth, predicted).interval, abs=0.01)


def test_the_interval_of_a_mean_needs_two_examples_and_may_be_a_point():
    assert not mean_interval([1.0]).has_interval
    assert mean_interval([2.0, 2.0, 2.0]).interval == (2, 2)
    with pytest.raises(UsageError, match="no examples"):
        mean_interval([])


def test_large_samples_agree_with_resampling():
    x = np.random.default_rng(0).exponential(size=10_001)
    by_formula = mean_interval(x, positive=True)
    by_draws = mean_interval(x[:-1], positive=True)
    assert by_formula.interval == pytest.approx(by_draws.interval, rel=0.005)


def test_bad_input():
    with pytest.raises(UsageError, match="one length"):
        bootstrap(np.mean, [1, 2], [1])
    with pytest.raises(UsageError, match="Unknown bootstrap method"):
        bootstrap(np.mean, [1, 2], method="magic")
    with pytest.raises(UsageError, match="without examples"):
        bootstrap_confusion(c.accuracy, np.zeros((2, 2)))


@pytest.mark.verify
@pytest.mark.parametrize("n", [50, 100, 360])
def test_the_interval_of_an_rmse_covers_95_percent(n):
    rng = np.random.default_rng(n)
    hits = 0
    for seed in range(4000):
        low, high = mean_interval(rng.normal(size=n) ** 2, resamples=500, seed=seed, positive=True).interval
        hits += low <= 1 <= high
    assert hits / 4000 == pytest.approx(0.95, abs=0.015)


@pytest.mark.verify
@pytest.mark.parametrize("n", [200, 500, 2000])
def test_the_interval_of_a_macro_f1_covers_95_percent(n):
    """The truth is the F1 of the joint distribution from which the examples are drawn."""
    joint = np.array([[0.40, 0.05, 0.05], [0.04, 0.24, 0.02], [0.03, 0.02, 0.15]])
    truth = float(c.macro(c.f1(joint), joint))
    rng = np.random.default_rng(n)
    hits = 0
    for seed in range(4000):
        confusion = rng.multinomial(n, joint.ravel()).reshape(3, 3)
        low, high = bootstrap_confusion(lambda m: c.macro(c.f1(m), m), confusion, resamples=500, seed=seed).interval
        hits += low <= truth <= high
    assert hits / 4000 == pytest.approx(0.95, abs=0.015)


def test_several_statistics_share_their_draws_and_nothing_else():
    x = np.random.default_rng(3).exponential(size=(2, 300))
    means = [lambda w, v=v: w @ v / w.sum(-1) for v in x]
    drawn = Mock(side_effect=drawn_weights)
    alone = [bootstrap_weights(mean, 300, resamples=300) for mean in means]
    with patch("leadline.measure.bootstrap.drawn_weights", drawn):
        together = bootstrap_all(means, 300, resamples=300)
    assert together == alone
    assert drawn.call_count == 1
