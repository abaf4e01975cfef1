"""Causes and label reviews: the folder's files are the truth, the database follows them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from leadline.runs.folder import RunFolder
from leadline.runs.index import RunIndex
from leadline.runs.reviews import LABEL_REVIEWS, MISTAKES, load_mistakes, load_reviews
from leadline.runs.store import RunStore
from leadline.strategy import Corrections, MistakeTable, Review

WHEN = "2026-01-01T00:00:00+00:00"


@pytest.fixture
def reviewed(tmp_path: Path) -> RunStore:
    """A store with two runs, one of them reviewed."""
    store = RunStore(tmp_path)
    for name in ("first", "second"):
        folder = store.publish(store.begin("x", name))
        folder.write_json("run.json", {"status": "done", "started": name})
    folder = RunFolder(tmp_path / "first")
    causes = {"blurry": np.array([True, True]), "dark": np.array([False, True])}
    MistakeTable((4, 9), causes, ("cat", "dog"), ("dog", "cat"), ("", "tail only")).to_csv(folder / MISTAKES)
    Corrections((Review(4, "h", "cat", "dog", "wrong", WHEN),)).to_csv(folder / LABEL_REVIEWS)
    return store


def expect_all(index: RunIndex) -> None:
    assert index.cause_tags() == [
        {"run": "first", "row": 4, "cause": "blurry"},
        {"run": "first", "row": 9, "cause": "blurry"},
        {"run": "first", "row": 9, "cause": "dark"},
    ]
    assert index.label_reviews() == [
        {"run": "first", "row": 4, "content": "h", "old": "cat", "new": "dog", "verdict": "wrong", "when": WHEN}
    ]


def test_reviews_reach_the_database_and_survive_its_rebuilding(reviewed: RunStore) -> None:
    index = RunIndex(reviewed)
    assert len(index.rows()) == 2
    expect_all(index)
    assert index.rebuild() == 2
    expect_all(index)
    (reviewed.root / "leadline.db").unlink()
    RunIndex(reviewed).rows()
    expect_all(RunIndex(reviewed))


def test_a_changed_file_replaces_what_was_entered(reviewed: RunStore) -> None:
    index = RunIndex(reviewed)
    index.rows()
    folder = RunFolder(reviewed.root / "first")
    MistakeTable((4,), {"dark": np.array([True])}).to_csv(folder / MISTAKES)
    (folder / LABEL_REVIEWS).unlink()
    index.add(folder)
    assert index.cause_tags() == [{"run": "first", "row": 4, "cause": "dark"}]
    assert index.label_reviews() == []


def test_a_run_without_reviews_has_none(reviewed: RunStore) -> None:
    folder = RunFolder(reviewed.root / "second")
    assert load_mistakes(folder) is None and len(load_reviews(folder)) == 0
