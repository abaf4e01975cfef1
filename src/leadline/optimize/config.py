"""Update rules and schedules from the tables of an experiment file, and the names they have there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any, TypeVar

from leadline.equations.averages import Number
from leadline.errors import UsageError, nearest
from leadline.optimize.optimizer import OPTIMIZERS, Optimizer
from leadline.optimize.schedules import FORMER_NAMES, SCHEDULES, Constant, Cosine, Schedule, WarmUp

Kind = TypeVar("Kind", Optimizer, Schedule)


def optimizer_from_config(
    config: str | Mapping[str, Any] | Optimizer, learning_rate: Number | None = None
) -> Optimizer:
    """The update rule that ``"adam"`` or ``{"type": "adam", "beta1": 0.9}`` means.

    ``learning_rate`` comes from its own key of ``[training]``; without it the rule's default holds.
    Raises `UsageError` for an unknown name or key, or a value out of range.
    """
    if isinstance(config, Optimizer):
        return config
    name, values = _name_and_values("optimizer", config)
    rule = OPTIMIZERS.lookup(name, capital=True)
    if learning_rate is not None:
        if "learning_rate" in values:
            raise UsageError("learning_rate is given twice: in [training] and in its optimizer. Keep one.")
        values["learning_rate"] = learning_rate
    return _make("optimizer", rule, values)


def schedule_from_config(config: str | Mapping[str, Any] | Schedule | None, epochs: int | None = None) -> Schedule:
    """The schedule that ``"constant"`` or ``{"type": "step_decay", "every": 10}`` means; None is constant.

    ``epochs`` is how long the training lasts, for a cosine that does not say. Raises `UsageError` for an
    unknown name or key, or a value out of range.
    """
    if config is None or isinstance(config, Schedule):
        return config or Constant()
    name, values = _name_and_values("schedule", config)
    if isinstance(name, str) and name in FORMER_NAMES:
        name, values = _name_and_values("schedule", {**values, **FORMER_NAMES[name]})
    schedule = SCHEDULES.lookup(name, capital=True)
    if schedule is Cosine and epochs is not None:
        values.setdefault("epochs", epochs)
    if schedule is WarmUp and "schedule" in values:
        values["schedule"] = schedule_from_config(values["schedule"], epochs)
    return _make("schedule", schedule, values)


def _name_and_values(part: str, config: Any) -> tuple[Any, dict[str, Any]]:
    if isinstance(config, str):
        return config, {}
    if not isinstance(config, Mapping) or "type" not in config:
        raise UsageError(f'{part} must be a name or a table with a type, {{type = "…"}}; got {config!r}')
    values = dict(config)
    return values.pop("type"), values


def _make(part: str, kind: type[Kind], values: dict[str, Any]) -> Kind:
    name = kind.name
    allowed = {field.name: field for field in fields(kind)}
    for key in values:
        if key not in allowed:
            hint = nearest(key, allowed) if allowed else " It takes no keys."
            raise UsageError(f"Unknown key '{key}' of {part} '{name}'.{hint}")
    for key, field in allowed.items():
        if field.default is MISSING and field.default_factory is MISSING and key not in values:
            raise UsageError(f"{part} '{name}' needs {key}.")
    try:
        return kind(**values)
    except UsageError as error:
        raise UsageError(f"{part} '{name}': {error}") from None
