"""What the probes of the data look at: a run's examples, prepared and as they were read, with the network's answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.data import Column
from leadline.measure.intervals import Estimate

Array = NDArray[Any]

CLASSES = ("binary", "multiclass")


@dataclass(frozen=True, eq=False)
class Part:
    """One set of a run: row numbers in the data (m,), inputs (m, d), targets and the network's outputs.

    Targets are class numbers (m,) or values (m, k); outputs probabilities (m, K) or values (m, k).
    """

    rows: Array
    x: Array
    y: Array
    outputs: Array

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, chosen: Array) -> Part:
        """The same set with some of its examples."""
        return Part(self.rows[chosen], self.x[chosen], self.y[chosen], self.outputs[chosen])


@dataclass(frozen=True, eq=False)
class Examined:
    """A run's data under examination.

    Attributes:
        task: ``"binary"``, ``"multiclass"``, ``"multilabel"`` or ``"regression"``.
        classes: names of the classes or labels.
        train: the training set.
        dev: the dev set, never empty.
        error: an error with its interval from targets and outputs, in the ladder's metric.
        metric: the name of that metric.
        columns: of a table, with all its rows; empty for arrays.
        hashes: of the inputs of every row of the data, uint64 (n,).
        groupings: codes (n,) of columns that the network is not given and whose values repeat, by name; −1 for a
            missing value.
        grouped: whether the split kept groups, or copies, together.
        chosen_at_random: whether dev examples were drawn at random from the same rows as training examples.
        ordered: whether rows are in the order of a time that the split followed.
        settings: keys of the experiment that advice may change, such as ``{"data.exclude": []}``.
        images_without_convolutions: whether inputs are images, and the network looks at each pixel by itself.
        matters: the size up to which a difference of errors does not matter.
        seed: of all that is drawn.

    """

    task: str
    classes: tuple[str, ...]
    train: Part
    dev: Part
    error: Callable[[Array, Array], Estimate]
    metric: str
    columns: tuple[Column, ...] = ()
    hashes: Array = field(default_factory=lambda: np.empty(0, np.uint64))
    groupings: Mapping[str, Array] = field(default_factory=dict)
    grouped: bool = False
    chosen_at_random: bool = True
    ordered: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)
    images_without_convolutions: bool = False
    matters: float = 0.0
    seed: int = 0

    @property
    def classifies(self) -> bool:
        """Whether each example has exactly one class."""
        return self.task in CLASSES

    @property
    def by_share(self) -> bool:
        """Whether the ladder's metric is the share of wrong answers."""
        return self.metric in ("error", "accuracy")

    @cached_property
    def scale(self) -> Array:
        """The variance of each target value (k,) over the training set; 1 for classes."""
        if self.task != "regression":
            return np.ones(1)
        spread = np.var(self.train.y.reshape(len(self.train), -1), axis=0)
        return np.where(spread > 0, spread, 1.0)

    def losses(self, y: Array, outputs: Array) -> Array:
        """What each example adds to the error (m,).

        1 where its class is wrong, its share of wrong labels, or its squared error in variances of the target.
        """
        if self.classifies:
            return (outputs.argmax(1) != y).astype(float)
        if self.task == "multilabel":
            known = ~np.isnan(y)
            wrong = ((outputs > 0.5) != (y > 0.5)) & known
            return wrong.sum(1) / np.maximum(known.sum(1), 1)
        values, truth = (each.reshape(len(each), -1) for each in (outputs, y))
        return (((values - truth) ** 2) / self.scale).mean(1)

    def constant(self, y: Array, m: int) -> Array:
        """Outputs (m, …) of the best constant prediction for these targets: class shares, or means."""
        if self.classifies:
            shares = np.bincount(y, minlength=max(2, len(self.classes))) / len(y)
            return np.tile(shares, (m, 1))
        return np.tile(np.nanmean(y.reshape(len(y), -1), axis=0), (m, 1))
