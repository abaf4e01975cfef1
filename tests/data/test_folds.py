"""Folds of a cross-validation: by class, by group, and what cannot be dealt."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import leadline as ll
from leadline.data import SplitSettings
from leadline.data.splitting.folds import cross_validation_splits, deal_folds
from leadline.data.splitting.split import split
from leadline.errors import UsageError


def table(m: int = 200, rare: int = 20) -> dict[str, Any]:
    random = np.random.default_rng(0)
    kind = np.where(np.arange(m) < rare, "rare", "usual")
    person = np.arange(m) // 4
    return {"a": random.normal(size=m).tolist(), "person": person.tolist(), "kind": kind.tolist()}


def dealt(settings: SplitSettings, k: int, target: str = "kind", **columns: object):
    data = ll.read({**table(), **columns}, target)
    made = split(data, settings)
    return data, made, *cross_validation_splits(data, made, settings, k)


def test_every_row_of_train_and_dev_is_held_out_once_and_the_test_set_never() -> None:
    _, made, rows, splits = dealt(SplitSettings(), 5)
    held_out = np.concatenate([each.test for each in splits])
    assert np.array_equal(np.sort(held_out), rows)
    assert not np.isin(rows, made.test).any() and len(made.test)
    for each in splits:
        own = np.concatenate([each.train, each.dev, each.test])
        assert np.array_equal(np.sort(own), rows)
        assert len(each.dev) == pytest.approx(len(rows) * 0.8 / 4, abs=2)  # the dev set's share, of what is left


def test_each_fold_holds_its_share_of_a_rare_class() -> None:
    data, _, _, splits = dealt(SplitSettings(), 4)
    rare = data.classes.index("rare")
    assert [int((data.target[each.test] == rare).sum()) for each in splits] == [4, 4, 4, 4]


def test_groups_stay_whole_and_classes_even() -> None:
    data, _, _, splits = dealt(SplitSettings(group="person"), 5)
    person = np.array(table()["person"])
    for each in splits:
        sets = [set(person[part].tolist()) for part in (each.train, each.dev, each.test)]
        assert not (sets[0] & sets[1] or sets[0] & sets[2] or sets[1] & sets[2])
    sizes = [len(each.test) for each in splits]
    assert max(sizes) - min(sizes) <= 4
    rare = (data.target == data.classes.index("rare")).astype(int)
    assert max(rare[each.test].sum() for each in splits) - min(rare[each.test].sum() for each in splits) <= 4


def test_dealings_differ_by_their_seed() -> None:
    classes = np.zeros(50, int)
    assert (deal_folds(classes, None, 5, 0) != deal_folds(classes, None, 5, 1)).any()


@pytest.mark.parametrize(
    ("settings", "k", "target", "columns", "message"),
    [
        (SplitSettings(), 300, "kind", {}, "300 folds need 300 rows for training and dev; there are 160"),
        (SplitSettings(), 20, "kind", {}, "class 'rare' has 16 examples in train and dev, fewer than 20 folds"),
        (SplitSettings(group="person"), 100, "kind", {}, "100 folds need 100 groups; there are"),
        (SplitSettings(), 40, "a", {"a": [*np.linspace(1, 2, 12), *[1.5] * 188]}, "the target is constant in"),
    ],
)
def test_what_cannot_be_dealt(settings: SplitSettings, k: int, target: str, columns: dict, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        dealt(settings, k, target, **columns)
