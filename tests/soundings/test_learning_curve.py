from __future__ import annotations

import json

import numpy as np
import pytest

from leadline.soundings.learning_curve import LearningCurve, Levels, Needed, curve_sizes, learning_curve
from leadline.soundings.scores import Score

SIZES = [250, 500, 1000, 2000]


def levels(errors: list[float], sd: float = 0.001, seeds: int = 4, sizes: list[int] | None = None) -> Levels:
    random = np.random.default_rng(0)
    sampling = 0.002 * random.standard_normal(50)
    scores = []
    for error in errors:
        draws = error + sampling + 0.0003 * random.standard_normal(50)
        own = error + sd * random.standard_normal(seeds)
        scores.append([Score(float(e), draws - error + e) for e in own])
    return Levels(sizes or SIZES, scores)


def falling(n: float) -> float:
    return 0.04 + 1.5 * n**-0.5


def test_a_falling_curve_is_forecast():
    curve = learning_curve(levels([falling(n) for n in SIZES]))
    assert curve.allows_forecast
    assert [point.n for point in curve.points] == SIZES
    assert [forecast.n for forecast in curve.forecasts] == [4000, 8000]
    twice = curve.forecasts[0]
    assert twice.low < falling(4000) < twice.high
    assert twice.low < twice.mean_low < twice.error < twice.mean_high < twice.high
    assert [needed.target for needed in curve.needed] == pytest.approx(
        [0.9 * falling(2000), 0.7 * falling(2000)], rel=0.05
    )
    assert curve.needed[0].n is not None
    assert curve.needed[0].n > 2000


def test_what_is_needed_for_a_target_of_ones_own():
    curve = learning_curve(levels([falling(n) for n in SIZES], sd=1e-4), targets=[falling(4000), 0.001])
    first, impossible = curve.needed
    assert first.n == pytest.approx(4000, rel=0.4)
    assert first.low is not None
    assert first.high is not None
    assert first.low < 4000 < first.high
    assert impossible.n is None
    assert impossible.never > 0.9
    assert "no number of examples" in str(impossible)
    assert str(Needed(0.1, 2000, 1000, None, 0.2)) == "about 2 000 examples (at least 1 000)"


@pytest.mark.parametrize(
    ("errors", "sd", "status", "words"),
    [
        ([0.1, 0.1, 0.1001, 0.0999], 0.002, "flat", "did not fall"),
        ([0.1, 0.09, 0.12, 0.11], 0.001, "rising", "rises from"),
        ([0.3, 0.1, 0.098, 0.05], 0.0005, "bent", "no curve"),
        ([0.4, 0.25, 0.15, 0.08], 0.06, "noisy", "anything from"),
    ],
)
def test_a_curve_that_promises_nothing_says_why(errors: list[float], sd: float, status: str, words: str):
    curve = learning_curve(levels(errors, sd))
    assert curve.status == status
    assert words in curve.reason
    assert not curve.forecasts
    assert len(curve.points) == 4


def test_two_sizes_are_too_few():
    curve = learning_curve(Levels([100, 200], levels([0.2, 0.1], sizes=[100, 200]).scores[:2]))
    assert curve.status == "too few points"


def test_sizes_are_large_enough_and_leave_no_batch_of_one():
    assert curve_sizes(800, 2, 64) == [100, 200, 400]
    assert curve_sizes(800, 100, 64) == [200, 400]
    assert curve_sizes(1032, 2, 128) == [128, 258, 516]
    assert curve_sizes(1032, 2, 64)[0] == 128  # 129 would be two batches and one example
    assert curve_sizes(60, 2, 64) == [30]


def test_seeds_share_what_they_say_of_the_spread():
    """One size whose seeds happen to agree is not believed to be without noise."""
    found = levels([falling(n) for n in SIZES], sd=0.004)
    same = [Score(0.1, found.scores[1][0].draws) for _ in range(4)]
    mixed = Levels(SIZES, [found.scores[0], same, *found.scores[2:]])
    assert mixed.spread[1] > 0.0005
    assert mixed.noise.shape == (4, 4)
    assert mixed.next_spread() > mixed.spread[-1]


def test_to_json_and_back():
    curve = learning_curve(levels([falling(n) for n in SIZES]))
    assert LearningCurve.from_json(json.loads(json.dumps(curve.to_json()))) == curve


def test_levels_without_any_error_promise_nothing_and_do_not_fail():
    curve = learning_curve(Levels(SIZES, [[Score(0.0, np.zeros(50)) for _ in range(4)] for _ in SIZES]))
    assert curve.status == "flat"


def test_a_slope_through_all_sizes_is_seen_where_the_ends_alone_do_not_tell():
    """Four sizes with a steady fall: the two ends differ by less than two of their standard errors."""
    steady = [
        [Score(e + d, np.full(50, e)) for d in (-0.012, -0.004, 0.004, 0.012)] for e in (0.12, 0.115, 0.11, 0.105)
    ]
    assert learning_curve(Levels(SIZES, steady)).status != "flat"
