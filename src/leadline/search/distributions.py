"""The space as Optuna knows it: a distribution for each dimension, and values to and fro.

Optuna has no one-minus-log scale; such a dimension is stored as ``1 - KEY`` on a logarithmic one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import Trial

from leadline.search.spaces import Dimension, Space, Value


def parameter_name(dimension: Dimension) -> str:
    """What Optuna's storage calls the dimension."""
    return f"1 - {dimension.key}" if dimension.scale == "one_minus_log" else dimension.key


def distribution(dimension: Dimension) -> BaseDistribution:
    """How Optuna draws the dimension."""
    low, high = dimension.low, dimension.high
    if dimension.scale == "choice":
        return CategoricalDistribution(dimension.choices)
    if dimension.scale == "integer":
        return IntDistribution(int(low), int(high), log=dimension.log)
    if dimension.scale == "one_minus_log":
        return FloatDistribution(1 - high, 1 - low, log=True)
    return FloatDistribution(low, high, log=dimension.scale == "log")


def parameter(dimension: Dimension, value: Value) -> Any:
    """A value as Optuna stores it."""
    if dimension.scale != "one_minus_log":
        return value
    assert isinstance(value, float | int)
    return min(max(1 - value, 1 - dimension.high), 1 - dimension.low)


def value_of(dimension: Dimension, stored: Any) -> Value:
    """The inverse of `parameter`."""
    if dimension.scale != "one_minus_log":
        return stored
    return min(max(1 - stored, dimension.low), dimension.high)


def values_of(space: Space, parameters: Mapping[str, Any]) -> dict[str, Value]:
    """The values of a trial by key, from the parameters in Optuna's storage."""
    named = [(dimension, parameter_name(dimension)) for dimension in space]
    return {d.key: value_of(d, parameters[name]) for d, name in named if name in parameters}


def suggest(trial: Trial, space: Space) -> dict[str, Value]:
    """Let the study's sampler draw each dimension that counts."""
    values: dict[str, Value] = {}
    for dimension in space:
        if space.counts(dimension, values):
            values[dimension.key] = value_of(dimension, _draw(trial, dimension))
    return values


def _draw(trial: Trial, dimension: Dimension) -> Any:
    name, how = parameter_name(dimension), distribution(dimension)
    if isinstance(how, CategoricalDistribution):
        return trial.suggest_categorical(name, how.choices)
    if isinstance(how, IntDistribution):
        return trial.suggest_int(name, how.low, how.high, log=how.log)
    assert isinstance(how, FloatDistribution)
    return trial.suggest_float(name, how.low, how.high, log=how.log)
