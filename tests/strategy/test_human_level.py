"""Human level from annotators, where each one's true error is known."""

from __future__ import annotations

import numpy as np
import pytest

from leadline.errors import UsageError
from leadline.strategy import human_level


def annotated(rng, m, errors, classes=5):
    truth = rng.integers(0, classes, m)
    labels = {}
    for k, error in enumerate(errors):
        slips = (truth + rng.integers(1, classes, m)) % classes
        labels[f"a{k}"] = np.where(rng.random(m) < error, slips, truth)
    return labels, truth


def test_with_the_truth_each_is_measured_and_the_team_is_best():
    labels, truth = annotated(np.random.default_rng(0), 5000, (0.05, 0.08, 0.11))
    found = human_level(labels, truth)
    assert [error.value for error in found.annotators.values()] == pytest.approx([0.05, 0.08, 0.11], abs=0.01)
    assert found.typical.value == pytest.approx(0.08, abs=0.01)
    assert found.team is not None and found.level == found.team
    assert found.level.value < 0.03
    assert found.source == "majority of 3 annotators"


def test_a_far_better_expert_beats_the_team():
    labels, truth = annotated(np.random.default_rng(0), 2000, (0.01, 0.3, 0.3))
    found = human_level(labels, truth)
    assert found.source == "best annotator, a0"
    assert "biased by selection" in found.notes[0]


def test_one_annotator_with_the_truth():
    labels, truth = annotated(np.random.default_rng(0), 500, (0.1,))
    found = human_level(labels, truth)
    assert found.level == found.typical and found.notes == ()


def test_without_the_truth_the_majority_of_the_others_stands_in_and_that_is_said():
    labels, _ = annotated(np.random.default_rng(0), 5000, (0.05, 0.05, 0.05, 0.05))
    found = human_level(labels)
    assert 0.05 <= found.level.value < 0.06
    assert "lower than this" in found.notes[0]
    assert found.team is None


def test_two_annotators_without_the_truth_give_their_disagreement():
    found = human_level({"a": ["x", "y", "y", "x"], "b": ["x", "y", "x", "x"]})
    assert found.level.value == pytest.approx(0.25)


def test_ties_count_in_parts():
    found = human_level({"a": [0], "b": [1], "c": [0]})
    # Against b and c (one vote each) a is half wrong; b is all wrong against a and c; c is half wrong.
    assert [error.value for error in found.annotators.values()] == [0.5, 1.0, 0.5]


def test_missing_labels_are_left_out():
    found = human_level({"a": [0, 1, np.nan], "b": np.array(["0", "", None], object)}, truth=[0, 0, 0])
    assert found.annotators["a"].n == 2 and found.annotators["a"].value == 0.5
    assert found.annotators["b"].n == 1 and found.annotators["b"].value == 0.0
    unknown = human_level({"a": [0, 1, 1]}, truth=[0.0, np.nan, 1.0])
    assert unknown.level.n == 2 and unknown.level.value == 0.0
    with pytest.raises(UsageError, match="No label of b can be judged"):
        human_level({"a": [0, 1], "b": np.array([None, None], object)}, truth=[0, 0])


def test_the_intervals_cover_although_hard_examples_trouble_everybody():
    rng = np.random.default_rng(0)
    # A tenth of the examples is hard: everybody errs there with 60 %, elsewhere with 4 %.
    majority = 0.1 * (0.6**3 + 3 * 0.6**2 * 0.4) + 0.9 * (0.04**3 + 3 * 0.04**2 * 0.96)
    hits, draws = np.zeros(2), 4000
    for _ in range(draws):
        rate = np.where(rng.random(200) < 0.1, 0.6, 0.04)
        wrong = (rng.random((3, 200)) < rate).astype(int)
        found = human_level(dict(zip("abc", wrong, strict=True)), np.zeros(200, int))
        assert found.team is not None
        for k, (measured, truth) in enumerate(((found.team, majority), (found.typical, 0.096))):
            hits[k] += measured.interval[0] <= truth <= measured.interval[1]
    assert hits / draws == pytest.approx([0.95, 0.95], abs=0.015)


def test_bad_input():
    with pytest.raises(UsageError, match="at least two annotators"):
        human_level({"a": [0, 1]})
    with pytest.raises(UsageError, match="one label per example"):
        human_level({"a": [0, 1], "b": [0]})
