"""T3.07: single-number metrics, averages over segments, and costs per kind of error."""

from __future__ import annotations

import numpy as np
import pytest

from leadline.measure import classification as c
from leadline.measure import confusion_matrix, mean_cost, metric, proportion, weighted_average


def test_t3_07_f1_is_the_harmonic_mean_of_precision_and_recall():
    """T3.07."""
    # 855 hits, 45 false alarms, 95 misses: P = 0.95, R = 0.90.
    confusion = np.array([[1000, 45], [95, 855]])
    assert c.precision(confusion)[1] == pytest.approx(0.95)
    assert c.recall(confusion)[1] == pytest.approx(0.90)
    assert c.f1(confusion)[1] == pytest.approx(0.924324, abs=5e-7)


def test_t3_07_segments_are_averaged_by_their_weights():
    """T3.07."""
    average = weighted_average([proportion(30, 1000), proportion(60, 1000)], [0.75, 0.25])
    assert average.value == pytest.approx(0.0375)


def test_t3_07_each_kind_of_error_has_its_cost():
    """T3.07."""
    confusion = confusion_matrix([0, 0, 1, 1], [0, 1, 0, 1])
    assert mean_cost(confusion, [[0, 1], [10, 0]]) == pytest.approx(11 / 4)


def test_t3_07_a_metric_knows_its_direction():
    """T3.07."""
    assert metric("f1").direction == "maximize"
    assert metric("log_loss").direction == "minimize"
