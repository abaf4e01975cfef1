"""THEORY.md, section 3: sizes of training, dev and test sets."""

from __future__ import annotations

import numpy as np
import pytest

from leadline.data import SplitSettings, automatic_sizes, read, split


@pytest.mark.parametrize(
    ("n", "percent"), [(100, (60, 20, 20)), (1_000, (60, 20, 20)), (10_000, (60, 20, 20)), (1_000_000, (98, 1, 1))]
)
def test_t3_01_automatic_sizes(n: int, percent: tuple[int, int, int]) -> None:
    """T3.01: 60/20/20 for small data, 98/1/1 at a million."""
    dev, test = automatic_sizes(n)
    assert (100 * (n - dev - test) / n, 100 * dev / n, 100 * test / n) == percent


def test_t3_01_seventy_thirty_without_a_dev_set() -> None:
    """T3.01: 70/30 for small data where only one of dev and test is wanted."""
    assert automatic_sizes(1_000, dev=False) == (0, 300)
    data = read(np.arange(1_000.0), np.arange(1_000) % 2)
    assert split(data, SplitSettings(dev=0)).sizes == {"train": 700, "train_dev": 0, "dev": 0, "test": 300}


def test_t3_01_sizes_never_jump() -> None:
    """T3.01: between small and large data, sets grow steadily: more examples shrink none (but for rounding)."""
    sizes = [(n - sum(automatic_sizes(n)), *automatic_sizes(n)) for n in (*range(3, 2_000), *range(48_000, 52_000))]
    assert np.diff(sizes, axis=0).min() >= -1
    assert np.min(sizes) >= 1


def test_t3_01_sets_share_no_example_and_duplicates_are_reported() -> None:
    """T3.01: sets are disjoint by content; what is the same on both sides is reported."""
    x = np.random.default_rng(0).normal(size=(300, 4))
    made = split(read(x, np.arange(300) % 3))
    rows = [{row.tobytes() for row in x[part]} for part in (made.train, made.dev, made.test)]
    assert not rows[0] & rows[1] and not rows[0] & rows[2] and not rows[1] & rows[2]
    assert made.notices == ()
    x[made.dev[0]] = x[made.train[0]]
    assert "1 of 60 dev examples" in split(read(x, np.arange(300) % 3)).notices[0]
