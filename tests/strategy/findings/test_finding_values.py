"""Findings as values, their catalogue, and which of them is the conclusion."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from leadline.errors import UsageError
from leadline.measure import Estimate
from leadline.strategy.findings import CATALOGUE, STAGES, WEAK, Finding, Quantity, correct, ranked


def finding(code, strength="strong", p_value=None):
    return Finding(code, f"{code}.", strength=strength, p_value=p_value)


def test_a_finding_survives_json():
    evidence = (Quantity("dev error", Estimate(0.2, 0.15, 0.25, 400)),)
    made = Finding("target-leak", "x", evidence, "moderate", "y", "", {"data.exclude": ["id"]}, "z", 1e-6)
    assert Finding.from_json(json.loads(json.dumps(made.to_json()))) == made


def test_an_unknown_code_or_strength_is_refused_with_the_nearest_name():
    with pytest.raises(UsageError, match="target-leak"):
        finding("target-leek")
    with pytest.raises(UsageError, match="strong"):
        finding("target-leak", "stronk")


def test_faults_of_the_data_go_before_those_of_training_and_these_before_gaps():
    codes = ["no-gap", "variance", "learning-rate-too-low", "target-leak"]
    assert [each.code for each in ranked(map(finding, codes))] == codes[::-1]


def test_a_hint_is_never_first():
    assert ranked([finding("target-leak", WEAK), finding("inconclusive", "moderate")])[0].code == "inconclusive"


def test_many_tests_are_corrected_for():
    """Holm: the smallest of as many p-values as tests were made must be below the level divided by their number."""
    alone = correct([finding("drift", p_value=0.006)])
    assert alone[0].strength == "strong"
    among = correct([finding("drift", p_value=0.03), finding("order-leak", p_value=0.5)])
    assert [each.strength for each in among] == [WEAK] * 2
    assert correct([finding("drift", p_value=0.006)], made=12)[0].strength == WEAK
    assert correct([finding("drift", p_value=0.004)], made=12)[0].strength == "strong"


def test_every_kind_is_told_to_users():
    """docs/guide/findings.md has every code with its meaning and remedy."""
    page = (Path(__file__).parents[3] / "docs/guide/findings.md").read_text(encoding="utf-8")
    for each in CATALOGUE.values():
        assert each.stage in STAGES
        assert f"### `{each.code}`" in page
        assert each.meaning in page
        assert each.remedy in page
