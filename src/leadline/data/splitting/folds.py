"""Folds of a cross-validation: classes dealt out evenly, groups kept whole."""

from __future__ import annotations

import numpy as np

from leadline.data.dataset import Dataset
from leadline.data.settings import SplitSettings
from leadline.data.splitting.split import Split
from leadline.data.splitting.split_columns import SplitRequest
from leadline.errors import UsageError

MOST_PARTS = 20
"""A dev set within a fold is at least this part of the rows that are left."""


def cross_validation_splits(
    data: Dataset, made: Split, settings: SplitSettings, k: int, seed: int = 0
) -> tuple[np.ndarray, list[Split]]:
    """The rows of the training and dev sets dealt to k folds, and the split of each fold's training.

    In each split ``test`` is the fold, which is only predicted; a dev set of about the run's share is dealt from the
    rows that are left, the others are trained on. The run's own test set is in none of them.

    Args:
        data: all rows.
        made: the run's split.
        settings: what it was made by: its classes and groups are those of the folds.
        k: how many folds, 2 or more.
        seed: of the dealing.

    Returns:
        Ascending row numbers (m,) and k splits.

    Raises:
        UsageError: fewer rows, groups or examples of a class than folds, or a target that is constant in one.

    """
    rows = np.sort(np.concatenate([made.train, made.dev]))
    request = SplitRequest.of(data, settings, None, None)
    classes, groups = request.target_of(rows), None if request.groups is None else request.groups[rows]
    _check_counts(data, rows, groups, k)
    folds = deal_folds(classes, groups, k, seed)
    share = len(made.dev) / len(rows)
    splits = []
    for fold in range(k):
        rest = np.flatnonzero(folds != fold)
        inner = np.zeros(len(rest), bool)
        if share > 0:
            parts = int(np.clip(round(1 / share), 2, min(MOST_PARTS, len(rest))))
            inner = deal_folds(classes[rest], None if groups is None else groups[rest], parts, seed + fold + 1) == 0
        splits.append(Split(rows[rest[~inner]], rows[rest[inner]], rows[folds == fold], keys=made.keys))
        _check_target(data, splits[-1], fold + 1)
    return rows, splits


def deal_folds(classes: np.ndarray, groups: np.ndarray | None, k: int, seed: int) -> np.ndarray:
    """The fold of each example, 0…k−1, (m,), from classes (m,) and groups (m,) or None.

    Without groups each class is dealt out one by one. Groups go whole, the most uneven first, each to the fold that
    it leaves most even over folds and classes.
    """
    random = np.random.default_rng(seed)
    if groups is None:
        order = random.permutation(len(classes))
        dealt = order[np.argsort(classes[order], kind="stable")]
        folds = np.empty(len(classes), np.int64)
        folds[dealt] = np.arange(len(classes)) % k
        return folds
    _, codes = np.unique(groups, return_inverse=True)
    counts = np.zeros((int(codes.max()) + 1, int(classes.max()) + 1))
    np.add.at(counts, (codes, classes), 1)
    weights = counts / np.maximum(counts.sum(0), 1)
    order = random.permutation(len(counts))
    order = order[np.argsort(-(weights[order] ** 2).sum(1), kind="stable")]
    held, of_group = np.zeros((k, counts.shape[1])), np.empty(len(counts), np.int64)
    for group in order:
        # Squares of a fold's shares grow least where there is least of the group's classes yet.
        growth = 2 * held @ weights[group] + 1e-9 * held.sum(1)
        of_group[group] = int(growth.argmin())
        held[of_group[group]] += weights[group]
    return of_group[codes]


def _check_counts(data: Dataset, rows: np.ndarray, groups: np.ndarray | None, k: int) -> None:
    if k > len(rows):
        raise UsageError(f"evaluation.folds: {k} folds need {k} rows for training and dev; there are {len(rows)}.")
    if groups is not None and k > len(np.unique(groups)):
        raise UsageError(
            f"evaluation.folds: {k} folds need {k} groups; there are {len(np.unique(groups))} in train and dev."
        )
    if data.is_classification:
        counts = np.bincount(data.target[rows], minlength=len(data.classes))
        rare = [code for code in np.flatnonzero(counts) if counts[code] < k]
        if rare:
            name, n = data.classes[rare[0]], counts[rare[0]]
            examples = "example" if n == 1 else "examples"
            raise UsageError(
                f"evaluation.folds: class '{name}' has {n} {examples} in train and dev, fewer than {k} folds; "
                "take fewer folds, or leave the class out."
            )


def _check_target(data: Dataset, made: Split, number: int) -> None:
    """A regression is not learnt from a constant, nor judged by one; nor are classes from one of them."""
    if data.is_classification:
        if len(np.unique(data.target[made.train])) < 2:
            raise UsageError(f"evaluation.folds: fold {number} leaves only one class to train on; take fewer folds.")
        return
    if not data.task.graded:
        return
    for name, part in (("the rows to train on", made.train), ("its own rows", made.test)):
        target = data.target[part]
        if len(part) > 1 and (target.max(0) == target.min(0)).any():
            raise UsageError(f"evaluation.folds: in fold {number} the target is constant in {name}; take fewer folds.")
