from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from leadline.errors import UsageError
from leadline.optimize import (
    SCHEDULES,
    Constant,
    Cosine,
    Exponential,
    InverseSqrt,
    InverseTime,
    Piecewise,
    Schedule,
    StepDecay,
    WarmUp,
)

EXAMPLES: list[Schedule] = [
    Constant(),
    InverseTime(0.5),
    Exponential(0.9),
    InverseSqrt(2.0, per="epoch"),
    InverseSqrt(3.0),
    StepDecay(5),
    Piecewise({2: 0.05, 4: 0.01}),
    WarmUp(steps=10, schedule=Exponential(0.9)),
    Cosine(20, floor=1e-3),
]


def test_every_schedule_is_tried_here() -> None:
    assert {type(schedule) for schedule in EXAMPLES} == set(SCHEDULES.values())


@pytest.mark.parametrize("schedule", EXAMPLES, ids=repr)
def test_rates_are_positive_from_the_first_update_on(schedule: Schedule) -> None:
    for step in range(100):
        rate = schedule(0.2, step // 5, step)
        assert isinstance(rate, float)
        assert 0 < rate < 1


@pytest.mark.parametrize("schedule", EXAMPLES, ids=repr)
def test_each_member_has_its_own_base_rate(schedule: Schedule) -> None:
    bases = torch.tensor([[0.2], [0.1]], dtype=torch.float64)
    for epoch in (0, 1, 3, 7):
        rates = schedule(bases, epoch, 10 * epoch)
        for member, base in enumerate((0.2, 0.1)):
            rate = rates[member].item() if isinstance(rates, Tensor) else rates
            assert rate == pytest.approx(schedule(base, epoch, 10 * epoch), rel=1e-12)


def test_manual_holds_each_rate_until_the_next() -> None:
    schedule = Piecewise({4: 0.01, 2: 0.05})
    assert [schedule(0.2, epoch, 0) for epoch in range(6)] == [0.2, 0.2, 0.05, 0.05, 0.01, 0.01]
    assert schedule == Piecewise({2: 0.05, 4: 0.01})
    assert hash(schedule) == hash(Piecewise({2: 0.05, 4: 0.01}))


def test_warm_up_grows_in_equal_parts() -> None:
    schedule = WarmUp(steps=4)
    assert [schedule(0.2, 0, step) for step in range(6)] == pytest.approx([0.05, 0.1, 0.15, 0.2, 0.2, 0.2])
    schedule = WarmUp(epochs=2, schedule=InverseTime(1.0))
    assert [schedule(0.2, epoch, 50) for epoch in range(3)] == pytest.approx([0.1, 0.1, 0.2 / 3])


def test_cosine_goes_from_the_base_rate_to_the_floor_and_stays() -> None:
    schedule = Cosine(10, floor=0.02)
    assert schedule(0.2, 0, 0) == pytest.approx(0.2)
    assert schedule(0.2, 5, 0) == pytest.approx(0.11)
    assert schedule(0.2, 2, 0) == pytest.approx(0.02 + 0.18 * (1 + math.cos(math.pi / 5)) / 2)
    assert schedule(0.2, 10, 0) == pytest.approx(0.02)
    assert schedule(0.2, 99, 0) == pytest.approx(0.02)


@pytest.mark.parametrize(
    ("make", "values", "message"),
    [
        (InverseTime, {"decay": -1.0}, "decay must be at least 0, got -1.0"),
        (Exponential, {"factor": 0.0}, "factor must be greater than 0, got 0.0"),
        (InverseSqrt, {"factor": 0.0}, "factor must be greater than 0"),
        (InverseSqrt, {"factor": -2.0}, "factor must be greater than 0"),
        (StepDecay, {"every": 0}, "every must be a whole number of at least 1, got 0"),
        (StepDecay, {"every": 2, "factor": 0.0}, "factor must be greater than 0"),
        (Cosine, {"epochs": 0}, "epochs must be a whole number of at least 1, got 0"),
        (Cosine, {"epochs": 5, "floor": -0.1}, "floor must be at least 0, got -0.1"),
        (WarmUp, {}, "either steps or epochs"),
        (WarmUp, {"steps": 3, "epochs": 3}, "either steps or epochs"),
        (WarmUp, {"steps": 3, "schedule": "cosine"}, "must be a schedule, got 'cosine'"),
        (Piecewise, {"rates": {-1: 0.1}}, "whole number of at least 0, got -1"),
        (Piecewise, {"rates": {3: 0.0}}, "from epoch 3 on must be greater than 0, got 0.0"),
        (Piecewise, {"rates": 0.1}, "must be a table"),
    ],
)
def test_wrong_values_are_named(make: type[Schedule], values: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        make(**values)
    assert message in str(caught.value)


@pytest.mark.parametrize("schedule", EXAMPLES, ids=lambda schedule: schedule.name)
def test_a_stretched_schedule_has_each_rate_so_many_times_as_late(schedule: Schedule) -> None:
    if isinstance(schedule, InverseSqrt):
        assert schedule.stretched(3.0) == schedule  # it has no end
        return
    slow = schedule.stretched(3.0)
    rates = [float(schedule(0.2, epoch, 100)) for epoch in range(9)]
    assert [float(slow(0.2, 3 * epoch, 100)) for epoch in range(9)] == pytest.approx(rates)


def test_a_warm_up_and_what_follows_are_stretched_together() -> None:
    given = WarmUp(epochs=2, schedule=StepDecay(5))
    assert given.stretched(2.0) == WarmUp(epochs=4, schedule=StepDecay(10))
    assert Piecewise({4: 0.01}).stretched(0.5) == Piecewise({2: 0.01})
