from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadline.data import Dataset, Split, SplitSettings, automatic_sizes, read, split
from leadline.data.splitting.row_hashes import row_hashes
from leadline.errors import LeadlineError, UsageError


def data_of(labels: np.ndarray | list, inputs: np.ndarray | None = None) -> Dataset:
    labels = np.asarray(labels)
    given = np.arange(len(labels), dtype=float)[:, None] if inputs is None else inputs
    return read(given, labels)


LABELS = np.repeat([0, 1, 2], [70, 20, 10])


def test_the_same_seed_gives_the_same_split_and_another_seed_another() -> None:
    data = data_of(LABELS)
    assert split(data).hash() == split(data).hash()
    assert split(data).hash() != split(data, SplitSettings(seed=1)).hash()


def test_the_hash_tells_which_set_a_row_is_in() -> None:
    first, second, nothing = np.array([0, 1]), np.array([2]), np.array([], np.int64)
    assert Split(first, second, nothing).hash() != Split(first, nothing, second).hash()
    assert Split(first, second, nothing).hash() == Split(first.astype(np.int32), second, nothing).hash()


def test_each_set_has_each_class_in_its_share() -> None:
    made = split(data_of(LABELS))
    for rows, expected in ((made.train, [42, 12, 6]), (made.dev, [14, 4, 2]), (made.test, [14, 4, 2])):
        assert np.bincount(LABELS[rows]).tolist() == expected


def test_without_stratification_chance_decides() -> None:
    counts = {
        tuple(np.bincount(LABELS[split(data_of(LABELS), SplitSettings(stratify=False, seed=s)).dev], minlength=3))
        for s in range(8)
    }
    assert len(counts) > 1


@given(
    st.lists(st.integers(0, 4), min_size=12, max_size=60),
    st.sampled_from(["auto", 0, 0.25, 3]),
    st.sampled_from(["auto", 0, 0.1, 2]),
    st.sampled_from([0, 0.1, 1]),
    st.booleans(),
)
@settings(deadline=None)
def test_sets_are_disjoint_and_sorted_and_leave_nobody_out(labels: list, dev, test, train_dev, stratify: bool) -> None:
    labels[:6] = [0, 1, 0, 1, 0, 1]
    data = read(np.arange(len(labels))[:, None], labels, task="classification")
    try:
        made = split(data, SplitSettings(dev=dev, test=test, train_dev=train_dev, stratify=stratify, seed=3))
    except LeadlineError as error:
        assert "but not in training" in str(error)
        return
    rows = np.concatenate(list(made.sets.values()))
    assert np.array_equal(np.sort(rows), np.arange(len(labels)))
    assert all((np.diff(part) > 0).all() for part in made.sets.values())


def test_fractions_counts_and_the_rest() -> None:
    data = data_of(np.arange(100) % 2)
    cases = [
        (SplitSettings(0.7, 0.15, 0.15), (70, 0, 15, 15)),
        (SplitSettings(dev=10, test=0), (90, 0, 10, 0)),
        (SplitSettings(train=50), (50, 0, 25, 25)),
        (SplitSettings(train=0.5, dev=0.1, test=0.1), (50, 0, 10, 10)),
        (SplitSettings(dev=0, test=0), (100, 0, 0, 0)),
        (SplitSettings(dev=0.2, test=0.2, train_dev=0.1), (50, 10, 20, 20)),
        (SplitSettings(train=1.0), (100, 0, 0, 0)),
    ]
    for settings_, sizes in cases:
        assert tuple(split(data, settings_).sizes.values()) == sizes
    assert "30 examples are in no set" in split(data, SplitSettings(0.5, 0.1, 0.1)).notices[0]


def test_fractions_that_add_up_to_one_leave_nobody_out() -> None:
    for n in range(90, 130):
        made = split(data_of(np.arange(n) % 2), SplitSettings(0.7, 0.15, 0.15))
        assert sum(made.sizes.values()) == n
        assert made.notices == ()


def test_sizes_as_counts_repeat_an_automatic_split() -> None:
    data = data_of(LABELS)
    made = split(data)
    counts = SplitSettings(made.sizes["train"], made.sizes["dev"], made.sizes["test"])
    assert split(data, counts).hash() == made.hash()


@pytest.mark.parametrize(
    "wrong", [SplitSettings(dev=90, test=20), SplitSettings(train=0.9, dev=0.2), SplitSettings(train=0)]
)
def test_sizes_that_do_not_fit(wrong: SplitSettings) -> None:
    with pytest.raises(UsageError, match="100 examples do not suffice"):
        split(data_of(LABELS), wrong)


def test_a_class_that_training_lacks_is_an_error() -> None:
    with pytest.raises(LeadlineError, match=r"Class '2' is in the dev set \(3 examples\) but not in training"):
        split(read(np.eye(6), [0, 1] * 3, dev=(np.eye(6)[:3], [2, 2, 2])))


def test_given_sets_leave_the_rest_to_training() -> None:
    x, y = np.arange(200.0)[:, None], np.arange(200) % 2
    only_test = split(read(x, y, test=(x[:10] + 500, y[:10])))
    assert only_test.sizes == {"train": 140, "train_dev": 0, "dev": 60, "test": 10}
    only_dev = split(read(x, y, dev=(x[:10] + 500, y[:10])))
    assert only_dev.sizes == {"train": 200, "train_dev": 0, "dev": 10, "test": 0}
    assert "The test set is empty" in only_dev.notices[0]


def test_duplicates_across_sets_are_counted() -> None:
    inputs = np.arange(100.0)[:, None] + [[0, 0.5]]
    plain = data_of(np.arange(100) % 2, inputs)
    made = split(plain)
    assert made.notices == ()
    inputs[made.dev[:3]] = inputs[made.train[0]]
    inputs[made.test[0]] = inputs[made.dev[5]]
    notices = split(data_of(np.arange(100) % 2, inputs)).notices
    assert notices == (
        "3 of 20 dev examples (15 %) have exactly the inputs of a train example.",
        "1 of 20 test examples (5 %) have exactly the inputs of a dev example.",
    )


@pytest.mark.parametrize("kind", [np.uint8, np.float32, np.float64])
def test_row_hashes_are_equal_exactly_for_equal_rows(kind: type) -> None:
    values = np.random.default_rng(0).integers(0, 3, (400, 7)).astype(kind)
    hashes = row_hashes(values)
    assert len(np.unique(hashes)) == len(np.unique(values, axis=0))
    assert np.array_equal(row_hashes(-0.0 * np.ones((2, 3))), row_hashes(np.zeros((2, 3))))


def test_rows_that_differ_in_signs_alone_have_different_hashes() -> None:
    signs = np.array([[a, b, c] for a in (1, -1) for b in (1, -1) for c in (1, -1)], float)
    assert len(np.unique(row_hashes(signs))) == 8


def test_a_split_survives_its_file(tmp_path: Path) -> None:
    made = split(data_of(LABELS), SplitSettings(train_dev=5))
    made.save(tmp_path / "split.npz")
    assert Split.load(tmp_path / "split.npz").hash() == made.hash()


def test_the_smallest_data_still_has_every_set() -> None:
    assert automatic_sizes(3) == (1, 1)
    assert automatic_sizes(2, dev=True, test=False) == (1, 0)
    assert automatic_sizes(2) == (0, 0)
