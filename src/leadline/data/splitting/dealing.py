"""Dealing rows to sets: at random, by class, by group, by time, or as an earlier split had them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from leadline.data.sources.raw import DEV as ROLE_DEV
from leadline.data.sources.raw import EXTRA, MAIN
from leadline.data.sources.raw import TEST as ROLE_TEST
from leadline.data.splitting.split_columns import SplitRequest
from leadline.errors import LeadlineError

SETS = ("train", "train_dev", "dev", "test")
TRAIN, TRAIN_DEV, DEV, TEST = range(4)
UNUSED = -1


@dataclass(frozen=True)
class Sizes:
    """Numbers of examples to deal."""

    train: int
    dev: int
    test: int
    train_dev: int


SizesOf = Callable[[int, int, bool, bool], tuple[Sizes, list[str]]]
"""Sizes and notices for: rows that may go anywhere, rows for training alone, and whether dev and test are given."""


def assign(request: SplitRequest, role: np.ndarray, sizes_of: SizesOf) -> tuple[np.ndarray, list[str]]:
    """The set of each row, int8 (n,), UNUSED for none, and notices; ``role`` (n,) is what a row may serve for."""
    sets = np.full(len(role), UNUSED, np.int8)
    sets[role == ROLE_DEV], sets[role == ROLE_TEST] = DEV, TEST
    main, extra = (np.flatnonzero(role == code) for code in (MAIN, EXTRA))
    if request.given is not None:
        sets[main] = request.given[main]
        sets[extra] = np.where(np.isin(request.given[extra], (DEV, TEST)), TRAIN, request.given[extra])
        return sets, []
    notices = []
    if request.groups is not None:
        apart = np.isin(request.groups, request.groups[np.isin(sets, (DEV, TEST))])
        main, extra, notices = _without(main, extra, apart)
    sizes, size_notices = sizes_of(len(main), len(extra), bool((sets == DEV).any()), bool((sets == TEST).any()))
    if request.groups is not None:
        notices += _deal_groups(sets, request, request.groups, main, extra, sizes)
    elif request.times is not None:
        _deal_in_order(sets, request, main[np.argsort(request.times[main], kind="stable")], extra, sizes)
    else:
        _deal_in_order(sets, request, main[draw(request.target_of(main), request.seed)], extra, sizes)
    return sets, [*notices, *size_notices]


def draw(classes: np.ndarray, seed: int) -> np.ndarray:
    """A seeded random order of rows in which every stretch holds each of the ``classes`` (n,) in its share."""
    generator = np.random.default_rng(seed)
    shuffled = generator.permutation(len(classes))
    if len(classes) == 0 or classes.max() == 0:
        return shuffled
    by_class = shuffled[np.argsort(classes[shuffled], kind="stable")]
    counts = np.bincount(classes[by_class])
    starts = np.repeat(np.cumsum(counts) - counts, counts)
    position = (np.arange(len(by_class)) - starts + 0.5) / np.repeat(counts, counts)
    return by_class[np.lexsort((generator.random(len(position)), position))]


def _deal_in_order(sets: np.ndarray, request: SplitRequest, order: np.ndarray, extra: np.ndarray, sizes: Sizes) -> None:
    """Training takes the beginning of ``order``, then dev, then test; train-dev is drawn from training's rows."""
    for_training = len(order) - sizes.dev - sizes.test if len(extra) else sizes.train + sizes.train_dev
    bounds = np.cumsum([for_training, sizes.dev, sizes.test])
    training, dev, test, _ = np.split(order, bounds)
    sets[dev], sets[test] = DEV, TEST
    if len(extra) or request.times is not None:
        training = np.concatenate([training, extra])
        training = training[draw(request.target_of(training), request.seed)]
    sets[training[: sizes.train]] = TRAIN
    sets[training[sizes.train : sizes.train + sizes.train_dev]] = TRAIN_DEV


def _deal_groups(
    sets: np.ndarray, request: SplitRequest, groups: np.ndarray, main: np.ndarray, extra: np.ndarray, sizes: Sizes
) -> list[str]:
    """Whole groups to each set, until it has about its size; what shares a group with dev or test is not trained on."""
    unused = len(main) + len(extra) - sizes.train - sizes.train_dev - sizes.dev - sizes.test
    for code, size in ((TEST, sizes.test), (DEV, sizes.dev)):
        chosen = _whole_groups(request, groups, main, size, SETS[code])
        sets[main[chosen]] = code
        main = main[~chosen]
    apart = np.isin(groups, groups[np.isin(sets, (DEV, TEST))])
    main, extra, notices = _without(main, extra, apart)
    training = np.concatenate([main, extra])
    held_out = _whole_groups(request, groups, training, sizes.train_dev, SETS[TRAIN_DEV])
    sets[training[held_out]] = TRAIN_DEV
    training = training[~held_out]
    if len(training) == 0:
        raise LeadlineError("split.group: no group is left for training; lower the sizes of dev and test.")
    left_out = _whole_groups(request, groups, training, unused, "")
    sets[training[~left_out]] = TRAIN
    return notices


def _whole_groups(request: SplitRequest, groups: np.ndarray, rows: np.ndarray, size: int, name: str) -> np.ndarray:
    """Which of ``rows`` to take so that groups stay whole and about ``size`` rows are taken, bool (len(rows),)."""
    taken = np.zeros(len(rows), bool)
    if size <= 0:
        return taken
    own, first, inverse, counts = np.unique(groups[rows], return_index=True, return_inverse=True, return_counts=True)
    order = draw(request.target_of(rows[first]), request.seed)
    chosen, total = [], 0
    for group in order:
        if total + counts[group] <= size:
            chosen.append(group)
            total += int(counts[group])
            if total == size:
                break
    smallest = int(counts.min())
    if not chosen and name and smallest <= 1.5 * size and len(own) > 1:
        chosen = [counts.argmin()]
    if not chosen and name:
        raise LeadlineError(
            f"split.{request.group_name}: the smallest of {len(own)} groups has {smallest} rows, but the {name} set is "
            f"to have {size}. Give split.{name} as {smallest} or more, or take a column with smaller groups."
        )
    return np.isin(inverse.reshape(-1), chosen)


def _without(main: np.ndarray, extra: np.ndarray, apart: np.ndarray) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """The rows that are not ``apart`` (bool for every row), and a notice about the others."""
    lost = int(apart[main].sum() + apart[extra].sum())
    if not lost:
        return main, extra, []
    notice = f"{lost} examples are in no set: they share a group with dev or test examples."
    return main[~apart[main]], extra[~apart[extra]], [notice]


def kept(keys: np.ndarray, earlier_keys: np.ndarray, earlier: dict[str, np.ndarray], role: np.ndarray) -> np.ndarray:
    """The set of each row, int8 (n,), as an earlier split had it; rows it did not know go by their content.

    Which set a new row joins is decided by its key alone, in the shares of the earlier sets, so that it stays there
    when more rows come. Copies of a row are matched in their order.
    """
    before = np.full(len(earlier_keys), UNUSED, np.int8)
    for code, name in enumerate(SETS):
        before[earlier[name]] = code
    order = np.argsort(earlier_keys, kind="stable")
    first = np.searchsorted(earlier_keys, keys, side="left", sorter=order)
    count = np.searchsorted(earlier_keys, keys, side="right", sorter=order) - first
    place = first + np.minimum(_occurrence(keys), np.maximum(count - 1, 0))
    sets = np.full(len(keys), UNUSED, np.int8)
    known = count > 0
    sets[known] = before[order[place[known]]]
    shares = np.array([len(earlier[name]) for name in SETS], float)
    for code, allowed in ((MAIN, (TRAIN, TRAIN_DEV, DEV, TEST)), (EXTRA, (TRAIN, TRAIN_DEV))):
        new = ~known & (role == code)
        bounds = np.cumsum(shares[list(allowed)]) / max(shares[list(allowed)].sum(), 1)
        sets[new] = np.minimum(np.searchsorted(bounds, keys[new] / 2.0**64, side="right"), len(allowed) - 1)
    return sets


def _occurrence(keys: np.ndarray) -> np.ndarray:
    """How many equal keys precede each key, int64 (n,)."""
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    starts = np.concatenate([[True], ordered[1:] != ordered[:-1]])
    since = np.arange(len(keys)) - np.maximum.accumulate(np.where(starts, np.arange(len(keys)), 0))
    out = np.empty(len(keys), np.int64)
    out[order] = since
    return out
