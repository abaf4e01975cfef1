"""Mistakes in windows: every one once, in the order and with the filters asked for."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from leadline.review.mistake_list import ORDERS, MistakeList, MistakeQuery
from leadline.runs.criteria import judge
from leadline.runs.predictions import predictions_table, read_answers, write_table
from leadline.strategy import sample_mistakes

CLASSES = ("ant", "bee", "cat", "dog")


def predictions(m: int, seed: int = 0) -> pa.Table:
    rng = np.random.default_rng(seed)
    outputs = rng.dirichlet(np.ones(4), m)
    return predictions_table("multiclass", CLASSES, outputs, rng.integers(0, 4, m), 5 * np.arange(m) + 3)


def listed(table: pa.Table) -> MistakeList:
    with tempfile.TemporaryDirectory() as folder:
        path = write_table(table, Path(folder) / "dev.parquet")
        return listed_as("multiclass", CLASSES, path)


def listed_as(task: str, classes: tuple[str, ...], path: Path) -> MistakeList:
    answers = read_answers(path, task, classes)
    return MistakeList(task, classes, answers, judge(task, answers, classes))


def read_all(found: MistakeList, wanted: MistakeQuery, order, size: int = 60) -> list[int]:
    ranks, after, rows = found.ranks(wanted, order), -1, []
    while window := found.window(ranks, order, after, size):
        rows += [mistake.row for _, mistake in window]
        after = window[-1][0]
    return rows


def test_every_mistake_is_shown_once_in_every_order() -> None:
    table = predictions(500)
    expected = [row for row, label, answer in zip(*(table[c].to_pylist() for c in ("row", "label", "prediction")),
                strict=True) if label != answer]  # fmt: skip
    found = listed(table)
    assert len(found) == len(expected) and found.error.n == 500
    for order in ORDERS:
        assert sorted(read_all(found, MistakeQuery(), order)) == expected
    assert read_all(found, MistakeQuery(), "row") == expected
    surety = [
        max(p.value for p in found.shown(found.position[row]).probabilities)
        for row in read_all(found, MistakeQuery(), "surest")
    ]
    assert surety == sorted(surety, reverse=True)


def test_the_sample_is_the_one_that_an_export_writes() -> None:
    table = predictions(500)
    found = listed(table)
    wrong = np.array(table["label"].to_pylist()) != np.array(table["prediction"].to_pylist())
    exported = table["row"].to_numpy()[sample_mistakes(wrong, found.suggested_sample)]
    first = read_all(found, MistakeQuery(), "sample")[: found.suggested_sample]
    assert sorted(first) == exported.tolist()
    assert found.picked(first) == found.picked(first[:7]) == 0
    assert found.picked(read_all(found, MistakeQuery(), "sample")[-3:]) == 3


def test_filters() -> None:
    found = listed(predictions(500))
    rows = read_all(found, MistakeQuery(true="bee", predicted="cat"), "row")
    assert rows and all(
        (found.shown(found.position[row]).label, found.shown(found.position[row]).prediction) == ("bee", "cat")
        for row in rows
    )
    assert read_all(found, MistakeQuery(true="bee", predicted="bee"), "row") == []
    assert read_all(found, MistakeQuery(true="<script>"), "row") == []
    some = frozenset(rows[:2]) | {-1, 10**9}
    assert read_all(found, MistakeQuery(rows=some), "row") == rows[:2]
    assert read_all(found, MistakeQuery(rows=frozenset()), "row") == []


def test_a_window_beyond_the_end_is_empty() -> None:
    found = listed(predictions(50))
    ranks = found.ranks(MistakeQuery(), "row")
    assert found.window(ranks, "row", 10**18, 60) == []
    table = predictions(50)
    none = listed(table.filter(pa.array([line["label"] == line["prediction"] for line in table.to_pylist()])))
    assert len(none) == 0 and none.window(none.ranks(MistakeQuery(), "sample"), "sample", -1, 60) == []


def test_the_labels_probability_is_always_shown() -> None:
    found = listed(predictions(300))
    for at in range(len(found)):
        shown = found.shown(at)
        assert {shown.label, shown.prediction} <= {p.name for p in shown.probabilities}
        assert len(shown.probabilities) == 3


def test_a_window_of_ten_thousand_mistakes_is_quick() -> None:
    found = listed(predictions(13_500))
    assert len(found) > 10_000
    found.order("surest")
    start = time.perf_counter()
    for after in range(0, 10_000, 1000):
        ranks = found.ranks(MistakeQuery(rows=frozenset(range(0, 60_000, 2))), "surest")
        found.window(ranks, "surest", after, 60)
    assert (time.perf_counter() - start) / 10 < 0.1


def test_examples_with_wrong_labels(tmp_path: Path) -> None:
    """Several labels each: filters go by the label missed or falsely predicted; an unknown one is no mistake."""
    truth = np.array([[1, 0, 0], [1, 1, 0], [0, np.nan, 1], [0, 0, 0]])
    outputs = np.array([[0.9, 0.2, 0.1], [0.2, 0.9, 0.7], [0.1, 0.9, 0.8], [0.6, 0.1, 0.1]])
    names = ("ice", "rain", "wind")
    table = predictions_table("multilabel", names, outputs, truth, np.array([10, 11, 12, 13]))
    found = listed_as("multilabel", names, write_table(table, tmp_path / "dev.parquet"))
    assert (
        read_all(found, MistakeQuery(), "row") == [11, 13] and found.heading == "2 of 4 dev examples have wrong labels"
    )
    assert read_all(found, MistakeQuery(true="ice"), "row") == [11]
    assert read_all(found, MistakeQuery(predicted="wind"), "row") == [11]
    assert read_all(found, MistakeQuery(predicted="ice"), "row") == [13]
    shown = found.shown(found.position[11])
    assert (shown.label, shown.prediction) == ("ice | rain", "rain | wind")
    assert [(p.name, p.value, p.role) for p in shown.probabilities] == [("ice", 0.2, "true"), ("wind", 0.7, "said")]


def test_the_largest_residuals_come_first(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    truth = rng.normal(size=(200, 1))
    residual = np.where(rng.random((200, 1)) < 0.1, 5.0, 0.1) * rng.normal(size=(200, 1))
    table = predictions_table("regression", (), truth + residual, truth, np.arange(200))
    found = listed_as("regression", (), write_table(table, tmp_path / "dev.parquet"))
    order = read_all(found, MistakeQuery(), "sample")
    size = np.abs(residual[:, 0])
    assert order == np.argsort(-size).tolist()[: len(order)]
    assert (size[order] ** 2).sum() >= 0.5 * (size**2).sum() > (size[order[:-1]] ** 2).sum()
    shown = found.shown(found.position[order[0]])
    assert float(shown.off.replace("−", "-")) == pytest.approx(float(residual[order[0], 0]), rel=1e-4)
    assert found.picked(order[-3:]) == 0 and shown.probabilities == ()
    assert read_all(found, MistakeQuery(true="x"), "sample") == []


def test_values_are_written_with_six_digits(tmp_path: Path) -> None:
    truth, said = np.array([[500001.0], [3.0]]), np.array([[106245.9081], [3.5]])
    table = predictions_table("regression", (), said, truth, np.arange(2))
    shown = listed_as("regression", (), write_table(table, tmp_path / "dev.parquet")).shown(0)
    assert (shown.label, shown.prediction, shown.off) == ("500 001", "106 246", "−393 755")
