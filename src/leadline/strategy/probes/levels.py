"""Rungs that need no human: the constant prediction, references, and floors and bounds of the Bayes error."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from leadline.measure.intervals import Estimate, wilson
from leadline.strategy.ladder import Level
from leadline.strategy.probes.copies import Repeats
from leadline.strategy.probes.examined import Examined
from leadline.strategy.probes.references import CONSTANT, Reference

LAST_VALUE = "last value"
MOST = 5_000


def levels(examined: Examined, found: Sequence[Reference], repeated: Repeats | None) -> tuple[Level, ...]:
    """Every level that was measured, the constant prediction first."""
    dev = examined.dev
    made = [_constant(examined)]
    if examined.ordered and examined.task == "regression":
        made.append(_last_value(examined))
    for each in found:
        error = examined.error(dev.y, each.dev)
        made.append(Level(each.name, "reference", error, note="learnt from the training set, as the network did"))
    if repeated is not None and repeated.floor.value > 0 and (examined.by_share or examined.metric == "RMSE"):
        note = "what the best answer to equal inputs gets wrong, over training and dev set"
        made.append(Level("equal inputs, other targets", "floor", repeated.floor, "train and dev", note))
    bounds = nearest_neighbour_bounds(examined)
    return (*made, *bounds)


def _constant(examined: Examined) -> Level:
    dev = examined.dev
    error = examined.error(dev.y, examined.constant(examined.train.y, len(dev)))
    return Level(CONSTANT, "constant", error, note="the most frequent class, or the mean, of the training set")


def _last_value(examined: Examined) -> Level:
    """Each dev example is predicted by the target of the row before it."""
    dev = examined.dev
    rows = np.concatenate([examined.train.rows, dev.rows])
    order = np.argsort(rows, kind="stable")
    y = np.concatenate([examined.train.y, dev.y])[order]
    place = np.searchsorted(rows[order], dev.rows)
    before = y[np.maximum(place - 1, 0)].reshape(len(dev), -1)
    return Level(LAST_VALUE, "constant", examined.error(dev.y, before), note="the target of the row before")


def nearest_neighbour_bounds(examined: Examined) -> tuple[Level, ...]:
    """Bounds of the Bayes error R* from the error R of the single nearest neighbour (Cover and Hart, 1967).

    (K − 1)/K · (1 − √(1 − K/(K − 1) · R)) ≤ R* ≤ R, for K classes and endlessly many examples. R is measured with each
    training example left out; on few examples it is larger than in the limit, so the lower bound is an estimate.
    """
    if not examined.classifies or not examined.by_share or len(examined.train) < 50:
        return ()
    from sklearn.neighbors import NearestNeighbors

    train = examined.train
    chosen = np.arange(len(train))
    if len(train) > MOST:
        chosen = np.random.default_rng(examined.seed).permutation(len(train))[:MOST]
    x, y = train.x[chosen], train.y[chosen]
    near = NearestNeighbors(n_neighbors=2, algorithm="brute").fit(x).kneighbors(x, return_distance=False)
    # A copy of an example may come before itself among neighbours at distance 0.
    other = np.where(near[:, 0] == np.arange(len(x)), near[:, 1], near[:, 0])
    wrong = int((y[other] != y).sum())
    low, high = (float(end) for end in wilson(wrong, len(y)))
    k = max(2, len(examined.classes))

    def bound(rate: float) -> float:
        return (k - 1) / k * (1 - max(0.0, 1 - k / (k - 1) * rate) ** 0.5)

    lower = Estimate(bound(wrong / len(y)), bound(low), bound(high), len(y))
    note = "estimated lower bound of what any model of these inputs gets wrong (Cover and Hart)"
    return (Level("Bayes error, at least", "bound", lower, "train", note),)
