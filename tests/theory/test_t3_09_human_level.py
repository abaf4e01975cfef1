"""T3.09: human level is given or assumed, and never reported as passed without saying so."""

from __future__ import annotations

import pytest

from leadline.strategy import diagnose_rates


def test_t3_09_an_assumed_human_level_is_named():
    """T3.09."""
    diagnosis = diagnose_rates({"train": 0.02, "dev": 0.11})
    assert diagnosis.ladder.rungs[0].assumed
    assert "Human level assumed 0 %." in diagnosis.notes
    assert "assumed" in str(diagnosis)


def test_t3_09_a_given_human_level_is_not_assumed():
    """T3.09."""
    diagnosis = diagnose_rates({"train": 0.02, "dev": 0.11}, human=0.0)
    assert not diagnosis.ladder.rungs[0].assumed
    assert diagnosis.notes == ()


@pytest.mark.parametrize(
    "n, said",
    [
        (None, "without numbers of examples it cannot be said to have passed that level"),
        (500, "the interval includes 0, so it cannot be said to have passed that level"),
        (100_000, "on these examples the model has passed that level"),
    ],
)
def test_t3_09_passing_the_human_level_is_said_only_where_it_shows(n, said):
    """T3.09."""
    sizes = {} if n is None else {"train": n, "dev": n}
    diagnosis = diagnose_rates({"train": 0.0402, "dev": 0.04}, n=sizes, human=0.05)
    (note,) = [note for note in diagnosis.notes if note.startswith("Dev error")]
    assert note.startswith("Dev error is 1")
    assert said in note


def test_t3_09_a_training_error_below_it_hides_bias():
    """T3.09."""
    diagnosis = diagnose_rates({"train": 0.003, "dev": 0.06}, n={"train": 10_000, "dev": 1000}, human=0.01)
    assert any("bias may be hidden" in note for note in diagnosis.notes)
