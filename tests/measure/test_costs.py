"""The cost of errors and false alarms per 24 hours: values, intervals that cover, and mistakes in what is asked."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix

from leadline.errors import UsageError
from leadline.measure import ErrorCost, configured_metrics, cost_metric, evaluate, metric, proportion
from leadline.measure.costs import cost_matrix, mean_cost_interval

ANIMALS = ("cat", "dog", "fox")
DRAWS = 4000


def test_costs_name_pairs_and_all_other_errors_cost_one() -> None:
    matrix = cost_matrix([ErrorCost("cat", "fox", 5), ErrorCost("dog", "cat", 0)], ANIMALS)
    assert matrix.tolist() == [[0, 1, 5], [0, 0, 1], [1, 1, 0]]


def test_the_value_is_the_mean_cost_of_an_example() -> None:
    rng = np.random.default_rng(0)
    truth, answers = rng.integers(0, 3, (2, 200))
    prices = rng.uniform(0, 9, (3, 3)) * (1 - np.eye(3))
    found = evaluate(cost_metric(prices), truth, answers, task="multiclass")
    assert found.value == pytest.approx((confusion_matrix(truth, answers) * prices).sum() / 200)
    assert found.interval[0] < found.value < found.interval[1] and found.n == 200


def test_errors_that_all_cost_one_are_the_error_rate() -> None:
    """T3.07: per-error costs, and their interval is Wilson's where they are a plain rate."""
    truth, answers = np.repeat([0, 1, 2], 50), np.repeat([0, 1, 1], 50)
    found, error = evaluate(cost_metric(1 - np.eye(3)), truth, answers), proportion(50, 150)
    assert (found.value, *found.interval) == pytest.approx((error.value, *error.interval))
    none = evaluate(cost_metric(10 * (1 - np.eye(3))), truth, truth)
    assert (none.value, *none.interval) == pytest.approx((0, 0, 10 * proportion(0, 150).interval[1]))


@pytest.mark.parametrize("n", [100, 360, 2000])
@pytest.mark.parametrize("prices", [(1.0, 10.0), (2.0, 3.0), (1.0, 100.0)])
def test_the_interval_of_the_mean_cost_covers(n: int, prices: tuple[float, float]) -> None:
    rng, held = np.random.default_rng(n), 0
    costs = np.array([[0, prices[0]], [prices[1], 0]])
    for _ in range(DRAWS):
        misses, alarms = rng.uniform(0.8, 1.2, 2) * (0.07, 0.1)
        counts = rng.multinomial(n, [0.6 - alarms, alarms, misses, 0.4 - misses]).reshape(2, 2)
        low, high = mean_cost_interval(counts, costs).interval
        held += low <= alarms * prices[0] + misses * prices[1] <= high
    assert abs(held / DRAWS - 0.95) <= 0.015


def test_false_alarms_per_24_hours() -> None:
    """T3.08: 3 alarms over nothing in 360 windows of a minute are 12 a day."""
    truth, answers = np.zeros(360, int), np.zeros(360, int)
    truth[:40], answers[:43] = 1, 1
    found = configured_metrics("binary", ("silence", "word"), seconds_per_example=60)
    measured = evaluate(found["false_alarms_per_day"], truth, answers, task="binary")
    assert measured.value == pytest.approx(12)
    assert str(measured) == "12 per 24 h (4 to 35, n = 360)"


@pytest.mark.parametrize(
    ("task", "costs", "seconds", "message"),
    [
        ("multiclass", [ErrorCost("cat", "dgo", 1)], None, "predicted 'dgo' is no class.*Did you mean 'dog'"),
        ("multiclass", [ErrorCost("cat", "cat", 1)], None, "is no error"),
        ("multiclass", [ErrorCost("cat", "dog", 1), ErrorCost("cat", "dog", 2)], None, "named twice"),
        ("multiclass", [ErrorCost("cat", "dog", -1)], None, "at least 0, got -1"),
        ("regression", [ErrorCost("cat", "dog", 1)], None, "a regression task has none"),
        ("multiclass", [], 1.0, "not of a multiclass task"),
        ("binary", [], 0.0, "a time above 0"),
    ],
)
def test_what_cannot_be_asked(task: str, costs: list[ErrorCost], seconds: float | None, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        configured_metrics(task, ANIMALS, costs, seconds)


def test_the_names_alone_need_numbers() -> None:
    with pytest.raises(UsageError, match=r"'cost' needs numbers of your own: goal\.costs"):
        metric("cost", "binary")
    with pytest.raises(UsageError, match="Did you mean 'cost'"):
        metric("costs", "binary")
