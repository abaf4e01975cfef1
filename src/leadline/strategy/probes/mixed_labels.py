"""One class taken for another: a region apart from all others in which two labels are mixed without any pattern.

Where classes overlap, labels are mixed along a border, and lie closer to one class or the other; beyond it each class
is by itself. Where one class was often given another's label, its whole region is mixed, no example of it is by itself,
and nothing in the region tells the labels apart, while the other class is by itself elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np

from leadline.measure.intervals import Estimate, proportion
from leadline.strategy.findings import MODERATE, Finding, Quantity
from leadline.strategy.probes.examined import Array, Examined

MOST, NEIGHBOURS = 4_000, 25
LEAST_MIXED = 0.15
"""Both labels must have this share of an example's neighbours in the region."""
TWO_LABELS = 0.9
BY_ITSELF = 0.9
LEAST_REGION = 40
APART = 0.9
"""Of the neighbours of a region's examples, the share that has to lie in it."""
NO_CORE, CORE = 0.1, 0.3
"""At most this share of the mixed class is by itself, and at least that one of the class it is taken for."""
NO_PATTERN = 0.6
DISTINCT = 0.9
MOST_CLASSES = 20


@dataclass(frozen=True, eq=False)
class Region:
    """Where the labels of two classes are mixed: which examples (m,), of which class they are and are taken for."""

    inside: Array
    own: int
    other: int


def mixed_label_findings(examined: Examined) -> list[Finding]:
    """That the labels of one class look as if many had been given another's."""
    k = len(examined.classes)
    if not examined.classifies or not 2 <= max(2, k) <= MOST_CLASSES:
        return []
    x, y = (np.concatenate([getattr(each, name) for each in (examined.train, examined.dev)]) for name in ("x", "y"))
    if len(y) > MOST:
        chosen = np.random.default_rng(examined.seed).permutation(len(y))[:MOST]
        x, y = x[chosen], y[chosen]
    if len(y) < 4 * LEAST_REGION or len(np.unique(x, axis=0)) < DISTINCT * len(x):
        return []  # regions of equal examples are the floor's
    near = _neighbours(x)
    shares = np.stack([(y[near] == c).mean(1) for c in range(max(2, k))], axis=1)
    for own, other in permutations(range(shares.shape[1]), 2):
        region = _region(y, near, shares, own, other)
        if region is not None and _without_pattern(x, y, region):
            return [_finding(examined, y, region)]
    return []


def _neighbours(x: Array) -> Array:
    from sklearn.neighbors import NearestNeighbors

    count = min(NEIGHBOURS, len(x) - 1)
    return NearestNeighbors(n_neighbors=count, algorithm="brute").fit(x).kneighbors(return_distance=False)


def _region(y: Array, near: Array, shares: Array, own: int, other: int) -> Region | None:
    pair = shares[:, [own, other]]
    inside = (pair.sum(1) >= TWO_LABELS) & (pair.min(1) >= LEAST_MIXED)
    if inside.sum() < LEAST_REGION or inside[near[inside]].mean() < APART:
        return None
    core_of_own = (shares[y == own, own] >= BY_ITSELF).mean()
    core_of_other = (shares[y == other, other] >= BY_ITSELF).mean()
    if core_of_own > NO_CORE or core_of_other < CORE or inside[y == own].mean() < 1 - 2 * NO_CORE:
        return None
    return Region(inside, own, other)


def _without_pattern(x: Array, y: Array, region: Region) -> bool:
    """Whether a linear model in the region does not tell its labels apart: the area under the ROC curve is near ½."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import cross_val_predict

    chosen = region.inside & np.isin(y, (region.own, region.other))
    labels = (y[chosen] == region.other).astype(int)
    if np.bincount(labels, minlength=2).min() < 10:
        return False
    made: Any = cross_val_predict(LogisticRegression(), x[chosen], labels, cv=5, method="predict_proba")
    return float(roc_auc_score(labels, made[:, 1])) < NO_PATTERN


def _finding(examined: Examined, y: Array, region: Region) -> Finding:
    n = int(region.inside.sum())
    mixed = proportion(int((y[region.inside] == region.other).sum()), n)
    names = [examined.classes[c] if examined.classes else str(c) for c in (region.own, region.other)]
    return Finding(
        "wrong-labels",
        f"Many labels '{names[1]}' look wrong: in the region of '{names[0]}', {n} examples apart from all others, "
        f"{mixed.plain()} ({mixed.range()}) are labelled '{names[1]}' and nothing there tells them from the rest, "
        f"while '{names[1]}' is by itself elsewhere.",
        (
            Quantity(f"labels '{names[1]}' in the region of '{names[0]}'", mixed),
            Quantity("examples of that region", Estimate(float(n), n=len(y), unit="")),
        ),
        MODERATE,
        f"Review the labels '{names[1]}' where the model answers '{names[0]}' (leadline labels RUN lists them).",
        settle=f"A second look at 50 of them; if they are right, inputs that tell '{names[1]}' from '{names[0]}'.",
    )
