"""Corrections of labels: a layer that is applied, taken back, and read from files that people filled."""

from __future__ import annotations

import numpy as np
import pytest

from leadline.data import read
from leadline.errors import LeadlineError
from leadline.session.corrected import row_contents
from leadline.strategy import Corrections, Review

CLASSES = ("cat", "dog", "owl")


def corrections():
    return Corrections(
        (
            Review(0, "a", "cat", "dog", "wrong", "2026-01-01T00:00:00+00:00"),
            Review(1, "b", "dog", "dog", "right", "2026-01-01T00:00:00+00:00"),
            Review(2, "c", "owl", "owl", "unclear", "2026-01-01T00:00:00+00:00"),
        )
    )


def test_only_wrong_labels_change_and_undo_brings_them_back():
    labels = np.array([0, 1, 2, 0])
    mended = corrections().apply(labels, CLASSES, ["a", "b", "c", "d"])
    assert mended.tolist() == [1, 1, 2, 0]
    assert corrections().apply(mended, CLASSES).tolist() == mended.tolist()
    assert corrections().undo(mended, CLASSES).tolist() == labels.tolist()


def test_a_moved_row_is_found_by_its_content():
    assert corrections().apply(np.array([2, 1, 0]), CLASSES, ["c", "b", "a"]).tolist() == [2, 1, 1]


def test_a_row_that_is_gone_or_has_another_label_is_refused():
    with pytest.raises(LeadlineError, match="not in the data any more"):
        corrections().apply(np.array([0, 1, 2]), CLASSES, ["x", "b", "c"])
    with pytest.raises(LeadlineError, match="labelled owl by now"):
        corrections().apply(np.array([2, 1, 2]), CLASSES)


def test_a_later_review_takes_the_place_of_the_earlier_one():
    later = Corrections((Review(0, "a", "cat", "owl", "wrong"),))
    merged = corrections().merged(later)
    assert len(merged) == 3 and merged.changed[0].new == "owl"


def test_files_give_back_what_they_were_written_from(tmp_path):
    path = corrections().to_csv(tmp_path / "reviews.csv")
    assert Corrections.from_csv(path, CLASSES) == corrections()


def test_a_filled_queue_is_read_and_lines_without_a_verdict_are_left_for_later(tmp_path):
    path = tmp_path / "queue.csv"
    path.write_text(
        "row,content,label,suggestion,verdict,correction\n"
        "3,h3,cat,dog,wrong,\n4,h4,cat,dog,Wrong,owl\n5,h5,owl,cat,right,\n6,h6,owl,cat,,\n"
    )
    found = Corrections.from_csv(path, CLASSES)
    assert [(r.row, r.old, r.new, r.verdict) for r in found] == [
        (3, "cat", "dog", "wrong"),
        (4, "cat", "owl", "wrong"),
        (5, "owl", "owl", "right"),
    ]
    assert all(review.when for review in found)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("row,label\n1,cat\n", "no column 'verdict'"),
        ("row,verdict\n1,wrong\n", "no column 'label'"),
        ("row,label,verdict\n1,cat,wrnog\n", "line 2: got the verdict 'wrnog'. Did you mean 'wrong'"),
        ("row,verdict,label\n1,wrong\n", "label that the verdict is about is missing"),
        ("row,label,verdict\nx,cat,right\n", "row must be a whole number"),
        ("row,label,verdict\n1,cat,wrong\n", "does not say the right one"),
        ("row,label,suggestion,verdict\n1,cat,dgo,wrong\n", "unknown class 'dgo'. Did you mean 'dog'"),
    ],
)
def test_what_a_file_has_wrong_is_said_with_its_line(text, said, tmp_path):
    path = tmp_path / "queue.csv"
    path.write_text(text)
    with pytest.raises(LeadlineError, match=said.replace("?", ".")):
        Corrections.from_csv(path, CLASSES)


def test_a_missing_file_is_one_line(tmp_path):
    with pytest.raises(LeadlineError, match="cannot be read"):
        Corrections.from_csv(tmp_path / "none.csv")


def test_hashes_are_of_the_inputs_alone_and_tell_rows_apart(tmp_path):
    path = tmp_path / "t.csv"
    rows = [f"{k % 7}.5,{'red' if k % 2 else 'blue'},{'ab'[k % 2]}" for k in range(40)]
    path.write_text("\n".join(["size,colour,kind", *rows]) + "\n")
    data = read(path, "kind")
    hashes = row_contents(data)
    assert hashes[0] == hashes[14] and len(set(hashes)) == 14
    path.write_text("\n".join(["size,colour,kind", *reversed(rows)]) + "\n")
    assert row_contents(read(path, "kind"))[:-3:-1] == hashes[:2]
    # Another colour, first in the alphabet, gives all the others new codes but no new hashes.
    path.write_text("\n".join(["size,colour,kind", *rows, "1.5,azure,a", "2.5,azure,b"]) + "\n")
    assert row_contents(read(path, "kind"))[:40] == hashes
    digits = read("digits")
    assert len(set(row_contents(digits)[:50])) == 50
