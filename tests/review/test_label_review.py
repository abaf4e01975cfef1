"""Labels reviewed one by one: the queue, what verdicts come to, applied and taken back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import leadline as ll
from leadline.errors import LeadlineError
from leadline.review import edits
from leadline.review.label_audit import audit_labels
from leadline.review.label_review import ROUND, LabelQueue, apply_verdicts, effect, effects, take_back, waiting
from leadline.review.store import ReviewStore
from leadline.runs.reviews import load_reviews
from leadline.strategy import Corrections, Review


def arrays() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two classes far apart, one label in twelve wrong."""
    rng = np.random.default_rng(0)
    right = rng.integers(0, 2, 400)
    x = rng.normal(0, 0.4, (400, 2)) + 2 * right[:, None]
    wrong = rng.random(400) < 1 / 12
    return x, np.where(wrong, 1 - right, right), wrong


@pytest.fixture
def run(tmp_path: Path) -> ll.Run:
    x, y, _ = arrays()
    return ll.train(ll.Network([ll.Dense(8, "relu"), ll.Dense(1)]), (x, y), epochs=30, runs=tmp_path, name="a")


@pytest.fixture
def data() -> ll.Dataset:
    x, y, _ = arrays()
    return ll.read(x, y)


@pytest.fixture
def queue(run: ll.Run, data: ll.Dataset) -> LabelQueue:
    return LabelQueue(audit_labels(run, data))


def by_truth(queue: LabelQueue, row: int) -> tuple[str, str | None]:
    _, y, wrong = arrays()
    return ("wrong", str(1 - y[row])) if wrong[row] else ("right", None)


def give(run: ll.Run, queue: LabelQueue, rows: list[int]) -> None:
    for row in rows:
        ReviewStore(run.folder).act("labels", "me", edits.verdict(queue.review(row, *by_truth(queue, row))))


def test_rounds_hold_every_label_once_and_do_not_move(queue: LabelQueue) -> None:
    reviewed: set[int] = set()
    for number in range(4):
        rows = queue.round(reviewed)
        assert len(rows) == ROUND and not reviewed & set(rows)
        assert queue.round(reviewed | set(rows[:-1])) == rows, number
        reviewed |= set(rows)
    assert reviewed == set(range(400)) and set(queue.round(reviewed)) <= reviewed


def test_a_queue_of_some_sets(run: ll.Run, data: ll.Dataset) -> None:
    labels = audit_labels(run, data)
    queue = LabelQueue(labels, ("dev", "test"))
    sets = dict(zip(labels.rows.tolist(), labels.sets.tolist(), strict=True))
    rows = queue.round(set())
    assert len(queue) == sum(name in ("dev", "test") for name in sets.values())
    assert {sets[row] for row in rows} == {"dev", "test"} and len(rows) == min(ROUND, len(queue))
    contradicted = [queue.suggestion(row)[0] != queue.question(row).label for row in rows]
    assert sum(contradicted) > 0.8 * ((labels.audit.suggested != labels.audit.given) & (labels.sets != "train")).sum()


def test_a_round_mixes_suspects_with_labels_that_nothing_speaks_against(queue: LabelQueue) -> None:
    """T3.11: what counts for the network is looked at as well as what counts against it."""
    rows = queue.round(set())
    contradicted = [queue.suggestion(row)[0] != queue.question(row).label for row in rows]
    assert 20 <= sum(contradicted) <= 50
    first, second = contradicted[: ROUND // 2], contradicted[ROUND // 2 :]
    assert sum(first) > 5 and sum(second) > 5
    assert vars(queue.question(rows[0])).keys() == {"row", "part", "label", "content"}


def test_what_verdicts_come_to_is_what_measuring_again_finds(run: ll.Run, queue: LabelQueue, data: ll.Dataset) -> None:
    """T3.11: error before and after, share of the error from labels, applied to dev and test alike, taken back."""
    before = run.errors["dev"].value
    give(run, queue, queue.round(set()))
    (dev,) = effects(run, waiting(run))
    assert dev.before.value == pytest.approx(before) and dev.after.value < before and dev.changed > 0
    assert dev.share.from_labels.value + dev.share.others.value == pytest.approx(before)
    given = waiting(run)
    run = apply_verdicts(run, data)
    assert run.errors["dev"].value == pytest.approx(dev.after.value)
    assert len(waiting(run)) == 0 and load_reviews(run.folder) == given
    (again,) = effects(run, load_reviews(run.folder))
    assert (again.before, again.after) == (dev.before, dev.after)
    with pytest.raises(LeadlineError, match="No verdicts"):
        apply_verdicts(run, data)
    run = take_back(run, data)
    assert run.errors["dev"].value == before
    assert waiting(run) == given and not len(load_reviews(run.folder))


def test_verdicts_taken_back_do_not_replace_later_ones(run: ll.Run, queue: LabelQueue, data: ll.Dataset) -> None:
    rows = queue.round(set())[:4]
    give(run, queue, rows)
    run = apply_verdicts(run, data)
    later = queue.review(rows[0], "unclear")
    ReviewStore(run.folder).act("labels", "me", edits.verdict(later))
    take_back(run, data)
    found = {review.row: review.verdict for review in waiting(run)}
    assert set(found) == set(rows) and found[rows[0]] == "unclear"


def test_verdicts_that_cannot_be(queue: LabelQueue) -> None:
    with pytest.raises(LeadlineError, match="no class"):
        queue.review(0, "wrong", "<b>cat</b>")
    with pytest.raises(LeadlineError, match="none of the run's examples"):
        queue.review(400, "right")
    label = queue.question(0).label
    assert queue.review(0, "wrong", label).verdict == "right"


def test_the_queue_of_the_command_line_leaves_out_what_was_reviewed_here(
    run: ll.Run, queue: LabelQueue, data: ll.Dataset
) -> None:
    rows = queue.round(set())[:30]
    give(run, queue, rows)
    exported = audit_labels(run, data).queue(100)["row"].to_pylist()
    assert len(exported) == 100 and not set(exported) & set(rows)
    assert isinstance(waiting(run), Corrections)


def test_only_mistakes_that_the_right_label_excuses_come_from_labels() -> None:
    """T3.11: a wrong label whose correction still is not what was predicted leaves a mistake of the network."""
    rows, labels = np.arange(10), np.array(["a"] * 10, object)
    predictions = np.array(["b", "b", *["a"] * 8], object)
    said = Corrections(
        (Review(0, "", "a", "b", "wrong"), Review(1, "", "a", "c", "wrong"), Review(2, "", "a", "a", "right"))
    )
    found = effect("dev", rows, labels, predictions, said)
    assert (found.before.value, found.after.value, found.changed) == (0.2, 0.1, 2)
    assert found.share.from_labels.value == pytest.approx(0.1)
    assert (found.mistakes, found.judged) == (2, 2) and "so far" not in found.summary
    begun = effect("dev", rows, labels, predictions, Corrections(said.reviews[1:]))
    assert (
        begun.summary == "1 of 2 dev mistakes are reviewed. Wrong labels explain 0.0 points of the 20.0 % error so far."
    )


def test_copies_of_an_example_count_once_in_the_effect() -> None:
    rows = np.arange(200)
    groups = rows // 10
    wrong = groups % 4 == 0
    labels, predictions = np.full(200, "a", object), np.where(wrong, "b", "a").astype(object)
    reviews = Corrections(tuple(Review(int(row), "", "a", "b", "wrong") for row in rows[:10]))
    alone, together = (effect("dev", rows, labels, predictions, reviews, each) for each in (None, groups))
    for name in ("before", "after"):
        first, second = getattr(alone, name), getattr(together, name)
        assert first.value == second.value
        # 20 groups in the place of 200 examples: √10 times as wide.
        assert second.interval[1] - second.interval[0] > 2 * (first.interval[1] - first.interval[0])
    assert together.share.share.interval != alone.share.share.interval
