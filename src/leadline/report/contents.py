"""What a report says, as plain data: the page is made of nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from leadline.measure import Breakdown, Task, task_named
from leadline.strategy import ErrorAnalysis
from leadline.strategy.importance import Importance
from leadline.strategy.ladder import Ladder
from leadline.strategy.mismatch import Mismatch


@dataclass(frozen=True)
class Confusion:
    """Counts by true class (row) and predicted class (column): ``matrix`` (k, k) integers, ``classes`` k names."""

    matrix: np.ndarray
    classes: Sequence[str]


@dataclass(frozen=True)
class Residuals:
    """True and predicted targets of the dev set, both (m,), in the target's own unit."""

    y_true: np.ndarray
    y_pred: np.ndarray


@dataclass(frozen=True)
class Mistake:
    """One wrong answer: which row, what it should be and what was said.

    ``image`` is (h, w) or (h, w, c), uint8 or numbers in [0, 1] or any range (then stretched); ``fields`` are the
    raw columns worth showing. ``probability`` is that of the prediction, None where there is none.
    """

    row: int | str
    label: str
    prediction: str
    probability: float | None = None
    image: np.ndarray | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Strip:
    """One picture of several tiles: ``picture`` uint8 (h, w, 4), its gaps transparent; ``scale`` enlarges its pixels.

    ``title`` stands above it and ``note`` below; ``description`` is what a screen reader says in its place.
    """

    title: str
    picture: np.ndarray
    description: str
    note: str = ""
    scale: float = 1.0


@dataclass(frozen=True)
class PictureSection:
    """A section of pictures, under a ``title`` with the anchor ``slug``."""

    slug: str
    title: str
    note: str
    strips: Sequence[Strip]


@dataclass(frozen=True)
class Report:
    """One run, ready to be shown.

    Errors are fractions (classification) or in the target's unit ``unit`` (regression), as everywhere in
    Leadline. ``history`` has one mapping per epoch with the fields of ``Epoch``. ``remedies`` are mappings with
    ``title``, ``reason``, ``side_effect``, ``moves`` (the gaps) and ``change`` (keys such as ``training.l2`` with
    their new values). ``breakdowns`` are the metrics by set: train, train-dev, dev, test.
    ``gathered`` are slices or clusters in which mistakes gather, as JSON has them, and ``causes`` what people entered.
    ``importance`` is what the network loses when a column is shuffled.
    ``pictures`` are sections of pictures, such as of varied training images and of what a network has learnt.
    ``multitask`` is the record of several tasks' comparison with separate networks. ``mismatch`` compares train-dev
    with dev. ``reliability_before`` are confidence, accuracy and share of dev examples in bins before their
    probabilities were calibrated; empty where they were not.
    """

    name: str
    created: str
    task: Task
    metric: str
    conclusion: str
    next_step: str
    ladder: Ladder
    parameters: int
    seconds: float
    unit: str = ""
    remedies: Sequence[Mapping[str, Any]] = ()
    history: Sequence[Mapping[str, Any]] = ()
    best_epoch: int | None = None
    confusion: Confusion | None = None
    residuals: Residuals | None = None
    mistakes: Sequence[Mistake] = ()
    breakdowns: Mapping[str, Breakdown] = field(default_factory=dict)
    gathered: Sequence[Mapping[str, Any]] = ()
    causes: ErrorAnalysis | None = None
    importance: Importance | None = None
    multitask: Mapping[str, Any] | None = None
    mismatch: Mismatch | None = None
    pictures: Sequence[PictureSection] = ()
    soundings: Mapping[str, Any] | None = None
    experiment_toml: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, Any] = field(default_factory=dict)
    notices: Sequence[str] = ()
    reliability_before: Sequence[tuple[float, float, float]] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "task", task_named(self.task))
