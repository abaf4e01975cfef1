"""What soundings vary beside single keys: the length of training, and how much of the training set there is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from leadline.data.splitting.dealing import draw
from leadline.experiment import Experiment
from leadline.session.plan import Plan


def with_epochs(experiment: Experiment, factor: float) -> dict[str, Any]:
    """The changes that train ``factor`` times as many epochs, with schedule and patience stretched alike."""
    training = experiment.training
    epochs = max(1, round((training.epochs or 1) * factor))
    changes: dict[str, Any] = {"training.epochs": epochs}
    if training.schedule is not None:
        changes["training.schedule"] = _stretched(training.schedule, factor)
    if training.early_stopping is not None and training.early_stopping.patience:
        patience = max(min(5, epochs), round(training.early_stopping.patience * factor))
        changes["training.early_stopping"] = training.early_stopping.model_dump() | {"patience": patience}
    return changes


def _stretched(schedule: Mapping[str, Any], factor: float) -> dict[str, Any]:
    """A schedule that reaches each of its rates ``factor`` times as late."""
    table = dict(schedule)
    for key in ("epochs", "every"):
        if table.get(key):
            table[key] = max(1, round(table[key] * factor))
    if table["type"] == "inverse_time":
        table["decay"] = table.get("decay", 1.0) / factor
    elif table["type"] == "exponential":
        table["factor"] = table.get("factor", 0.95) ** (1 / factor)
    elif table["type"] == "manual":
        table["rates"] = {str(round(int(epoch) * factor)): rate for epoch, rate in table.get("rates", {}).items()}
    elif table["type"] == "warm_up" and isinstance(table.get("schedule"), Mapping):
        table["schedule"] = _stretched(table["schedule"], factor)
    return table


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
