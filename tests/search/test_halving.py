from __future__ import annotations

import pytest

from leadline.search.halving import Halving, at_rungs


@pytest.mark.parametrize(("total", "expected"), [(90, [10, 30]), (9, [1, 3]), (3, [1]), (2, [1]), (1, [])])
def test_rungs_are_shares_of_a_trials_own_epochs(total: int, expected: list[int]) -> None:
    assert Halving().epochs(total) == expected


def test_the_best_third_of_those_that_arrived_goes_on() -> None:
    arrived = dict(enumerate([0.5, 0.1, 0.4, 0.2, 0.6, 0.3]))
    assert sorted(Halving().hopeless(arrived, [])) == [0, 2, 4, 5]


def test_those_that_came_before_count() -> None:
    assert Halving().hopeless({7: 0.3}, [0.1, 0.2, 0.4]) == [7]
    assert Halving().hopeless({7: 0.15}, [0.1, 0.2, 0.4]) == []


def test_too_few_to_choose_and_ties_go_on() -> None:
    assert Halving().hopeless({0: 0.9, 1: 0.1}, []) == []
    assert Halving().hopeless({0: 0.2, 1: 0.2, 2: 0.2}, []) == []


def test_nan_is_hopeless() -> None:
    assert Halving().hopeless({0: float("nan"), 1: 0.1, 2: 0.2}, [0.1]) == [0, 2]


def test_the_rung_of_an_epoch() -> None:
    assert [at_rungs([10, 30], epoch) for epoch in (9, 10, 30, 31)] == [None, 0, 1, None]
