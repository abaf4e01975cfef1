"""Would more training data help: dev error of a model on a quarter, half and all of the training examples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from leadline.measure.intervals import Estimate
from leadline.strategy.probes.examined import Array, Examined
from leadline.strategy.probes.references import MOST_TRAINED, Model
from leadline.strategy.probes.significance import mean_difference

CLEAR = 0.01
LEAST = 80
TRAININGS = 3
"""What the curve takes, in trainings of the whole."""


@dataclass(frozen=True)
class Growth:
    """How the dev loss of a model fell with its training examples.

    Attributes:
        name: of the model.
        sizes: numbers of training examples, half and all of them the last two.
        losses: mean dev loss at each.
        fall: from half to all of them, with its interval.
        p_value: that it did not change.
        doubling: by how much it would fall with twice as many, if it went on as from a quarter to all.
        of_network: whether it is the network's own curve, not that of another model.

    """

    name: str
    sizes: tuple[int, ...]
    losses: tuple[float, ...]
    fall: Estimate
    p_value: float
    doubling: float
    of_network: bool = False

    @property
    def falls(self) -> bool:
        """Whether more examples still lowered the error."""
        return self.p_value < CLEAR and self.fall.value > 0


def growth(examined: Examined, name: str, model: Model) -> Growth | None:
    """The fall of a model's dev loss; None with too few examples.

    Parts are disjoint, two halves and four quarters, and their losses are averaged for each dev example.
    """
    train, dev = examined.train, examined.dev
    order = np.random.default_rng(examined.seed).permutation(len(train))[:MOST_TRAINED]
    if len(order) < LEAST:
        return None

    def losses(rows: Array) -> Array:
        return examined.losses(dev.y, model(train.x[rows], train.y[rows], dev.x))

    whole = losses(order)
    halves = np.mean([losses(part) for part in np.array_split(order, 2)], axis=0)
    quarters = np.mean([losses(part) for part in np.array_split(order, 4)], axis=0)
    fall, p = mean_difference(halves - whole)
    earlier = float((quarters - halves).mean())
    # A power law: each doubling takes off the same share of what the one before took off, at most all of it.
    ratio = float(np.clip(fall.value / earlier, 0.0, 1.0)) if earlier > 0 else 0.5
    sizes = tuple(len(order) // part for part in (4, 2, 1))
    means = tuple(float(each.mean()) for each in (quarters, halves, whole))
    return Growth(name, sizes, means, fall, p, ratio * fall.value)
