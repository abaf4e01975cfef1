"""Values as people read them."""

from __future__ import annotations

import pytest

from leadline.report.quantities import ErrorScale, count, digits, duration, fact, facts, moment, number, prose, share


def test_counts_and_durations_read_well():
    assert count(1234567) == "1\u202f234\u202f567"
    assert [duration(seconds) for seconds in (0.42, 59.6, 75, 120, 7500)] == [
        "0.4\u202fs", "1\u202fmin", "1\u202fmin 15\u202fs", "2\u202fmin", "2\u202fh 5\u202fmin",
    ]  # fmt: skip


def test_an_error_is_shown_in_its_own_unit():
    assert ErrorScale.of("multiclass") == ErrorScale.of("binary", metric="f1") == ErrorScale(100.0, "%")
    assert ErrorScale.of("regression", "m") == ErrorScale.of("regression", "m", "mae") == ErrorScale(1.0, "m")
    assert (
        ErrorScale.of("binary", metric="cost") == ErrorScale.of("multiclass", metric="log_loss") == ErrorScale(1.0, "")
    )
    assert ErrorScale.of("binary", metric="false_alarms_per_day") == ErrorScale(1.0, "per 24 h")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1561.0, "1561"),
        (106245.9081, "106\u202f246"),
        (1234567.0, "1\u202f234\u202f567"),
        (-118.085, "−118.085"),
        (1e-9, "1e−09"),
    ],
)
def test_numbers_of_a_table_have_six_digits_and_thin_groups(value, text):
    assert number(value) == text


@pytest.mark.parametrize(("value", "text"), [(1.0, "100"), (0.0897, "9"), (0.0951, "10"), (0.004, "0.4"), (0.0, "0")])
def test_small_shares_keep_a_decimal(value, text):
    assert share(value) == f"{text}\u202f%"


def test_moments_are_told_to_the_minute():
    assert moment("2031-05-04T10:12:33+00:00") == "2031-05-04 10:12 UTC"
    assert moment("2031-05-04 10:12") == "2031-05-04 10:12"
    assert moment("some day") == "some day"


def test_numbers_in_sentences_stay_together():
    assert prose("12 384 rows, 37 % of 3 kinds") == "12\u202f384 rows, 37\u202f% of 3 kinds"


def test_facts_flatten_tables_and_lists():
    assert facts({"n": 20640, "split": {"train": 5}, "names": ["a", "b"], "hash": None, "none": []}) == [
        ("n", "20\u202f640"),
        ("split: train", "5"),
        ("names", "a, b"),
        ("hash", "—"),
        ("none", "—"),
    ]


def test_facts_of_columns_are_short():
    columns = [{"name": "age", "kind": "number", "note": ""}, {"name": "sex", "kind": "category", "note": "2 levels"}]
    assert facts({"columns": columns}) == [("columns", "age (number), sex (category, 2 levels)")]


def test_single_facts():
    assert [fact(value) for value in (11709.0, 0.1, True, {}, None)] == ["11709", "0.1", "True", "—", "—"]


def test_three_digits_count_and_large_numbers_keep_all():
    assert [digits(value) for value in (3.7, 12.3456, 0.0, 54_361.2)] == ["3.70", "12.3", "0.00", "54\u202f361"]
