"""Does the order of the rows matter: neighbouring rows that belong together, or data that change along the file?

The usual reference answers for the first and the last third of the file twice: out of fold, having learnt from other
rows of the same third, and having learnt from as many of the third at the other end. Where the second error is clearly
larger, rows nearby say more than rows far off, and a random split measures an easier task than the one that comes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.stats import wilcoxon

from leadline.measure.intervals import Estimate
from leadline.strategy.findings import MODERATE, STRONG, Finding, Quantity
from leadline.strategy.folds import assign_folds
from leadline.strategy.probes.examined import Array, Examined
from leadline.strategy.probes.references import MOST_TRAINED, Model, out_of_fold, usual
from leadline.strategy.probes.significance import mean_difference

STRETCHES = 15
"""Stretches of each third, whose mean losses are compared."""
FOLDS = 5
CLEAR = 1e-3
LEAST, LEAST_LEARNT = 200, 30
LARGE = 0.15
"""The share by which the error must grow."""
SORTED = 0.95
FEW_CHANGES = 20


def order_findings(examined: Examined) -> list[Finding]:
    """That examples near each other in the file belong together, where the split ignored it."""
    rows, x, y = _in_order(examined)
    if not examined.chosen_at_random or examined.grouped or len(rows) < LEAST or _is_sorted(examined, y):
        return []
    losses = _near_and_far(examined, usual(examined), rows, x, y)
    if losses is None:
        return []
    near, far = losses
    stretch = np.arange(len(near)) * 2 * STRETCHES // len(near)
    gap, _ = mean_difference(far - near, stretch)
    p = _p_of_larger(np.bincount(stretch, far - near) / np.bincount(stretch))
    usual_loss = float(near.mean())
    if p > CLEAR or gap.value < LARGE * usual_loss or (examined.by_share and gap.value < examined.matters):
        return []
    return [_finding(examined, usual_loss, float(far.mean()), gap, p)]


def _near_and_far(examined: Examined, model: Model, rows: Array, x: Array, y: Array) -> tuple[Array, Array] | None:
    """Losses of the first and last third's examples, learnt from the rest of their own third, and from the other one.

    Copies of an example are kept from what answers for it; None where hardly any row is left then.
    """
    copies = np.unique(examined.hashes[rows], return_inverse=True)[1].reshape(-1)
    random, third = np.random.default_rng(examined.seed), len(y) // 3
    ends = np.arange(third), np.arange(len(y) - third, len(y))
    near, far = [], []
    for own, other in (ends, ends[::-1]):
        _, copy = np.unique(copies[own], return_inverse=True)
        folds = assign_folds(np.zeros(copy.max() + 1), FOLDS, examined.seed)[copy.reshape(-1)]
        near.append(examined.losses(y[own], out_of_fold(model, x[own], y[own], folds)))
        learnt = random.permutation(other[~np.isin(copies[other], copies[own])])[: len(own) * (FOLDS - 1) // FOLDS]
        if len(learnt) < LEAST_LEARNT:
            return None
        far.append(examined.losses(y[own], model(x[learnt], y[learnt], x[own])))
    return np.concatenate(near), np.concatenate(far)


def _p_of_larger(differences: Array) -> float:
    """The p-value that differences (k,) are larger than 0, by their ranks: a few far stretches do not make it."""
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
        "The data change along the file, or rows near each other belong together, and the split is random: the "
        f"reference's "
        f"{what} on rows at one end of it is {first.plain()} after learning from rows around them, and "
        f"{second.plain()} after learning from the other end. The dev set measures an easier task "
        "than new data will pose."
    )
    step = f'split.time = "{time}"' if time else "split.time, or split.group where rows come in groups"
    return Finding(
        "drift",
        statement,
        (
            Quantity("error, learnt from rows nearby", first),
            Quantity("error, learnt from the other end of the file", second),
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
        return int((y[1:] != y[:-1]).sum()) < FEW_CHANGES
    values = np.nan_to_num(y.reshape(len(y), -1)[:, 0])
    if np.ptp(values) == 0:
        return True
    ranks = np.argsort(np.argsort(values, kind="stable"))
    return abs(float(np.corrcoef(ranks, np.arange(len(values)))[0, 1])) > SORTED
