"""T3.08: one metric to optimize, thresholds on the others."""

from __future__ import annotations

import pytest

from leadline.measure import false_alarms_per_day, proportion
from leadline.strategy import ScoredModel, select

MODELS = [
    ScoredModel("A", proportion(900, 1000), {"latency_ms": 80}),
    ScoredModel("B", proportion(920, 1000), {"latency_ms": 95}),
    ScoredModel("C", proportion(950, 1000), {"latency_ms": 1500}),
]


def test_t3_08_the_best_of_those_that_are_fast_enough_wins():
    """T3.08."""
    selection = select(MODELS, "accuracy", {"latency_ms": "<= 100"})
    assert selection.winner is not None and selection.winner.name == "B"
    assert [c.name for c in selection.ranked] == ["B", "A"]
    assert [(c.name, why) for c, why in selection.rejected] == [("C", "latency_ms 1500 instead of ≤ 100")]


def test_t3_08_without_thresholds_accuracy_alone_decides():
    """T3.08."""
    selection = select(MODELS, "accuracy")
    assert selection.winner is not None and selection.winner.name == "C"


def test_t3_08_false_alarms_per_24_hours():
    """T3.08."""
    assert false_alarms_per_day(3, 48).value == pytest.approx(1.5)
