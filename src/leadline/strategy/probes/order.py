"""Does the order of the rows matter: neighbouring rows that belong together, or data that change along the file?

A reference answers for the last part of the file after learning from the rows before it, and for the first part after
learning from those behind it; and both times after learning from as many rows at random. Where the first errors are
clearly larger, a random split measures an easier task than the one that comes. Slow changes are also looked for by
themselves: does a linear model do better whose weights may move along the file?
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Any

import numpy as np
from scipy.stats import wilcoxon

from leadline.measure.intervals import Estimate
from leadline.strategy.findings import MODERATE, STRONG, Finding, Quantity
from leadline.strategy.folds import assign_folds
from leadline.strategy.probes.examined import Array, Examined
from leadline.strategy.probes.references import MOST_TRAINED, Model, Reference, leading_out_of_fold, linear, out_of_fold
from leadline.strategy.probes.significance import mean_difference

STRETCHES = 15
"""Stretches of each end, whose mean losses are compared."""
END = 0.3
"""The part of the file that is answered for, at each end."""
FOLDS = 5
CLEAR, CLEAR_IF_MOVING = 1e-3, 0.02
LEAST, LEAST_LEARNT = 200, 30
LARGE = 0.15
"""The share by which the error must grow."""
SORTED = 0.95
FEW_CHANGES = 20
ROWS_PER_WEIGHT = 10
LOOKS = 2
TRAININGS = 12


def order_findings(examined: Examined, found: Sequence[Reference], seconds: float = inf) -> list[Finding]:
    """That the data change along the file, where the split ignored it; looked at within so many seconds."""
    rows, x, y = _in_order(examined)
    if not examined.chosen_at_random or examined.grouped or len(rows) < LEAST or _is_sorted(examined, y):
        return []
    losses = _random_and_apart(examined, leading_out_of_fold(examined, found, seconds / TRAININGS), rows, x, y)
    if losses is None:
        return []
    at_random, apart = losses
    stretch = np.arange(len(apart)) * 2 * STRETCHES // len(apart)
    gap, _ = mean_difference(apart - at_random, stretch)
    usual_loss = float(at_random.mean())
    if gap.value < LARGE * usual_loss or (examined.by_share and gap.value < examined.matters):
        return []
    p = min(1.0, LOOKS * _p_of_larger(np.bincount(stretch, apart - at_random) / np.bincount(stretch)))
    if p > CLEAR and p < CLEAR_IF_MOVING:
        p = min(1.0, LOOKS * _p_of_moving(examined, x, y))
    if p > CLEAR:
        return []
    return [_finding(examined, usual_loss, float(apart.mean()), gap, p)]


def _random_and_apart(examined: Examined, model: Model, rows: Array, x: Array, y: Array) -> tuple[Array, Array] | None:
    """Losses of both ends' examples, learnt from as many of all other rows, and from those of the other end's side.

    Copies of an example are kept from what answers for it; None where hardly any row is left then.
    """
    copies = np.unique(examined.hashes[rows], return_inverse=True)[1].reshape(-1)
    random, end = np.random.default_rng(examined.seed), round(END * len(y))
    everything = np.arange(len(y))
    at_random, apart = [], []
    for own in (everything[:end], everything[-end:]):
        other = np.setdiff1d(everything, own)
        learnt = other[~np.isin(copies[other], copies[own])]
        if len(learnt) < LEAST_LEARNT:
            return None
        apart.append(examined.losses(y[own], model(x[learnt], y[learnt], x[own])))
        losses = np.empty(len(own))
        for fold in np.array_split(random.permutation(len(own)), FOLDS):
            rest = everything[~np.isin(copies, copies[own[fold]])]
            chosen = random.permutation(rest)[: len(learnt)]
            losses[fold] = examined.losses(y[own[fold]], model(x[chosen], y[chosen], x[own[fold]]))
        at_random.append(losses)
    return np.concatenate(at_random), np.concatenate(apart)


def _p_of_larger(differences: Array) -> float:
    """The p-value that differences (k,) are larger than 0, by their ranks: a few far stretches do not make it."""
    if not differences.any():
        return 1.0
    tested: Any = wilcoxon(differences, alternative="greater")
    return float(tested.pvalue)


def _p_of_moving(examined: Examined, x: Array, y: Array) -> float:
    """The p-value that a linear model whose weights may move along the file predicts unseen rows no better."""
    m, d = x.shape
    if m < ROWS_PER_WEIGHT * (2 * d + 1):
        return 1.0
    place = np.linspace(-1.7, 1.7, m)[:, None]  # standardized
    folds = assign_folds(y if examined.classifies else np.zeros(m), FOLDS, examined.seed)
    model = linear(examined)
    still, moving = (out_of_fold(model, each, y, folds) for each in (x, np.hstack([x, place, place * x])))
    stretch = np.arange(m) * 4 * STRETCHES // m
    fall = _surprise(examined, y, still) - _surprise(examined, y, moving)
    return _p_of_larger(np.bincount(stretch, fall) / np.bincount(stretch))


def _surprise(examined: Examined, y: Array, outputs: Array) -> Array:
    """−log of the probability of each class, or the squared error (m,): finer than whether an answer is right."""
    if not examined.classifies:
        return examined.losses(y, outputs)
    return -np.log(np.clip(outputs[np.arange(len(y)), y], 1e-6, 1.0))


def _finding(examined: Examined, at_random: float, along: float, gap: Estimate, p: float) -> Finding:
    time = next((column.name for column in examined.columns if column.kind == "date"), None)
    unit = "%" if examined.by_share else ""
    first, second = Estimate(at_random, n=gap.n, unit=unit), Estimate(along, n=gap.n, unit=unit)
    what = "error" if examined.by_share else "squared error in variances of the target"
    statement = (
        f"The data change along the file, and the split is random: the {what} of a reference on the rows at its ends "
        f"is {first.plain()} after learning from rows at random, and {second.plain()} after learning from as many that "
        "leave out that end. The dev set measures an easier task than new data will pose."
    )
    step = f'split.time = "{time}"' if time else "split.time, or split.group where rows come in groups"
    return Finding(
        "drift",
        statement,
        (
            Quantity("error, learnt from rows at random", first),
            Quantity("error, learnt from rows of another part of the file", second),
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
