"""Examples that belong together, by a column that the network is not given: people, places, devices."""

from __future__ import annotations

import numpy as np

from leadline.data import Column
from leadline.measure.intervals import Estimate
from leadline.strategy.findings import STRONG, Finding, Quantity
from leadline.strategy.folds import assign_folds
from leadline.strategy.probes.budget import Budget
from leadline.strategy.probes.examined import Array, Examined
from leadline.strategy.probes.leaks import ordered_numbers
from leadline.strategy.probes.references import MOST_TRAINED, boosting, out_of_fold, usual
from leadline.strategy.probes.significance import mean_difference

FOLDS = 5
LEAST_GROUPS = 10
CLEAR = 1e-4
LARGE = 0.15
"""The share by which the error must grow where groups stay together."""
LARGE_IF_USED = 0.3
MOSTLY, LARGEST = 0.5, 0.2
"""Half of the rows must share their group with others, and none may hold more than a fifth of them."""
MANY = 20
"""Levels of a category from which on it may name groups."""
MOST_COLUMNS = 4


def group_findings(examined: Examined, budget: Budget | None = None) -> list[Finding]:
    """That a column groups the examples, where the split ignored it and new groups are predicted worse.

    Columns for which the budget has no time are not looked at.
    """
    if not examined.chosen_at_random or examined.grouped:
        return []
    train, dev = examined.train, examined.dev
    rows = np.concatenate([train.rows, dev.rows])[:MOST_TRAINED]
    x, y = (np.concatenate([a, b])[:MOST_TRAINED] for a, b in ((train.x, dev.x), (train.y, dev.y)))
    found = [
        _compared(examined, name, codes[rows], x, y, LARGE)
        for name, codes in _unused(examined)
        if budget is None or budget.left > 0
    ]
    for column in _repeating(examined):
        if budget is not None and budget.left <= 0:
            break
        others = [each for each in examined.columns if each.name != column.name]
        if others and boosting(examined) is not None:
            x = np.stack([ordered_numbers(examined, each)[rows] for each in others], axis=1)
            found.append(_compared(examined, column.name, column.values[rows], x, y, LARGE_IF_USED))
    return [each for each in found if each is not None]


def _unused(examined: Examined) -> list[tuple[str, Array]]:
    return list(examined.groupings.items())[:MOST_COLUMNS]


def _repeating(examined: Examined) -> list[Column]:
    """Categories that the network is given and that have many levels; they may name people or places."""
    return [each for each in examined.columns if each.kind == "category" and len(each.levels) >= MANY][:MOST_COLUMNS]


def _compared(examined: Examined, name: str, codes: Array, x: Array, y: Array, large: float) -> Finding | None:
    """The reference out of fold, with examples dealt to folds one by one and group by group; not given the column."""
    # Rows without a value belong to nobody: each stands for itself.
    own = np.where(codes < 0, int(codes.max()) + 1 + np.arange(len(codes)), codes)
    group = np.unique(own, return_inverse=True)[1].reshape(-1)
    sizes = np.bincount(group)
    groups, joined = len(sizes), sizes[sizes > 1]
    if len(joined) < LEAST_GROUPS or joined.sum() < MOSTLY * len(group) or sizes.max() > LARGEST * len(group):
        return None
    model, seed = usual(examined), examined.seed
    labels = y if examined.classifies else np.zeros(len(y))
    one_by_one = examined.losses(y, out_of_fold(model, x, y, assign_folds(labels, FOLDS, seed)))
    together = examined.losses(y, out_of_fold(model, x, y, assign_folds(np.zeros(groups), FOLDS, seed)[group]))
    gap, p = mean_difference(together - one_by_one, group)
    if p > CLEAR or gap.value < large * one_by_one.mean() or (examined.by_share and gap.value < examined.matters):
        return None
    unit = "%" if examined.by_share else ""
    first, second = (Estimate(float(each.mean()), n=len(y), unit=unit) for each in (one_by_one, together))
    what = "error" if examined.by_share else "squared error in variances of the target"
    statement = (
        f"Rows with the same '{name}' belong together and are in training and dev set alike: out of fold the "
        f"reference's {what} is {first.plain()} where rows are dealt one by one, and {second.plain()} where each "
        f"'{name}' stays in one fold. The dev error tells nothing about a new '{name}'."
    )
    return Finding(
        "groups-across-sets",
        statement,
        (
            Quantity("out-of-fold error, rows one by one", first),
            Quantity("out-of-fold error, groups together", second),
            Quantity("difference", Estimate(gap.value, *gap.interval, gap.n, unit="points" if unit else "")),
        ),
        STRONG,
        f'Keep groups in one set: split.group = "{name}", and train again.',
        change={"split.group": name},
        settle=f"Whether the network will meet a '{name}' that it was not trained on.",
        p_value=p,
    )
