"""Does the order of the rows matter: neighbouring rows that belong together, or data that change along the file?

The usual reference answers for every example out of fold twice: with folds drawn at random, as a random split draws its
dev set, and with folds that are stretches of the file, as the future is to the past. Where the second error is clearly
larger, a random split measures an easier task than the one that comes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from leadline.measure.intervals import Estimate
from leadline.strategy.findings import MODERATE, STRONG, Finding, Quantity
from leadline.strategy.folds import assign_folds
from leadline.strategy.probes.examined import Array, Examined
from leadline.strategy.probes.references import MOST_TRAINED, out_of_fold, usual
from leadline.strategy.probes.significance import mean_difference

STRETCHES, FOLDS = 20, 5
CLEAR = 1e-3
LEAST = 200
LARGE = 0.15
"""The share by which the error must grow."""
SORTED = 0.95


def order_findings(examined: Examined) -> list[Finding]:
    """That examples near each other in the file belong together, where the split ignored it."""
    rows, x, y = _in_order(examined)
    if not examined.chosen_at_random or examined.grouped or len(rows) < LEAST or _is_sorted(examined, y):
        return []
    model = usual(examined)
    # Copies stay in one fold, so that what is measured is the order and not that copies lie beside each other.
    copies = np.unique(examined.hashes[rows], return_inverse=True)[1].reshape(-1)
    folds = assign_folds(np.zeros(copies.max() + 1), FOLDS, examined.seed)[copies]
    at_random = examined.losses(y, out_of_fold(model, x, y, folds))
    stretch = np.arange(len(y)) * STRETCHES // len(y)
    # Folds of whole quarters of the file would ask for a long leap; several stretches to a fold keep it near.
    in_stretches = examined.losses(y, out_of_fold(model, x, y, stretch * FOLDS // STRETCHES))
    gap, _ = mean_difference(in_stretches - at_random, stretch)
    by_stretch = np.bincount(stretch, in_stretches - at_random) / np.bincount(stretch)
    p = _p_of_larger(by_stretch)
    usual_loss = float(at_random.mean())
    if p > CLEAR or gap.value < LARGE * usual_loss or (examined.by_share and gap.value < examined.matters):
        return []
    return [_finding(examined, usual_loss, float(in_stretches.mean()), gap, p)]


def _p_of_larger(differences: Array) -> float:
    """The p-value that differences (k,) are larger than 0, by their ranks: a few far stretches do not make it."""
    from scipy.stats import wilcoxon

    if not differences.any():
        return 1.0
    tested: Any = wilcoxon(differences, alternative="greater")
    return float(tested.pvalue)


def _finding(examined: Examined, at_random: float, along: float, gap: Estimate, p: float) -> Finding:
    time = next((column.name for column in examined.columns if column.kind == "date"), None)
    unit = "%" if examined.by_share else ""
    first, second = Estimate(at_random, n=gap.n, unit=unit), Estimate(along, n=gap.n, unit=unit)
    what = "error" if examined.by_share else "squared error in variances of the target"
    statement = (
        "Examples near each other in the file belong together, and the split is random: the reference's "
        f"{what} is {first.plain()} where folds are drawn at random and {second.plain()} where they are stretches of "
        "the file. The dev set measures an easier task than new data will pose."
    )
    step = f'split.time = "{time}"' if time else "split.time, or split.group where rows come in groups"
    return Finding(
        "drift",
        statement,
        (
            Quantity("out-of-fold error, folds at random", first),
            Quantity("out-of-fold error, folds along the file", second),
            Quantity("difference", Estimate(gap.value, *gap.interval, gap.n, unit="points" if unit else "")),
        ),
        STRONG if along > (1 + 2 * LARGE) * at_random else MODERATE,
        f"Split by what orders the rows ({step}), and train again: the dev error then shows what to expect.",
        change={"split.time": time} if time else {},
        settle="What the order of the rows means: time, places, people, or nothing.",
        p_value=p,
    )


def _in_order(examined: Examined) -> tuple[Array, Array, Array]:
    """Training and dev examples in the order of the file, every other one left out where there are too many."""
    train, dev = examined.train, examined.dev
    rows = np.concatenate([train.rows, dev.rows])
    order = np.argsort(rows, kind="stable")
    order = order[:: -(-len(order) // MOST_TRAINED)]
    return rows[order], np.concatenate([train.x, dev.x])[order], np.concatenate([train.y, dev.y])[order]


def _is_sorted(examined: Examined, y: Array) -> bool:
    """Whether the file is sorted by its target: then stretches lack classes, and the order means nothing."""
    if examined.classifies:
        return int((y[1:] != y[:-1]).sum()) < STRETCHES
    values = np.nan_to_num(y.reshape(len(y), -1)[:, 0])
    if np.ptp(values) == 0:
        return True
    ranks = np.argsort(np.argsort(values, kind="stable"))
    return abs(float(np.corrcoef(ranks, np.arange(len(values)))[0, 1])) > SORTED
