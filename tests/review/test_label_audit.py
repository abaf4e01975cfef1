"""Label audits of runs in Python: two classes, data from arrays, the cache, and the data to train on next."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import leadline as ll
from leadline.errors import LeadlineError
from leadline.review.label_audit import apply_corrections, audit_labels, undo_corrections
from leadline.review.out_of_fold import CACHE
from leadline.session.corrected import corrected_data
from leadline.strategy import Corrections, Review


def arrays(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two classes far apart, one label in twelve wrong."""
    rng = np.random.default_rng(seed)
    right = rng.integers(0, 2, 400)
    x = rng.normal(0, 0.4, (400, 2)) + 2 * right[:, None]
    wrong = rng.random(400) < 1 / 12
    return x, np.where(wrong, 1 - right, right), wrong


@pytest.fixture
def run(tmp_path: Path) -> ll.Run:
    x, y, _ = arrays()
    return ll.train(ll.Network([ll.Dense(8, "relu"), ll.Dense(1)]), (x, y), epochs=30, runs=tmp_path, name="a")


def reviews_of(y: np.ndarray, wrong: np.ndarray) -> Corrections:
    return Corrections(tuple(Review(int(k), "", str(y[k]), str(1 - y[k]), "wrong") for k in np.flatnonzero(wrong)))


def test_wrong_labels_of_two_classes_are_found_and_explain_the_error(run: ll.Run) -> None:
    x, y, wrong = arrays()
    found = audit_labels(run, ll.read(x, y))
    suspects = set(found.rows[found.audit.suspects])
    assert len(suspects & set(np.flatnonzero(wrong))) > 0.9 * wrong.sum()
    assert len(suspects) < 1.2 * wrong.sum()
    assert found.share is not None and found.share.share.value > 0.8
    assert sorted(found.rows) == list(range(400))


def test_probabilities_are_kept_and_a_damaged_cache_is_made_anew(run: ll.Run) -> None:
    x, y, _ = arrays()
    data = ll.read(x, y)
    first = audit_labels(run, data)
    (run.folder / CACHE).write_bytes(b"damaged")
    again = audit_labels(run, data)
    assert np.array_equal(first.audit.quality, again.audit.quality)
    other = audit_labels(run, data, k=3)
    assert not np.array_equal(first.audit.quality, other.audit.quality)


def test_corrected_data_can_be_trained_on_and_the_old_stay(run: ll.Run, tmp_path: Path) -> None:
    x, y, wrong = arrays()
    data = ll.read(x, y)
    corrections = reviews_of(y, wrong)
    better = corrected_data(data, corrections)
    assert (better.target != data.target).sum() == wrong.sum()
    again = ll.train(ll.Network([ll.Dense(8, "relu"), ll.Dense(1)]), better, epochs=30, runs=tmp_path, name="b")
    before = run.errors["dev"].value
    assert again.errors["dev"].value < 0.03 < before
    mended = apply_corrections(run, corrections, data)
    assert mended.errors["dev"].value < 0.03
    assert undo_corrections(run, data).errors["dev"].value == before
    with pytest.raises(LeadlineError, match="no corrections of labels to undo"):
        undo_corrections(run, data)


def test_a_regression_has_no_wrong_labels(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(200, 3))
    data = ll.read(x, x[:, 0] + 0.5)
    run = ll.train(ll.Network([ll.Dense(1)]), data, epochs=1, runs=tmp_path, name="a")
    with pytest.raises(LeadlineError, match="one class each"):
        audit_labels(run, data)
