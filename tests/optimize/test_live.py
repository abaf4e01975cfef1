from __future__ import annotations

from pathlib import Path

import pytest

from leadline.errors import UsageError
from leadline.optimize import Exponential, LiveRate, change_rate


def test_a_file_changes_the_rate_at_the_next_epoch(tmp_path: Path) -> None:
    file = tmp_path / "learning_rate"
    rate = LiveRate(Exponential(0.5), file)
    assert rate(0.8, 0, 0) == 0.8
    change_rate(file, 0.03)
    assert rate(0.8, 0, 1) == 0.8
    assert rate(0.8, 1, 2) == 0.03
    assert rate(0.8, 2, 3) == 0.03
    change_rate(file, None)
    assert rate(0.8, 3, 4) == 0.1
    assert [path.name for path in tmp_path.iterdir()] == []


@pytest.mark.parametrize("text", ["", "fast", "0", "-0.1", "nan", "inf", "\xff"])
def test_what_is_no_rate_changes_nothing_and_is_reported(tmp_path: Path, text: str) -> None:
    file = tmp_path / "learning_rate"
    rate = LiveRate(Exponential(0.5), file)
    file.write_text("0.03\n")
    assert rate(0.8, 0, 0) == 0.03
    assert rate.problem is None
    file.write_bytes(text.encode("latin-1"))
    assert rate(0.8, 1, 1) == 0.03
    assert rate.problem is not None
    assert "learning rate stays as it is" in rate.problem


def test_a_function_changes_the_rate() -> None:
    answers = iter([None, 0.01, None])
    rate = LiveRate(Exponential(0.5), lambda: next(answers))
    assert [rate(0.8, epoch, 0) for epoch in (0, 0, 1, 2)] == [0.8, 0.8, 0.01, 0.2]


def test_a_wrong_rate_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="learning_rate must be greater than 0"):
        change_rate(tmp_path / "learning_rate", -1.0)
    assert not list(tmp_path.iterdir())
