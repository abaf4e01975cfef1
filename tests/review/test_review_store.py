"""Reviews are saved action by action: undone by whoever made them, safe from other writers and from sudden ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from leadline.errors import LeadlineError
from leadline.review import edits
from leadline.review.store import ReviewStore
from leadline.runs.folder import RunFolder
from leadline.runs.index import RunIndex
from leadline.runs.reviews import LABEL_VERDICTS, MISTAKES, VERDICTS, load_mistakes, load_verdicts, reviews_in
from leadline.runs.store import RunStore
from leadline.strategy import MistakeTable, Review

WHEN = "2026-01-01T00:00:00+00:00"


@pytest.fixture
def reviews(tmp_path: Path) -> ReviewStore:
    store = RunStore(tmp_path)
    folder = store.publish(store.begin("x", "first"))
    folder.write_json("run.json", {"status": "done", "started": "first"})
    return ReviewStore(folder)


def tag(reviews: ReviewStore, row: int, cause: str, on: bool = True, author: str = "me") -> None:
    reviews.act("mistakes", author, edits.tag(row, cause, on, "cat", "dog"))


def ticked(reviews: ReviewStore) -> list[tuple[int, str]]:
    """By the database; the files must say the same, and the database made anew from them, too."""
    index = RunIndex(RunStore(reviews.folder.path.parent))
    found = [(line["row"], line["cause"]) for line in index.cause_tags()]
    sheet = reviews.sheet()
    assert found == sorted((row, name) for name, rows in sheet.tags.items() for row in rows)
    index.rebuild()
    assert [(line["row"], line["cause"]) for line in index.cause_tags()] == found
    return found


def test_a_tick_is_in_the_file_and_in_the_database(reviews: ReviewStore) -> None:
    tag(reviews, 4, "blurry")
    tag(reviews, 9, "Blurry")
    tag(reviews, 9, "dark")
    tag(reviews, 4, "blurry", on=False)
    assert ticked(reviews) == [(9, "blurry"), (9, "dark")]
    table = load_mistakes(reviews.folder)
    assert table is not None and table.rows == (4, 9) and list(table.causes) == ["blurry", "dark"]
    assert table.labels == ("cat", "cat") and table.predictions == ("dog", "dog")


def test_undo_takes_back_what_the_same_author_did(reviews: ReviewStore) -> None:
    tag(reviews, 4, "blurry", author="left")
    tag(reviews, 4, "dark", author="right")
    undone = reviews.undo("mistakes", "left")
    assert undone is not None and ticked(reviews) == [(4, "dark")]
    assert reviews.sheet().causes == ["dark"]
    assert 4 in reviews.sheet().examined  # the other one's tick hangs on it
    assert reviews.undo("mistakes", "left") is None
    assert reviews.undo("mistakes", "right") is not None
    assert ticked(reviews) == [] and reviews.sheet().causes == []


def test_undo_leaves_what_another_has_changed_since(reviews: ReviewStore) -> None:
    tag(reviews, 4, "blurry", author="left")
    tag(reviews, 4, "blurry", on=False, author="right")
    undone = reviews.undo("mistakes", "left")
    assert undone is not None and ("tag", 4, "blurry") in undone.kept
    tag(reviews, 5, "dark", author="left")
    tag(reviews, 6, "dark", author="right")
    reviews.undo("mistakes", "left")
    assert ticked(reviews) == [(6, "dark")]


def test_a_removed_cause_comes_back_in_its_place(reviews: ReviewStore) -> None:
    for row, cause in ((1, "a"), (2, "b"), (3, "c"), (1, "b")):
        tag(reviews, row, cause)
    reviews.act("mistakes", "me", edits.remove_cause("b"))
    assert ticked(reviews) == [(1, "a"), (3, "c")] and list(reviews.sheet().examined) == [1, 2, 3]
    reviews.undo("mistakes", "me")
    assert ticked(reviews) == [(1, "a"), (1, "b"), (2, "b"), (3, "c")]
    assert reviews.sheet().causes == ["a", "b", "c"]


def test_a_mistake_without_a_cause_counts_as_looked_through(reviews: ReviewStore) -> None:
    tag(reviews, 4, "blurry")
    reviews.act("mistakes", "me", edits.unexplained(4, "cat", "dog"))
    assert ticked(reviews) == [] and 4 in reviews.sheet().examined
    reviews.act("mistakes", "me", edits.forget(4))
    assert not reviews.sheet().examined
    for _ in range(2):
        reviews.undo("mistakes", "me")
    assert ticked(reviews) == [(4, "blurry")]


@pytest.mark.parametrize("name", ["", "  ", "label", "Row", "x" * 61])
def test_a_name_that_no_cause_can_have(reviews: ReviewStore, name: str) -> None:
    with pytest.raises(LeadlineError, match="cause"):
        tag(reviews, 1, name)
    assert not (reviews.folder / MISTAKES).exists()


def test_strange_names_survive_the_file(reviews: ReviewStore) -> None:
    names = ['<script>alert("1")</script>', "a,b;c", "=1+2", "🐈 katze", "'; DROP TABLE runs; --"]
    for row, name in enumerate(names):
        tag(reviews, row, name)
    tag(reviews, 9, "two\nlines")
    assert reviews.sheet().causes == [*names, "two lines"]
    assert len(ticked(reviews)) == 6


def test_verdicts_are_kept_apart_from_corrections_in_force(reviews: ReviewStore) -> None:
    said = Review(4, "h", "cat", "dog", "wrong", WHEN)
    reviews.act("labels", "me", edits.verdict(said))
    reviews.act("labels", "me", edits.verdict(Review(5, "i", "cat", "cat", "unclear", WHEN)))
    assert load_verdicts(reviews.folder).reviews[0] == said
    with RunIndex(RunStore(reviews.folder.path.parent)).database() as engine, engine.connect() as connection:
        assert [line["verdict"] for line in reviews_in(connection, VERDICTS)] == ["wrong", "unclear"]
    tag(reviews, 4, "blurry")
    reviews.undo("labels", "me")
    assert [review.row for review in load_verdicts(reviews.folder)] == [4]
    reviews.undo("labels", "me")
    assert not (reviews.folder / LABEL_VERDICTS).exists() and ticked(reviews) == [(4, "blurry")]


def test_an_import_leaves_what_it_does_not_speak_of(reviews: ReviewStore) -> None:
    tag(reviews, 1, "blurry")
    tag(reviews, 2, "blurry")
    tag(reviews, 2, "dark")
    table = MistakeTable((2, 3), {"Blurry": np.array([False, True])}, ("cat", "cat"), ("dog", "dog"))
    reviews.act("mistakes", "file", edits.import_table(table))
    assert ticked(reviews) == [(1, "blurry"), (2, "dark"), (3, "blurry")]


def test_a_file_changed_by_hand_is_entered_with_the_next_action(reviews: ReviewStore) -> None:
    tag(reviews, 1, "blurry")
    MistakeTable((1, 7), {"other": np.array([True, True])}, ("a", "b"), ("b", "a")).to_csv(reviews.folder / MISTAKES)
    tag(reviews, 8, "other")
    assert ticked(reviews) == [(1, "other"), (7, "other"), (8, "other")]


def test_writers_at_once_lose_nothing(reviews: ReviewStore) -> None:
    def write(author: str, rows: range) -> None:
        own = ReviewStore(RunFolder(reviews.folder.path))
        for row in rows:
            tag(own, row, f"cause {row % 3}", author=author)

    threads = [threading.Thread(target=write, args=(f"author {k}", range(k, 40, 4))) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ticked(reviews) == [(row, f"cause {row % 3}") for row in range(40)]


WRITER = """
import sys
from leadline.review import edits
from leadline.runs.folder import RunFolder
from leadline.review.store import ReviewStore
reviews = ReviewStore(RunFolder(sys.argv[1]))
for row in range(int(sys.argv[2]), 10_000):
    reviews.act("mistakes", "killed", edits.tag(row, "blurry", True, "cat", "dog"))
    print(row, flush=True)
"""


def test_a_killed_writer_loses_nothing_it_has_answered(reviews: ReviewStore) -> None:
    command = [sys.executable, "-c", WRITER, str(reviews.folder.path)]
    answered: list[int] = []
    start = 0
    for _ in range(2):
        writer = subprocess.Popen([*command, str(start)], stdout=subprocess.PIPE, text=True, env=os.environ)
        assert writer.stdout is not None
        answered += [int(writer.stdout.readline()) for _ in range(5)]
        writer.send_signal(signal.SIGKILL)
        answered += [int(line) for line in writer.stdout.read().split()]
        writer.wait()
        kept = ticked(reviews)
        assert {(row, "blurry") for row in answered} <= set(kept)
        assert len(kept) - len(answered) in (0, 1, 2)  # one for each that was killed before it could answer
        start = 1000
    tag(reviews, 0, "blurry", on=False)
    assert (0, "blurry") not in ticked(reviews)
