from __future__ import annotations

import numpy as np
import pytest

from leadline.data import read
from leadline.experiment import Experiment
from leadline.measure import evaluate
from leadline.session.plan import Plan, make_plan
from leadline.soundings.scores import Scorer


def plan_of(y: np.ndarray, **experiment: object) -> Plan:
    x = np.random.default_rng(0).normal(size=(len(y), 3))
    return make_plan(Experiment.from_dict(experiment), read(x, y))


def test_classification_error_and_its_draws():
    y = np.random.default_rng(1).integers(0, 3, 400)
    plan = plan_of(y)
    rows = plan.split.dev
    outputs = np.eye(3)[plan.data.target[rows]]
    outputs[::5] = np.roll(outputs[::5], 1, axis=1)
    score = Scorer(plan, rows).score(outputs)
    assert score.error == pytest.approx(0.2)
    n = len(rows)
    assert score.draws.std() == pytest.approx((0.2 * 0.8 / n) ** 0.5, rel=0.15)
    again = Scorer(plan, rows).score(outputs)
    assert np.array_equal(score.draws, again.draws)


def test_regression_error_is_in_the_targets_unit():
    y = 100 + 50 * np.random.default_rng(1).normal(size=300)
    plan = plan_of(y)
    rows = plan.split.dev
    score = Scorer(plan, rows).score(plan.data.target[rows] + 3.0)
    assert score.error == pytest.approx(3.0)
    assert score.draws == pytest.approx(np.full(len(score.draws), 3.0))


def test_any_metric_is_turned_into_an_error():
    y = (np.random.default_rng(1).random(300) < 0.3).astype(int)
    plan = plan_of(y, goal={"optimizing": "roc_auc"})
    rows = plan.split.dev
    probability = np.random.default_rng(2).random(len(rows))
    score = Scorer(plan, rows).score(np.stack([1 - probability, probability], 1))
    assert score.error == pytest.approx(1 - evaluate("roc_auc", plan.data.target[rows], probability).value)
    assert score.draws.std() > 0.01


def test_outputs_that_are_not_numbers_are_endlessly_wrong():
    plan = plan_of(np.random.default_rng(1).integers(0, 2, 100))
    rows = plan.split.dev
    score = Scorer(plan, rows).score(np.full((len(rows), 2), np.nan))
    assert np.isinf(score.error)
    assert np.isinf(score.draws).all()


def test_errors_cost_what_the_goal_says():
    y = np.random.default_rng(1).integers(0, 2, 200)
    costs = [{"actual": "1", "predicted": "0", "cost": 10}]
    plan = plan_of(y, goal={"optimizing": "cost", "costs": costs})
    rows = plan.split.dev
    labels = plan.data.target[rows]
    score = Scorer(plan, rows).score(np.eye(2)[np.zeros(len(rows), int)])  # always 0: all of class 1 are missed
    assert score.error == pytest.approx(10 * labels.mean())
