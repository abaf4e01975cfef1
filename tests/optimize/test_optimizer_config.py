from __future__ import annotations

from typing import Any

import pytest

from leadline.errors import UsageError
from leadline.optimize import (
    OPTIMIZERS,
    Adam,
    AdamW,
    Constant,
    Cosine,
    Exponential,
    InverseSqrt,
    Momentum,
    Optimizer,
    Piecewise,
    Schedule,
    StepDecay,
    WarmUp,
    optimizer_from_config,
    schedule_from_config,
)
from leadline.optimize.schedules import FORMER_NAMES, SCHEDULES


def test_names_and_tables_make_optimizers() -> None:
    assert optimizer_from_config("adam") == Adam()
    assert optimizer_from_config("adam", 0.01) == Adam(0.01)
    assert optimizer_from_config({"type": "adam", "beta1": 0.8}, 0.01) == Adam(0.01, beta1=0.8)
    assert optimizer_from_config({"type": "momentum", "learning_rate": 0.3}) == Momentum(0.3)
    assert optimizer_from_config(Momentum(0.3)) == Momentum(0.3)
    assert list(OPTIMIZERS) == ["gradient_descent", "momentum", "nesterov", "rmsprop", "adam", "adamw"]


@pytest.mark.parametrize("rule", [*(kind(0.02) for kind in OPTIMIZERS.values()), AdamW(0.02, weight_decay=0.3)])
def test_optimizers_go_through_a_table_and_back(rule: Optimizer) -> None:
    assert "learning_rate" not in rule.to_config()
    assert optimizer_from_config(rule.to_config(), rule.learning_rate) == rule


def test_names_and_tables_make_schedules() -> None:
    assert schedule_from_config(None) == Constant()
    assert schedule_from_config("constant") == Constant()
    assert schedule_from_config({"type": "staircase", "every": 10}) == StepDecay(10)
    assert schedule_from_config("cosine", epochs=30) == Cosine(30)
    assert schedule_from_config({"type": "cosine", "epochs": 5}, epochs=30) == Cosine(5)
    table = {"type": "warm_up", "steps": 5, "schedule": "cosine"}
    assert schedule_from_config(table, epochs=30) == WarmUp(steps=5, schedule=Cosine(30))
    assert schedule_from_config({"type": "manual", "rates": {"3": 0.1}}) == Piecewise({3: 0.1})


@pytest.mark.parametrize(
    "schedule",
    [
        Constant(),
        Exponential(0.9),
        StepDecay(3, factor=0.1),
        Piecewise({0: 0.1, 5: 0.01}),
        WarmUp(epochs=2, schedule=Cosine(9, floor=1e-4)),
    ],
)
def test_schedules_go_through_a_table_and_back(schedule: Schedule) -> None:
    assert schedule_from_config(schedule.to_config()) == schedule


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("adm", "Unknown optimizer 'adm'. Did you mean 'adam'"),
        ("lion", "Unknown optimizer 'lion'. Allowed: gradient_descent, momentum"),
        ({"type": 3}, "Unknown optimizer '3'"),
        ({"beta1": 0.9}, "optimizer must be a name or a table with a type"),
        (7, "optimizer must be a name or a table with a type"),
        ({"type": "adam", "beta": 0.9}, "Unknown key 'beta' of optimizer 'adam'. Did you mean 'beta"),
        ({"type": "adam", "beta1": 1.5}, "optimizer 'adam': beta1 must be at least 0 and less than 1, got 1.5"),
        ({"type": "adam", "beta1": "0.9"}, "optimizer 'adam': beta1 must be a number, got '0.9'"),
        ({"type": "adam", "learning_rate": 0.1}, "learning_rate is given twice"),
    ],
)
def test_wrong_optimizers_are_named(config: Any, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        optimizer_from_config(config, 0.01)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("cosin", "Unknown schedule 'cosin'. Did you mean 'cosine'?"),
        ({"type": "staircase"}, "schedule 'step_decay' needs every."),
        ({"type": "staircase", "evry": 3}, "Unknown key 'evry' of schedule 'step_decay'. Did you mean 'every'?"),
        ({"type": "constant", "k": 3}, "Unknown key 'k' of schedule 'constant'. It takes no keys."),
        ({"type": "exponential", "factor": 0}, "schedule 'exponential': factor must be greater than 0, got 0"),
        ({"type": "manual", "rates": {"x": 0.1}}, "schedule 'piecewise': rates: an epoch must be a whole number"),
        ("cosine", "schedule 'cosine' needs epochs."),
        ({"type": "warm_up", "steps": 5, "schedule": "cosin"}, "Unknown schedule 'cosin'. Did you mean 'cosine'?"),
    ],
)
def test_wrong_schedules_are_named(config: Any, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        schedule_from_config(config)
    assert str(caught.value) == message or str(caught.value).startswith(message)


def test_the_names_of_earlier_releases_mean_what_they_meant() -> None:
    by_epoch = schedule_from_config({"type": "square_root_epoch", "factor": 2.0})
    assert by_epoch == InverseSqrt(2.0, per="epoch")
    assert schedule_from_config("square_root_step") == InverseSqrt()
    assert by_epoch.to_config() == {"type": "inverse_sqrt", "factor": 2.0, "per": "epoch"}
    assert set(FORMER_NAMES).isdisjoint(SCHEDULES)
