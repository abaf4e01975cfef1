"""Error analysis: several causes a row, intervals where the truth is known, sample sizes, CSV out and in."""

from __future__ import annotations

import numpy as np
import pytest

from leadline.errors import LeadlineError, UsageError
from leadline.measure import Estimate, proportion
from leadline.strategy import MistakeTable, analyse, ceiling_of, sample_size
from leadline.strategy.error_analysis import product, sample_mistakes

TICKS = {"blurry": np.array([1, 1, 1, 0], bool), "dog": np.array([0, 1, 0, 0], bool)}
ERROR = proportion(40, 400)


def test_a_mistake_may_have_several_causes_or_none():
    analysis = analyse(TICKS, ERROR)
    assert [(c.name, c.count) for c in analysis.causes] == [("blurry", 3), ("dog", 1)]
    assert analysis.unexplained.count == 1
    assert analysis.causes[0].gain.value == pytest.approx(0.075)


def test_causes_fixed_together_count_a_shared_mistake_once():
    assert ceiling_of(TICKS, ["blurry", "dog"], ERROR).ceiling.value == pytest.approx(0.025)
    with pytest.raises(UsageError, match="'cat' is none of the causes: blurry, dog"):
        ceiling_of(TICKS, ["cat"], ERROR)


def test_the_page():
    assert str(analyse(TICKS, ERROR)).splitlines()[:2] == [
        "4 mistakes looked through; error 10.0 % (7.4 to 13.3 %, n = 400)",
        "  blurry        75.0 % of mistakes (30.1 to 95.4 %); at best 2.5 % (0.4 to 7.1 %)",
    ]


@pytest.mark.parametrize("share, n, examined", [(0.1, 1000, 100), (0.5, 1000, 100), (0.9, 5000, 300)])
def test_the_interval_of_a_ceiling_covers_95_percent(share, n, examined):
    rng = np.random.default_rng(n)
    hits, draws, error = 0, 4000, 0.12
    for _ in range(draws):
        wrong = int(rng.binomial(n, error))
        count = int(rng.binomial(min(examined, wrong), share))
        ticks = np.arange(min(examined, wrong)) < count
        low, high = analyse({"x": ticks}, proportion(wrong, n)).causes[0].ceiling.interval
        hits += low <= error * (1 - share) <= high
    assert hits / draws == pytest.approx(0.95, abs=0.015)


def test_a_product_of_exact_numbers_is_exact():
    assert product(Estimate(0.1), Estimate(0.5)).interval == (0.05, 0.05)


def test_about_a_hundred_mistakes_are_enough_or_all_there_are():
    assert sample_size(10**9) == 93
    assert sample_size(100) == 49
    assert sample_size(3) == 3
    assert sample_size(0) == 0
    with pytest.raises(UsageError, match="at least 0"):
        sample_size(-1)


def test_a_sample_of_mistakes_holds_only_mistakes():
    wrong = np.arange(1000) % 3 == 0
    rows = sample_mistakes(wrong, 50)
    assert len(rows) == len(set(rows)) == 50 and wrong[rows].all()
    assert np.array_equal(rows, sample_mistakes(wrong, 50)) and not np.array_equal(rows, sample_mistakes(wrong, 50, 1))


def test_a_table_survives_csv(tmp_path):
    table = MistakeTable((3, 17), {"blurry": np.array([True, False])}, ("cat", "dog"), ("dog", "cat"), ("a, b", ""))
    table = table.with_cause("dark", [17])
    table.to_csv(tmp_path / "mistakes.csv")
    back = MistakeTable.from_csv(tmp_path / "mistakes.csv")
    assert (back.rows, back.labels, back.predictions, back.comments) == (
        table.rows,
        table.labels,
        table.predictions,
        table.comments,
    )
    assert {name: ticks.tolist() for name, ticks in back.causes.items()} == {
        "blurry": [True, False],
        "dark": [False, True],
    }


def test_a_spreadsheets_ticks_are_read(tmp_path):
    (tmp_path / "m.csv").write_text("\ufeffrow,blurry\n1,X\n2,\n3,yes\n4,0\n", encoding="utf-8")
    assert MistakeTable.from_csv(tmp_path / "m.csv").causes["blurry"].tolist() == [True, False, True, False]


@pytest.mark.parametrize(
    "text, message",
    [
        ("id,blurry\n1,x\n", "no column 'row'"),
        ("row,blurry\n1,maybe\n", "line 2: blurry is ticked with x or left empty, got 'maybe'"),
        ("row,blurry\none,x\n", "line 2: row must be a whole number, got 'one'"),
    ],
)
def test_bad_tables_are_refused(tmp_path, text, message):
    (tmp_path / "m.csv").write_text(text)
    with pytest.raises(LeadlineError, match=message):
        MistakeTable.from_csv(tmp_path / "m.csv")


def test_bad_input():
    with pytest.raises(LeadlineError, match="cannot be read"):
        MistakeTable.from_csv("missing.csv")
    with pytest.raises(UsageError, match="2 ticks for 1 mistakes"):
        MistakeTable((1,), {"a": np.array([True, False])})
    with pytest.raises(UsageError, match="one length above 0"):
        analyse({}, ERROR)
