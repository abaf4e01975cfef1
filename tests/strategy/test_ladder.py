"""The ladder: which gaps there are, their verdicts where the truth is known, and how many examples would tell."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from leadline.errors import UsageError
from leadline.measure import Estimate, newcombe, proportion, root_mean_square
from leadline.measure.intervals import normal_quantile
from leadline.strategy import Ladder, build_ladder
from leadline.strategy.ladder import ABSENT, CANNOT_TELL, PRESENT, default_matters, judge, tell_apart


def rate(value, n=None):
    return Estimate(value) if n is None else proportion(round(value * n), n)


def ladder(n=None, human=None, **rates):
    return build_ladder({name.replace("_", "-"): rate(v, n) for name, v in rates.items()}, human)


# --- which gaps ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sets, gaps",
    [
        (("train", "dev"), ("avoidable bias", "variance")),
        (("train", "train-dev", "dev"), ("avoidable bias", "variance", "data mismatch")),
        (("train", "dev", "test"), ("avoidable bias", "variance", "overfitting to dev")),
        (("train", "test"), ("avoidable bias", "variance")),
        (("train", "train-dev", "test"), ("avoidable bias", "variance", "data mismatch")),
        (("dev",), ("avoidable bias and variance",)),
        (("train",), ("avoidable bias",)),
    ],
)
def test_any_subset_of_the_sets_makes_a_ladder(sets, gaps):
    built = build_ladder({name: Estimate(0.1) for name in sets})
    assert tuple(gap.name for gap in built.gaps) == gaps


def test_sets_are_put_in_order():
    assert [rung.name for rung in ladder(dev=0.2, train=0.1).rungs] == ["human", "train", "dev"]


def test_bad_errors_are_refused():
    with pytest.raises(UsageError, match="at least one set"):
        build_ladder({})
    with pytest.raises(UsageError, match=r"Unknown set 'dve' in the ladder\. Did you mean 'dev'"):
        build_ladder({"dve": Estimate(0.1)})
    with pytest.raises(UsageError, match="error of dev must be a number of at least 0 and at most 100 %"):
        build_ladder({"dev": Estimate(1.2)})
    with pytest.raises(UsageError, match="error of human"):
        build_ladder({"dev": Estimate(0.2)}, human=-0.1)
    with pytest.raises(UsageError, match="error of train"):
        build_ladder({"train": Estimate(float("nan"))})


# --- verdicts -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value, low, high, verdict",
    [
        (0.06, 0.04, 0.09, PRESENT),
        (0.06, -0.01, 0.09, CANNOT_TELL),
        (0.004, 0.003, 0.009, ABSENT),
        (0.004, 0.003, 0.02, CANNOT_TELL),
        (-0.03, -0.05, -0.01, ABSENT),
        (0.06, None, None, PRESENT),
        (0.01, None, None, ABSENT),
    ],
)
def test_the_verdict_rests_on_the_interval(value, low, high, verdict):
    assert judge(Estimate(value, low, high, unit="points"), matters=0.01) == verdict


def test_what_matters_is_a_tenth_of_the_error_or_half_a_point():
    assert default_matters(Estimate(0.11)) == pytest.approx(0.011)
    assert default_matters(Estimate(0.01)) == 0.005
    assert default_matters(Estimate(120.0, unit="kg")) == 12
    assert build_ladder({"dev": Estimate(0.3)}, matters=0.4).gaps[0].verdict == ABSENT


N_SETS = 4000


@pytest.mark.parametrize("half_widths", [2, 4])
@pytest.mark.parametrize("base", [0.02, 0.1, 0.3])
@pytest.mark.parametrize("n_train, n_dev", [(1000, 360), (10_000, 1000), (50_000, 5000)])
def test_a_gap_of_twice_its_interval_is_found_in_95_percent_of_draws(base, n_train, n_dev, half_widths):
    """Twice the half width where the gap is well beyond what matters; twice the whole width by the default."""
    gap = 0.0
    for _ in range(50):
        spread = base * (1 - base) / n_train + (base + gap) * (1 - base - gap) / n_dev
        gap = half_widths * normal_quantile(0.95) * spread**0.5
    matters = 0.25 * gap if half_widths == 2 else default_matters(Estimate(base + gap))
    verdicts = drawn_verdicts(base, base + gap, n_train, n_dev, matters)
    assert np.mean(verdicts == PRESENT) >= 0.95


@pytest.mark.parametrize("base", [0.02, 0.1, 0.3])
@pytest.mark.parametrize("n_train, n_dev", [(1000, 360), (10_000, 1000), (50_000, 5000)])
def test_no_gap_is_seldom_found_present(base, n_train, n_dev):
    verdicts = drawn_verdicts(base, base, n_train, n_dev, matters=0.005)
    assert np.mean(verdicts == PRESENT) <= 0.04


@pytest.mark.parametrize("base", [0.1, 0.3])
def test_no_gap_is_found_absent_once_the_interval_is_half_of_what_matters(base):
    n = int(2 * base * (1 - base) * (normal_quantile(0.95) / (0.05 * base)) ** 2)
    verdicts = drawn_verdicts(base, base, n, n, matters=0.1 * base)
    assert np.mean(verdicts == ABSENT) >= 0.95


def drawn_verdicts(p, q, n_train, n_dev, matters):
    """Verdicts on variance over draws of a training and a dev error."""
    rng = np.random.default_rng(n_dev)
    train, dev = rng.binomial(n_train, p, N_SETS), rng.binomial(n_dev, q, N_SETS)
    low, high = newcombe(dev, n_dev, train, n_train)
    sizes = zip(dev / n_dev - train / n_train, low, high, strict=True)
    return np.array([judge(Estimate(float(v), float(a), float(b)), matters) for v, a, b in sizes])


def test_the_simulated_verdicts_are_those_of_a_ladder():
    built = build_ladder({"train": proportion(20, 1000), "dev": proportion(30, 360)})
    low, high = newcombe(30, 360, 20, 1000)
    assert built.gaps[1].size.interval == pytest.approx((float(low), float(high)))
    assert built.gaps[1].verdict == judge(built.gaps[1].size, default_matters(Estimate(30 / 360)))


# --- how many examples would tell ---------------------------------------------------------------------------


def test_the_needed_examples_tell_in_about_80_percent_of_draws():
    built = build_ladder({"train": rate(0.15, 20_000), "dev": rate(0.19, 300)})
    gap = built.gaps[1]
    assert gap.verdict == CANNOT_TELL and gap.needed_in == "dev"
    assert gap.needed is not None and gap.needed > 300
    rng = np.random.default_rng(0)
    low, _ = newcombe(rng.binomial(gap.needed, 0.19, 20_000), gap.needed, rng.binomial(20_000, 0.15, 20_000), 20_000)
    assert np.mean(low > 0) == pytest.approx(0.8, abs=0.03)


def test_the_needed_examples_are_asked_of_both_sets_where_one_cannot_do_it():
    gap = build_ladder({"train": rate(0.10, 200), "dev": rate(0.115, 200)}).gaps[1]
    assert gap.needed_in == "train and dev"
    gap = build_ladder({"train": rate(0.03, 100)}, human=0.02).gaps[0]
    assert gap.needed_in == "train"


def test_the_needed_examples_of_a_gap_at_the_limit_are_finite():
    gap = build_ladder({"train": rate(0.05, 1000)}, human=0.045, matters=0.005).gaps[0]
    assert gap.verdict == CANNOT_TELL
    # The finest step asked for is half of what matters, ±0.25 points.
    assert gap.needed == pytest.approx(0.05 * 0.95 * (1.96 / (0.7 * 0.0025)) ** 2, rel=0.05)


def test_decided_gaps_need_no_more_examples():
    assert all(gap.needed is None for gap in ladder(n=10_000, train=0.005, dev=0.11).gaps)


# --- gaps that share a rung ---------------------------------------------------------------------------------


def test_two_gaps_are_compared_with_the_rung_they_share():
    built = ladder(n=2000, train=0.1, dev=0.22)
    variance, bias = built.gaps[1], built.gaps[0]
    apart = tell_apart(built, variance, bias)
    assert apart.value == pytest.approx(0.02)
    train, dev = built.rungs[1].error, built.rungs[2].error
    down = np.hypot(dev.value - dev.interval[0], 2 * (train.interval[1] - train.value))
    assert apart.interval[0] == pytest.approx(0.02 - down)


# --- regression and JSON ------------------------------------------------------------------------------------


def residuals(n, scale, seed=0):
    return root_mean_square(scale * np.random.default_rng(seed).normal(size=n), unit="kg")


def test_regression_has_no_bias_verdict_without_a_human_level():
    errors = {"train": residuals(2000, 1.0), "dev": residuals(500, 2.0, seed=1)}
    assumed = build_ladder(errors, metric="RMSE", spread=5.0)
    assert assumed.gaps[0].verdict == CANNOT_TELL
    assert assumed.gaps[0].reason and assumed.gaps[0].needed is None
    assert assumed.gaps[1].verdict == PRESENT
    assert assumed.gaps[1].size.unit == "kg"
    assert build_ladder(errors, human=0.5).gaps[0].verdict == PRESENT


def test_regression_needs_examples_by_the_square_root():
    errors = {"train": residuals(100_000, 1.0), "dev": residuals(60, 1.12, seed=2)}
    gap = build_ladder(errors, matters=0.05).gaps[1]
    assert gap.verdict == CANNOT_TELL and gap.needed is not None
    allowed = gap.size.value * 0.7
    half_width = gap.size.value - gap.size.interval[0]
    assert gap.needed == pytest.approx(60 * (half_width / allowed) ** 2, rel=0.05)


@pytest.mark.parametrize("human", [None, 0.02, proportion(2, 100)])
def test_a_ladder_survives_json(human):
    built = build_ladder({"train": rate(0.1, 100), "dev": rate(0.2, 50)}, human, closed=("test",))
    assert Ladder.from_json(built.to_json()) == built
    rungs = built.to_json()["rungs"]
    assert rungs[-1] == {"name": "test", "value": None, "note": "closed"}


def test_a_regression_ladder_survives_json():
    built = build_ladder({"train": residuals(50, 1.0)}, metric="RMSE", spread=3.0)
    assert built.to_json()["rungs"][0]["value"] is None
    assert Ladder.from_json(built.to_json()) == built


def test_what_would_tell_counts_examples_also_for_f1():
    """F1 rests on few of the examples; the number that would tell is of all of them, by the interval's own width."""
    from leadline.measure import as_error, evaluate

    rng = np.random.default_rng(0)

    def f1(n):
        truth = (rng.random(n) < 0.3).astype(int)
        return as_error("f1", evaluate("f1", truth, np.where(rng.random(n) < 0.2, 1 - truth, truth)))

    errors = {"train": f1(400), "dev": f1(150)}
    assert (errors["train"].n, errors["dev"].n) == (400, 150)
    errors["dev"] = replace(errors["dev"], value=errors["train"].value + 0.06)
    gap = build_ladder(errors).gaps[-1]
    assert gap.verdict == "cannot tell" and gap.needed is not None and gap.needed > 1000
