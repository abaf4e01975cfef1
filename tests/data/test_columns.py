from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from leadline.data.columns import typed
from leadline.errors import LeadlineError


def column(values: Any, kind: str) -> Any:
    array = values if isinstance(values, pa.Array) else pa.array(values)
    return typed("x", pa.chunked_array([array]), kind, lambda row: f"t.csv, line {row + 2}")


def test_numbers_of_every_type_with_nan_for_missing() -> None:
    for values in ([1, None, 3], [1.0, None, 3.0], ["1", None, " 3.0 "], pa.array([1, None, 3], pa.int8())):
        assert np.array_equal(column(values, "number").values, [1, np.nan, 3], equal_nan=True)
    assert column([True, False], "number").values.tolist() == [1, 0]
    assert column([datetime.timedelta(minutes=2)], "number").values.tolist() == [120]


def test_text_that_is_no_number_counts_as_missing_where_numbers_are_asked_for() -> None:
    assert np.array_equal(column(["1", "unknown", "3"], "number").values, [1, np.nan, 3], equal_nan=True)


def test_categories_are_ordered_as_numbers_or_by_alphabet() -> None:
    found = column(["b", None, "a", "b"], "category")
    assert found.levels == ("a", "b")
    assert found.values.tolist() == [1, -1, 0, 1]
    assert column(["10", "9", "x", "1"], "category").levels == ("1", "9", "10", "x")


def test_a_category_has_the_same_name_as_integer_and_as_float() -> None:
    assert column([3, 1, 2], "category").levels == ("1", "2", "3")
    assert column([3.0, 1.0, None], "category").levels == ("1", "3")
    assert column([2.5, 1.0], "category").levels == ("1", "2.5")


def test_booleans_in_words() -> None:
    found = column(["Yes", "no", None, "TRUE", "0"], "boolean")
    assert np.array_equal(found.values, [1, 0, np.nan, 1, 0], equal_nan=True)


def test_dates_in_several_layouts() -> None:
    day = np.datetime64("2026-01-31", "s")
    for values in (["2026-01-31", None], ["31.01.2026", None], [datetime.date(2026, 1, 31), None]):
        found = column(values, "date").values
        assert found[0] == day
        assert np.isnat(found[1])
    assert column([datetime.time(12, 30)], "date").values[0] == np.datetime64("1970-01-01T12:30", "s")


@pytest.mark.parametrize(
    ("values", "kind", "message"),
    [
        ([1.0, float("inf")], "number", r"t\.csv, line 3, column 'x': the value is not finite \(inf\)"),
        (["1", "-1e999"], "number", r"line 3, column 'x': the value is not finite \(-inf\)"),
        (["yes", "maybe"], "boolean", "line 3, column 'x': 'maybe' is neither true nor false"),
        (["2026-01-31", "soon"], "date", "line 3, column 'x': 'soon' is not a date"),
        ([[1], [2]], "number", "not a number"),
        ([[1], [2]], "category", "cannot be a category"),
        ([1, 2], "date", "not a date"),
    ],
)
def test_values_that_do_not_fit_the_kind(values: list, kind: str, message: str) -> None:
    with pytest.raises(LeadlineError, match=message):
        column(values, kind)
