"""A training of another length: its epochs, its schedule and its patience, stretched alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from leadline.optimize import schedule_from_config


def stretched(
    epochs: int, schedule: Mapping[str, Any] | None, early_stopping: Mapping[str, Any] | None, factor: float
) -> dict[str, Any]:
    """The changes that train ``factor`` times as many epochs."""
    longer = max(1, round(epochs * factor))
    changes: dict[str, Any] = {"training.epochs": longer}
    if schedule is not None:
        changes["training.schedule"] = schedule_from_config(schedule, epochs).stretched(factor).to_config()
    if early_stopping is not None and early_stopping.get("patience"):
        patience = max(min(5, longer), round(early_stopping["patience"] * factor))
        changes["training.early_stopping"] = {**early_stopping, "patience": patience}
    return changes
