"""A case: data made for the purpose, the experiment that somebody ran on them, and what is right to do next."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
import pyarrow as pa

from leadline.data import Dataset, read

Layers = list[dict[str, Any]]
Rows = Mapping[str, Any] | np.ndarray
Draw = Callable[[int, np.random.Generator], tuple[Rows, np.ndarray]]
"""How many examples, and what to draw them with: columns or an array (n, …), and the target (n,)."""


class Step(StrEnum):
    """A direction to go in: what all ways to say the same next step have in common."""

    LONGER = "train longer"
    RAISE_RATE = "raise the learning rate"
    LOWER_RATE = "lower the learning rate"
    OPTIMIZER = "another optimizer"
    NORMALIZE = "normalize the inputs"
    BIGGER = "a bigger network"
    CONVOLVE = "a convolutional network"
    WEAKER_PENALTY = "a weaker penalty"
    LESS_DROPOUT = "less dropout"
    REGULARIZE = "regularize"
    SMALLER = "a smaller network"
    AUGMENT = "augment the images"
    MORE_DATA = "more training data"
    TARGET_DATA = "training data like the dev set"
    REVIEW_LABELS = "review labels"
    REMOVE_COLUMN = "remove a column"
    SPLIT_BY_TIME = "split by time"
    SPLIT_BY_GROUP = "split by groups"
    DUPLICATES = "deal with duplicates"
    ACTIVATION = "another activation, start or batch normalization"
    OTHER_METRIC = "another metric, weights or threshold"
    TRANSFORM_TARGET = "transform the target or use a robust loss"
    NO_SIGNAL = "there is nothing to learn"
    STOP = "stop here"
    BIGGER_DEV = "a bigger or a fresh dev set"
    LOOK = "look through the mistakes"
    MEASURED = "a measured remedy"
    OTHER = "something else"
    UNKNOWN = "cannot tell"


@dataclass(frozen=True, eq=False)
class Case:
    """One draw of a family.

    ``changes`` are keys of the experiment. ``draw`` makes more examples as they come in use, with true targets; None
    where use cannot be drawn. ``cure`` are changes of the experiment that do what is right, where such changes exist.
    ``looks`` counts trainings with other seeds on the same split, of which the best by dev error is diagnosed.
    """

    data: Dataset
    changes: Mapping[str, Any]
    draw: Draw | None = None
    cure: Mapping[str, Any] = field(default_factory=dict)
    looks: int = 1
    open_test: bool = False


@dataclass(frozen=True)
class Family:
    """Cases with one truth: ``right`` are the steps that help, all other confident steps are harmful."""

    name: str
    make: Callable[[np.random.Generator], Case]
    right: frozenset[Step]
    about: str = ""


FAMILIES: dict[str, Family] = {}
HELD_OUT: dict[str, Family] = {}
"""Families that were written after the rules of advice, and that no rule was changed for."""


Make = Callable[[np.random.Generator], Case]


def family(*right: Step) -> Callable[[Make], Make]:
    """Enter a generator among the `FAMILIES`, under its name, with the steps that are right."""
    return _entering(FAMILIES, right)


def held_out_family(*right: Step) -> Callable[[Make], Make]:
    """Enter a generator among those `HELD_OUT`."""
    return _entering(HELD_OUT, right)


def _entering(families: dict[str, Family], right: Sequence[Step]) -> Callable[[Make], Make]:
    def enter(make: Make) -> Make:
        name = make.__name__
        families[name] = Family(name, make, frozenset(right), (make.__doc__ or "").strip())
        return make

    return enter


def case_of(
    draw: Draw,
    n: int,
    random: np.random.Generator,
    changes: Mapping[str, Any],
    spoil: Callable[[Rows, np.ndarray], np.ndarray] | None = None,
    **options: Any,
) -> Case:
    """A case with n examples of ``draw``, the targets of which ``spoil`` may have changed."""
    rows, target = draw(n, random)
    if spoil is not None:
        target = spoil(rows, target)
    return Case(dataset(rows, target), split_seed(random) | dict(changes), draw, **options)


def split_seed(random: np.random.Generator) -> dict[str, Any]:
    """Seeds of the split and of the training."""
    return {"split.seed": int(random.integers(1000)), "training.seed": int(random.integers(1000))}


def dataset(rows: Rows, target: np.ndarray, **settings: Any) -> Dataset:
    """What `leadline.read` makes of columns or of an array."""
    if isinstance(rows, np.ndarray):
        return read(rows, target, **settings)
    table, name = as_table(rows, target)
    return read(table, name, **settings)


def as_table(rows: Mapping[str, Any], target: np.ndarray) -> tuple[pa.Table, str]:
    """The columns and the target as a table, and the target's name."""
    name = next(each for each in ("y", "target", "outcome") if each not in rows)
    return pa.table({**rows, name: target if target.dtype.kind == "f" else class_names(target)}), name


def class_names(target: np.ndarray) -> list[str]:
    """How the classes of a table are called."""
    return [f"c{value}" for value in target]


def whole(random: np.random.Generator, low: int, high: int) -> int:
    """A whole number between ``low`` and ``high``, uniform on a logarithmic scale."""
    return round(float(np.exp(random.uniform(np.log(low), np.log(high)))))


def spread(random: np.random.Generator, low: float, high: float) -> float:
    """A number between ``low`` and ``high``, uniform on a logarithmic scale, with two significant digits."""
    return float(f"{np.exp(random.uniform(np.log(low), np.log(high))):.1e}")


def dense(units: Sequence[int], outputs: int, activation: str = "relu") -> Layers:
    """Hidden layers and a linear output layer."""
    return [
        *({"type": "dense", "units": u, "activation": activation} for u in units),
        {"type": "dense", "units": outputs},
    ]
