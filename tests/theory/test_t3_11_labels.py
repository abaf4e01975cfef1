"""T3.11, wrong labels: what they explain of the error, random or systematic, and corrections of dev and test alike."""

from __future__ import annotations

import numpy as np
import pytest

from leadline.strategy import Corrections, Review, label_pattern, label_share, label_share_of_rates


def test_of_10_percent_error_with_0_6_points_from_labels_9_4_percent_are_others():
    share = label_share_of_rates(0.10, 0.006)
    assert share.others.value == pytest.approx(0.094)
    assert share.share.value == pytest.approx(0.06)
    assert share.worth_fixing == "no"


def test_of_2_percent_error_the_same_0_6_points_are_30_percent():
    share = label_share_of_rates(0.02, 0.006)
    assert share.share.value == pytest.approx(0.30)
    assert share.others.value == pytest.approx(0.014)
    assert share.worth_fixing == "yes"


def test_the_share_carries_the_uncertainty_of_the_mistakes_it_was_counted_on():
    wrong = np.arange(1000) < 20
    few = label_share(wrong, np.arange(1000) < 6)
    assert (few.share.value, few.share.n, few.error.n) == (0.3, 20, 1000)
    assert few.share.interval[0] < 0.2 < 0.3 < few.share.interval[1]
    assert few.worth_fixing == "cannot tell"
    many = label_share_of_rates(0.02, 0.006, 50_000)
    assert many.worth_fixing == "yes" and many.share.interval[0] > 0.2


def test_random_and_systematic_wrong_labels_are_told_apart():
    rng = np.random.default_rng(0)
    right = rng.integers(0, 10, 5000)
    random, systematic = right.copy(), right.copy()
    flipped = rng.random(5000) < 0.1
    random[flipped] = (right[flipped] + rng.integers(1, 10, flipped.sum())) % 10
    systematic[(right == 4) & (rng.random(5000) < 0.3)] = 9
    assert label_pattern(random, right, random != right).verdict == "random"
    found = label_pattern(systematic, right, systematic != right)
    assert found.verdict == "systematic"
    assert found.concentrated[0].name == "4 labelled as 9"
    assert found.p < 0.001 and found.excess.interval[0] > 0.8


def test_the_same_corrections_mend_dev_and_test_and_can_be_taken_back():
    labels = np.array([0, 1, 0, 1, 1, 0])
    dev, test = np.array([0, 1, 2]), np.array([3, 4, 5])
    corrections = Corrections((Review(1, "", "dog", "cat", "wrong"), Review(5, "", "cat", "dog", "wrong")))
    mended = corrections.apply(labels, ("cat", "dog"))
    assert mended[dev].tolist() == [0, 0, 0] and mended[test].tolist() == [1, 1, 1]
    assert labels.tolist() == [0, 1, 0, 1, 1, 0]
    assert corrections.undo(mended, ("cat", "dog")).tolist() == labels.tolist()
