from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from leadline.data import Column, read
from leadline.data.inference import kind_of, task_of
from leadline.errors import LeadlineError

N = 40
GENERATOR = np.random.default_rng(0)
DAY = datetime.date(2026, 1, 1)


def column(values: Any) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(values)])


def kind(name: str, values: Any) -> str:
    return kind_of(name, column(values), lambda row: f"t.csv, line {row + 2}").kind


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("price", GENERATOR.normal(size=N), "number"),
        ("population", GENERATOR.permutation(N) * 7, "number"),
        ("rooms", np.arange(N) % 5, "number"),
        ("floats in text", [f"{i}.5" for i in range(N)], "number"),
        ("zero or one", np.arange(N) % 2, "boolean"),
        ("zero or one", (np.arange(N) % 2).astype(float), "boolean"),
        ("flag", [True, False, None, True] * 10, "boolean"),
        ("colour", ["red", "green", None, "blue"] * 10, "category"),
        ("day", [DAY + datetime.timedelta(days=i) for i in range(N)], "date"),
        ("time", [datetime.time(i % 24, 30) for i in range(N)], "date"),
        ("review", [f"a rather long remark number {i}" for i in range(N)], "text"),
        ("ticket", [f"A/{i}" for i in range(N)], "identifier"),
        ("row", np.arange(N) + 100, "identifier"),
        ("customer_id", GENERATOR.permutation(N) * 7, "identifier"),
        ("customerId", GENERATOR.permutation(N) * 7, "identifier"),
        ("grid", GENERATOR.permutation(N) * 7, "number"),
        ("same", ["x"] * N, "constant"),
        ("same number", [1.5] * N, "constant"),
        ("nothing", [None] * N, "constant"),
        ("lists", [[1, 2]] * N, "unsupported"),
    ],
)
def test_the_kind_of_a_column(name: str, values: Any, expected: str) -> None:
    assert kind(name, values) == expected


def test_one_value_and_missing_ones_still_tell_something() -> None:
    assert kind("noted", ["x", None] * 20) == "category"


def test_a_mistake_among_numbers_is_named_with_its_row_and_both_ways_out() -> None:
    values = [str(i / 2) for i in range(N)]
    values[7] = "12,O"
    with pytest.raises(LeadlineError, match=r"t\.csv, line 9, column 'x': '12,O' is not a number") as caught:
        kind("x", values)
    assert '"number"' in str(caught.value)
    assert '"category"' in str(caught.value)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["yes", "no"] * 20, "classification"),
        ([True, False] * 20, "classification"),
        ([0, 1] * 20, "classification"),
        ([1.5, 2.5] * 20, "classification"),
        ([3, 4, 5, 6] * 10, "classification"),
        ([3.0, 4.0, 5.0, 6.0] * 10, "classification"),
        ([3.0, 4.0, 5.5, 6.0] * 10, "regression"),
        (list(range(10)), "regression"),
        (list(range(40)), "regression"),
    ],
)
def test_the_task_of_a_target(values: list, expected: str) -> None:
    assert task_of("y", column(values), None) == expected


def test_the_user_overrules_the_task() -> None:
    assert task_of("y", column([3, 4, 5, 6] * 10), "regression") == "regression"
    assert task_of("y", column(list(range(10))), "classification") == "classification"


@pytest.mark.parametrize(
    ("values", "wanted", "message"),
    [
        ([1, 1, 1], None, "'y' is 1 in all 3 rows"),
        (["a"] * 3, "classification", "'y' is 'a' in all 3 rows"),
        ([f"name {i}" for i in range(N)], None, "40 different values in 40 rows, too many for classes"),
        (list(np.arange(N) / 3), "classification", 'set task = "regression"'),
        (["a", "b"] * 20, "regression", "holds text; regression needs numbers"),
        ([DAY, DAY + datetime.timedelta(days=1)] * 20, None, "holds dates"),
    ],
)
def test_targets_that_cannot_be_predicted(values: list, wanted: str | None, message: str) -> None:
    with pytest.raises(LeadlineError, match=message):
        task_of("y", column(values), wanted)


@pytest.mark.parametrize(
    "written", ["%d.%m.%Y", "%m/%d/%Y", "%Y/%m/%d", "%Y-%m-%dT%H:%M:%S.000", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%M:%S"]
)
def test_dates_written_as_text_are_dates(written: str) -> None:
    days = pd.Series(pd.date_range("2026-01-01", periods=60, freq="37h"))
    data = read(pd.DataFrame({"day": days.dt.strftime(written), "y": np.arange(60) % 2}), "y")
    (column,) = data.inputs
    assert isinstance(column, Column) and column.kind == "date"
    assert column.values.astype("datetime64[D]").tolist() == days.dt.date.tolist()


def test_text_that_only_begins_like_a_date_is_none() -> None:
    data = read(pd.DataFrame({"plan": ["2026-01-01 a", "2026-01-02 b"] * 20, "y": np.arange(40) % 2}), "y")
    assert data.features[0].kind == "category"
