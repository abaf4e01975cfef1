"""T3.15: replace a stage by the truth, measure what the whole gains; end-to-end against the pipeline."""

from __future__ import annotations

import numpy as np
import pytest

from leadline.strategy import Stage, ceiling_analysis, end_to_end_or_pipeline

# Text is found in 90 of 100 images, cut into characters in 80 of those found, and read in 79 of those cut.
FOUND = np.arange(100) < 90
CUT = np.arange(100) < 80
READ = np.arange(100) < 79
YES = np.ones(100, bool)
STAGES = [
    Stage("detection", lambda images: FOUND & images, YES),
    Stage("segmentation", lambda found: found & CUT, YES),
    Stage("recognition", lambda cut: cut & READ, YES),
]


def test_t3_15_the_gain_of_each_perfect_stage():
    """T3.15."""
    analysis = ceiling_analysis(STAGES, YES)
    assert analysis.accuracy.value == 0.79
    assert [c.accuracy.value for c in analysis.ceilings] == [0.79, 0.79, 1.0]
    assert [c.gain.value for c in analysis.ceilings] == pytest.approx([0.0, 0.0, 0.21])
    assert analysis.worthwhile.stage == "recognition"


def test_t3_15_end_to_end_is_compared_on_the_same_data():
    """T3.15."""
    truth = np.zeros(100, int)
    result = end_to_end_or_pipeline(truth, (np.arange(100) < 5).astype(int), (~READ).astype(int))
    assert result.first == "end-to-end" and result.significant
