"""A training of another length: its epochs, its schedule and its patience, stretched alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def stretched(
    epochs: int, schedule: Mapping[str, Any] | None, early_stopping: Mapping[str, Any] | None, factor: float
) -> dict[str, Any]:
    """The changes that train ``factor`` times as many epochs."""
    longer = max(1, round(epochs * factor))
    changes: dict[str, Any] = {"training.epochs": longer}
    if schedule is not None:
        changes["training.schedule"] = _stretched(schedule, factor)
    if early_stopping is not None and early_stopping.get("patience"):
        patience = max(min(5, longer), round(early_stopping["patience"] * factor))
        changes["training.early_stopping"] = {**early_stopping, "patience": patience}
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
