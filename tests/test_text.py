"""Numbers, lists and times as people read and write them."""

from __future__ import annotations

import pytest

from leadline import text
from leadline.errors import UsageError


def test_digits_are_grouped_in_one_way() -> None:
    assert text.grouped(12_500) == "12 500" and text.grouped(999) == "999"
    assert text.grouped(1_234_567.891, 2, text.THIN) == "1\u202f234\u202f567.89"
    assert text.about(1_332) == "1 400"


def test_counted_things() -> None:
    assert [text.counted(n, "image") for n in (0, 1, 12_500)] == ["0 images", "1 image", "12 500 images"]
    assert text.counted(2, "class", "classes") == "2 classes"


def test_lists() -> None:
    assert text.listed([]) == "" and text.listed(["a"]) == "a"
    assert text.listed(["a", "b", "c"]) == "a, b and c" and text.listed(["a", "b"], "or") == "a or b"
    assert text.shortened(["a", "b", "c"], 2) == "a, b, …" and text.shortened(["a", "b"], 2) == "a, b"


@pytest.mark.parametrize(
    ("given", "seconds"), [("90s", 90), ("5m", 300), ("1.5h", 5400), ("1h30m", 5400), (1e-6, 1e-6)]
)
def test_times(given: str | float, seconds: float) -> None:
    assert text.seconds_of(given) == seconds


@pytest.mark.parametrize("given", ["", "0s", "-1", "soon", "1e30", "9" * 400, "nan"])
def test_no_times(given: str) -> None:
    with pytest.raises(UsageError, match="budget"):
        text.seconds_of(given)


@pytest.mark.parametrize("formula", ["=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\tx", "'=1"])
def test_no_spreadsheet_takes_a_cell_for_a_formula(formula: str) -> None:
    assert text.as_cell(formula).startswith("'") and text.from_cell(text.as_cell(formula)) == formula


@pytest.mark.parametrize("plain", ["-1", "+2.5e-3", "dog", "", "'tis", "a=b"])
def test_other_cells_stay_as_they_are(plain: str) -> None:
    assert text.as_cell(plain) == plain and text.from_cell(plain) == plain
