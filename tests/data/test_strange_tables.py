"""Property tests: strange tables are written, read back, and prepared."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from leadline.data import Preparation, SplitSettings, read, split
from leadline.data.sources.delimited import MISSING, read_delimited
from leadline.errors import LeadlineError

NAMES = ("alpha", "beta", "gamma", "delta")
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp"), include_characters="\n"))
NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**17), 10**17)
WRITING = st.fixed_dictionaries(
    {
        "delimiter": st.sampled_from(",;\t|"),
        "lineterminator": st.sampled_from(["\n", "\r\n"]),
        "quoting": st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    }
)


def written(columns: dict[str, list], writing: dict[str, Any]) -> bytes:
    file = io.StringIO(newline="")
    writer = csv.writer(file, **writing)
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return file.getvalue().encode()


def columns_of(cells: st.SearchStrategy, most_rows: int = 12) -> st.SearchStrategy[dict[str, list]]:
    return st.integers(1, most_rows).flatmap(
        lambda n: st.fixed_dictionaries({name: st.lists(cells, min_size=n, max_size=n) for name in NAMES[:2]})
    )


@settings(deadline=None)
@given(columns_of(TEXT), WRITING)
def test_text_comes_back_as_it_was_written(columns: dict[str, list[str]], writing: dict[str, Any]) -> None:
    raw = written(columns, writing)
    found = read_delimited("t", "t.csv", raw, expected=NAMES, as_text=NAMES).data.to_pydict()
    for name, cells in columns.items():
        for cell, got in zip(cells, found[name], strict=True):
            if got is None:
                assert cell.strip() in MISSING
            else:
                assert got.strip() == cell.strip()
                assert cell not in MISSING


@settings(deadline=None)
@given(columns_of(NUMBERS), WRITING)
def test_numbers_come_back_to_the_last_bit(columns: dict[str, list[float]], writing: dict[str, Any]) -> None:
    found = read_delimited("t", "t.csv", written(columns, writing), expected=NAMES).data.to_pydict()
    for name, cells in columns.items():
        assert [float(cell) for cell in found[name]] == [float(cell) for cell in cells]


CELLS = st.one_of(
    st.sampled_from(["", "NA", "?", "x", "yes", "no", "0", "1", "2026-01-31", "12:30", "inf", "1e999", "-0.0"]),
    NUMBERS.map(repr),
    TEXT,
)


@settings(deadline=None)
@given(columns_of(CELLS, 30), WRITING, st.sampled_from(["auto", "standardize", "unit", "none"]))
def test_any_table_is_prepared_with_finite_numbers_or_refused_in_words(
    columns: dict[str, list[str]], writing: dict[str, Any], normalization: str
) -> None:
    n = len(columns[NAMES[0]])
    columns["y"] = [str(i % 2) for i in range(n)]
    table = read_delimited("t", "t.csv", written(columns, writing), expected=(*NAMES, "y")).data
    try:
        data = read(table, "y", normalization=normalization)
        made = split(data, SplitSettings(stratify=False))
        preparation = Preparation.fit(data, made.train)
        inputs = preparation.inputs(data, dtype=np.float64)
    except LeadlineError as error:
        assert str(error).count("\n") <= 1
        return
    assert inputs.shape == (n, preparation.n_inputs)
    assert np.isfinite(inputs).all()
    again = Preparation.from_json(json.dumps(preparation.to_json()))
    assert np.array_equal(again.inputs(table, dtype=np.float64), inputs)


@settings(deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused_in_words(raw: bytes) -> None:
    try:
        read_delimited("t", "t.csv", raw)
    except LeadlineError as error:
        assert str(error).startswith("t.csv")
