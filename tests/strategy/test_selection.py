"""Selection: thresholds, what is missed, and the warning that grows with the number of models."""

from __future__ import annotations

import numpy as np
import pytest

from leadline.errors import UsageError
from leadline.measure import evaluate, proportion
from leadline.strategy import ScoredModel, select
from leadline.strategy.selection import SatisficingLimit

RNG = np.random.default_rng(0)
TRUTH = RNG.integers(0, 2, 500)


@pytest.mark.parametrize(
    "text, at_most, limit", [("<= 100", True, 100), ("≥0.9", False, 0.9), (50, True, 50), ("< 1e-3", True, 0.001)]
)
def test_thresholds_are_read(text, at_most, limit):
    assert SatisficingLimit.parse("x", text) == SatisficingLimit("x", limit, at_most)


@pytest.mark.parametrize("text", ["fast", "<= ", "1.2.3", "== 4"])
def test_unreadable_thresholds_are_refused(text):
    with pytest.raises(UsageError, match="x: got"):
        SatisficingLimit.parse("x", text)


def test_nobody_meets_the_thresholds():
    slow = ScoredModel("slow", proportion(9, 10), {"latency_ms": 500.0})
    selection = select([slow], "accuracy", {"latency_ms": "<= 100"})
    assert selection.winner is None
    assert "none meets every threshold" in str(selection)


def test_a_lower_limit():
    models = [
        ScoredModel("deaf", proportion(95, 100), {"recall": 0.2}),
        ScoredModel("keen", proportion(90, 100), {"recall": 0.9}),
    ]
    winner = select(models, "accuracy", {"recall": ">= 0.5"}).winner
    assert winner is not None and winner.name == "keen"


def test_a_metric_that_is_minimized():
    models = [ScoredModel("a", proportion(10, 100)), ScoredModel("b", proportion(5, 100))]
    winner = select(models, "error").winner
    assert winner is not None and winner.name == "b"


def test_an_unreported_metric_is_named():
    with pytest.raises(UsageError, match="a reports no latency_ms, so 'latency_ms ≤ 100' cannot be checked"):
        select([ScoredModel("a", proportion(1, 2))], "accuracy", {"latency_ms": "<= 100"})
    with pytest.raises(UsageError, match="no models"):
        select([], "accuracy")


def models(count, right=0.8):
    predictions = {f"m{k}": np.where(RNG.random(500) < right, TRUTH, 1 - TRUTH) for k in range(count)}
    return [ScoredModel(name, evaluate("accuracy", TRUTH, p)) for name, p in predictions.items()], predictions


def test_the_warning_grows_with_the_number_of_models():
    candidates, predictions = models(3)
    few = select(candidates, "accuracy", y_true=TRUTH, predictions=predictions)
    many = select(candidates, "accuracy", y_true=TRUTH, predictions=predictions, compared=100)
    assert few.optimism is not None and many.optimism is not None
    assert many.optimism.value > 2 * few.optimism.value
    assert many.notes[0].startswith("100 models were compared on the same 500 dev examples")
    assert many.comparison is not None and many.comparison.comparisons == 99


def test_the_winner_of_equal_models_is_called_luckier():
    candidates, predictions = models(5)
    selection = select(candidates, "accuracy", y_true=TRUTH, predictions=predictions)
    assert selection.comparison is not None and not selection.comparison.significant
    assert "but not significantly" in str(selection)


def test_a_much_better_winner_is_called_better():
    candidates, predictions = models(3)
    predictions["oracle"] = TRUTH.copy()
    candidates.append(ScoredModel("oracle", evaluate("accuracy", TRUTH, TRUTH)))
    selection = select(candidates, "accuracy", y_true=TRUTH, predictions=predictions)
    assert selection.winner is not None and selection.winner.name == "oracle"
    assert selection.comparison is not None and selection.comparison.significant
    assert "oracle is better than" in str(selection)


def test_one_model_alone_needs_no_comparison():
    candidates, predictions = models(1)
    selection = select(candidates, "accuracy", y_true=TRUTH, predictions=predictions)
    assert selection.comparison is None and selection.notes == ()
