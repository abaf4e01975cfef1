"""Ceiling analysis on pipelines whose weak stage is known."""

from __future__ import annotations

import numpy as np
import pytest

from leadline.errors import UsageError
from leadline.strategy import Stage, ceiling_analysis, ceilings_of_table


def noisy(rng, error):
    """A stage that passes codes on and spoils a share of them."""

    def run(codes):
        return np.where(rng.random(len(codes)) < error, -1, codes)

    return run


def test_the_weak_stage_is_found():
    rng = np.random.default_rng(0)
    codes = np.arange(2000)
    stages = [Stage(name, noisy(rng, e), codes) for name, e in (("detect", 0.02), ("align", 0.2), ("read", 0.05))]
    analysis = ceiling_analysis(stages, codes)
    assert analysis.worthwhile.stage == "align"
    assert [c.gain.value for c in analysis.ceilings] == pytest.approx([0.02, 0.19, 0.05], abs=0.02)
    assert analysis.ceilings[-1].accuracy.value == 1.0
    assert analysis.conclusion.startswith("Work on align: made perfect, it would gain at most ")


def test_a_judge_of_ones_own():
    near = Stage("estimate", lambda x: x + 0.4, np.zeros(50))
    analysis = ceiling_analysis([near], np.zeros(50), correct=lambda out, truth: np.abs(out - truth) < 0.5)
    assert analysis.accuracy.value == 1.0
    assert "no stage" in analysis.conclusion.lower()


def test_stages_that_cannot_be_told_apart_are_named():
    k = np.arange(100)
    analysis = ceilings_of_table({"whole": k < 70, "first": k < 86, "second": k < 100})
    assert analysis.conclusion.endswith("These examples do not tell it from second.")
    assert str(analysis).startswith("as it is        70.0 %")


def test_ceilings_stand_under_each_other_with_their_signs():
    k = np.arange(100)
    lines = str(ceilings_of_table({"whole": k < 60, "first": k < 55, "second": k < 100})).splitlines()[:3]
    assert [line.split("points")[0].split()[-1] for line in lines[1:]] == ["−5.0", "+45.0"]
    assert len({line.index("points") for line in lines[1:]}) == 1


def test_bad_tables():
    with pytest.raises(UsageError, match="one column for the whole"):
        ceilings_of_table({"whole": [True]})
    with pytest.raises(UsageError, match="one column for the whole"):
        ceilings_of_table({"whole": [True], "a": [True, False]})
    with pytest.raises(UsageError, match="at least one stage"):
        ceiling_analysis([], [])
