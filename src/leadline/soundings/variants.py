"""What soundings vary beside single keys: the length of training, and how much of the training set there is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from leadline.data.splitting.dealing import draw
from leadline.experiment import Experiment
from leadline.session.plan import Plan
from leadline.strategy.remedies.length import stretched


def with_epochs(experiment: Experiment, factor: float) -> dict[str, Any]:
    """The changes that train ``factor`` times as many epochs, with schedule and patience stretched alike."""
    training = experiment.training
    stopping = None if training.early_stopping is None else training.early_stopping.model_dump()
    return stretched(training.epochs or 1, training.schedule, stopping, factor)


def penalty_for(experiment: Experiment, n: int, m: int) -> dict[str, Any]:
    """The changes that keep λ/m, the pull on each weight, where n of m examples make a smaller batch.

    With λ itself the penalty would grow as the examples become fewer, and a learning curve would show that, too.
    """
    batch = experiment.training.batch_size
    batch = m if not isinstance(batch, int) else min(batch, m)
    scale = min(batch, n) / batch
    penalties = {key: getattr(experiment.training, key) for key in ("l2", "l1")}
    return {f"training.{key}": value * scale for key, value in penalties.items() if value and scale != 1}


def nested_subsets(plan: Plan, sizes: Sequence[int], seed: int) -> list[np.ndarray]:
    """Positions in the training set: one random order, cut at each size, so that larger subsets hold smaller ones.

    Every stretch of the order holds each class in its share, as the split itself does.
    """
    train = plan.split.train
    classes = plan.data.target[train] if plan.data.is_classification else np.zeros(len(train), np.int64)
    order = draw(classes, seed)
    return [np.sort(order[:size]) for size in sizes]
