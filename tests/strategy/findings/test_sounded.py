"""A sounding overrules what rules and gaps alone would advise, but no fault of the data, and not without evidence."""

from __future__ import annotations

from typing import Any

from leadline.strategy import diagnose_rates
from leadline.strategy.findings import Finding
from leadline.strategy.findings.sounded import after_sounding

VARIANCE = Finding("variance", "Variance.", next_step="Add an L2 penalty: none was used.")
LEAK = Finding("target-leak", "A leak.", next_step="Remove the column.")
RATE = Finding("learning-rate-too-low", "Too low.", next_step="Raise it.")
FLOOR = Finding("noise-floor", "Noise.", next_step="Stop.")


def line(key: str, verdict: str, value: float, half: float = 0.01, **more: Any) -> dict[str, Any]:
    change = {"value": value, "low": value - half, "high": value + half, "n": None, "level": 0.95, "unit": "points"}
    usual = {"title": key.capitalize(), "option": "", "changes": {f"training.{key}": 1}, "moves": ["variance"]}
    return {"key": key, "verdict": verdict, "change": change} | usual | more


def record(*lines: dict[str, Any]) -> dict[str, Any]:
    return {"run": "r", "soundings": list(lines)}


def test_the_remedy_that_helps_most_is_the_conclusion():
    found = after_sounding([VARIANCE], record(line("l2", "helps", -0.02), line("dropout", "helps", -0.05)))
    assert [finding.code for finding in found] == ["remedy-helps", "variance"]
    assert found[0].change == {"training.dropout": 1}
    assert "leadline next r" in found[0].next_step


def test_more_data_can_be_the_next_step():
    found = after_sounding([VARIANCE], record(line("more_data", "helps", -0.06), line("dropout", "helps", -0.05)))
    assert found[0].next_step.startswith("Collect more training data") and not found[0].change


def test_what_cannot_be_told_is_never_the_next_step():
    found = after_sounding([VARIANCE], record(line("l2", "cannot tell", -0.02, 0.05), line("dropout", "hurts", 0.05)))
    assert found[0].code == "no-remedy-helps"
    assert "L2" not in found[0].next_step


def test_a_fault_of_the_data_stays_in_front():
    found = after_sounding([LEAK, VARIANCE], record(line("l2", "helps", -0.05)))
    assert [finding.code for finding in found] == ["target-leak", "remedy-helps", "variance"]
    assert after_sounding([LEAK, VARIANCE], record(line("l2", "hurts", 0.05)))[0] == LEAK


def test_a_fault_of_the_training_stands_until_its_own_remedy_was_measured():
    assert after_sounding([RATE], record(line("l2", "hurts", 0.05)))[0] == RATE
    assert after_sounding([RATE], record(line("learning_rate", "hurts", 0.05)))[0].code == "no-remedy-helps"


def test_where_nothing_was_left_to_do_and_nothing_helps_the_conclusion_stays():
    assert after_sounding([FLOOR, VARIANCE], record(line("l2", "hurts", 0.05)))[0].code == "no-remedy-helps"
    assert after_sounding([FLOOR], record(line("l2", "hurts", 0.05))) == (FLOOR,)


def test_nothing_measured_changes_nothing_and_a_new_sounding_replaces_the_old():
    assert after_sounding([VARIANCE], record(line("l2", "not measured", 0.0))) == (VARIANCE,)
    first = after_sounding([VARIANCE], record(line("l2", "helps", -0.05)))
    again = after_sounding(first, record(line("l2", "cannot tell", 0.0)))
    assert [finding.code for finding in again] == ["no-remedy-helps", "variance"]


def test_a_diagnosis_says_what_was_measured():
    diagnosis = diagnose_rates({"train": 0.01, "dev": 0.2}, {"train": 1000, "dev": 1000}, human=0.0)
    after = diagnosis.after_sounding(record(line("l2", "helps", -0.05)))
    assert after.findings[0].code == "remedy-helps"
    assert (after.conclusion, after.next_step) == (after.findings[0].statement, after.findings[0].next_step)
