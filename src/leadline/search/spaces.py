"""What a search may vary: dimensions with their scales, and the conditions under which they count.

In an experiment file::

    [search.space]
    training.learning_rate = {log = [1e-4, 1]}
    training.optimizer.beta1 = {one_minus_log = [0.9, 0.999]}
    network.units = {choice = [32, 64, 128]}
    network.hidden_layers = {integer = [1, 3]}
    training.schedule.type = {choice = ["constant", "exponential"]}
    training.schedule.rate = {linear = [0.9, 0.99], when = {"training.schedule.type" = "exponential"}}
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from leadline.errors import UsageError, nearest

SCALES = ("linear", "log", "one_minus_log", "integer", "choice")
Value = bool | int | float | str | None
CHOICES = (bool, int, float, str, type(None))


@dataclass(frozen=True)
class Dimension:
    """One hyper-parameter: the dotted key of the experiment, its scale, and its range or choices.

    Scales: "linear"; "log" (uniform in log x: a learning rate); "one_minus_log" (uniform in log(1 − x): β, where 0.9
    averages 10 values and 0.999 averages 1000); "integer", with ``log`` uniform in log x; "choice". ``when`` holds
    pairs of another key and the values for which this dimension counts. ``tier`` is its place in the order of
    importance (course 2, hyper-parameter tuning), if it has one. `UsageError`: an empty or reversed range.
    """

    key: str
    scale: str
    low: float = 0.0
    high: float = 0.0
    choices: tuple[Value, ...] = ()
    log: bool = False
    when: tuple[tuple[str, tuple[Value, ...]], ...] = ()
    tier: int | None = None

    def __post_init__(self) -> None:
        if self.scale not in SCALES:
            raise self._error(f"unknown scale '{self.scale}'.{nearest(self.scale, SCALES)}")
        if self.scale == "choice":
            self._check_choices()
        else:
            self._check_range()

    def _check_choices(self) -> None:
        if not self.choices:
            raise self._error("choice = [] is empty; list at least one value.")
        for value in self.choices:
            if not isinstance(value, CHOICES):
                raise self._error(f"a choice is a number, a text, true or false; got {value!r}.")
        if len({(type(value), value) for value in self.choices}) < len(self.choices):
            raise self._error(f"choice = {list(self.choices)} names a value twice.")

    def _check_range(self) -> None:
        low, high = self.low, self.high
        shown = f"{self.scale} = [{low:g}, {high:g}]"
        for value in (low, high):
            if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
                raise self._error(f"{self.scale} needs two finite numbers, got {value!r}.")
        if low > high:
            raise self._error(f"{shown} is reversed; write [{high:g}, {low:g}].")
        if low == high:
            raise self._error(f"{shown} is empty; a fixed value belongs into its own part of the experiment.")
        if self.scale == "integer" and (low != int(low) or high != int(high)):
            raise self._error(f"{shown} needs whole numbers.")
        if (self.scale == "log" or self.log) and low <= 0:
            raise self._error(f"{shown}: a logarithmic scale needs numbers above 0.")
        if self.scale == "one_minus_log" and not (low >= 0 and high < 1):
            raise self._error(f"{shown}: needs numbers from 0 to below 1, such as [0.9, 0.999].")

    def _error(self, message: str) -> UsageError:
        return UsageError(f"search.space.{self.key}: {message}")

    @property
    def is_number(self) -> bool:
        """Whether values lie on an axis; choices have no order."""
        return self.scale != "choice"

    def value_at(self, place: float) -> Value:
        """The value at a place from 0 to 1 of the scale; for a choice, of equal parts."""
        place = min(max(place, 0.0), 1.0)
        if self.scale == "choice":
            return self.choices[min(int(place * len(self.choices)), len(self.choices) - 1)]
        if self.scale == "integer":
            return self._integer_at(place)
        if self.scale == "one_minus_log":
            small = math.log(1 - self.high)
            return _within(1 - math.exp(math.log(1 - self.low) * (1 - place) + small * place), self.low, self.high)
        if self.scale == "log":
            low, high = math.log(self.low), math.log(self.high)
            return _within(math.exp(low + place * (high - low)), self.low, self.high)
        return self.low + place * (self.high - self.low)

    def place_of(self, value: Value) -> float:
        """Where a value lies on the scale, from 0 to 1; a choice in the middle of its part."""
        if self.scale == "choice":
            return (self.choices.index(value) + 0.5) / len(self.choices)
        assert isinstance(value, int | float)
        if self.scale == "one_minus_log":
            low, high = math.log(1 - self.low), math.log(1 - self.high)
            return (math.log(1 - value) - low) / (high - low)
        low, high = self._integer_edges() if self.scale == "integer" else (self.low, self.high)
        if self.scale == "log" or self.log:
            return (math.log(value) - math.log(low)) / (math.log(high) - math.log(low))
        return (value - low) / (high - low)

    def _integer_edges(self) -> tuple[float, float]:
        """Every whole number gets an interval of its own; on a linear axis all are as wide."""
        return self.low - 0.5, self.high + 0.5

    def _integer_at(self, place: float) -> int:
        low, high = self._integer_edges()
        if self.log:
            exact = math.exp(math.log(low) + place * (math.log(high) - math.log(low)))
        else:
            exact = low + place * (high - low)
        return int(_within(round(exact), self.low, self.high))

    def levels(self, count: int) -> list[Value]:
        """Values evenly spread over the scale, its ends included; all choices, and no whole number twice."""
        if self.scale == "choice":
            return list(self.choices)
        if self.scale == "integer":
            n = int(self.high - self.low) + 1
            if n <= count:
                return [int(self.low) + k for k in range(n)]
            low, high = self.place_of(int(self.low)), self.place_of(int(self.high))
            places = [low + k * (high - low) / max(1, count - 1) for k in range(count)]
            return list(dict.fromkeys(self.value_at(place) for place in places))
        if count == 1:
            return [self.value_at(0.5)]
        return [self.value_at(k / (count - 1)) for k in range(count)]

    def to_config(self) -> dict[str, Any]:
        """The table of an experiment file."""
        if self.scale == "choice":
            table: dict[str, Any] = {"choice": list(self.choices)}
        elif self.scale == "integer":
            table = {"integer": [int(self.low), int(self.high)]} | ({"log": True} if self.log else {})
        else:
            table = {self.scale: [self.low, self.high]}
        if self.when:
            table["when"] = {key: values[0] if len(values) == 1 else list(values) for key, values in self.when}
        return table | ({} if self.tier is None else {"tier": self.tier})


@dataclass(frozen=True)
class Space:
    """Dimensions, each after those that its conditions name. `UsageError`: none, one twice, or conditions in a ring."""

    dimensions: tuple[Dimension, ...]

    def __post_init__(self) -> None:
        if not self.dimensions:
            raise UsageError("search.space: is empty; name at least one key that may vary.")
        keys = [dimension.key for dimension in self.dimensions]
        for key in keys:
            if keys.count(key) > 1:
                raise UsageError(f"search.space.{key}: is there twice.")
        object.__setattr__(self, "dimensions", _in_order(self.dimensions))

    @classmethod
    def from_config(cls, tables: Mapping[str, Any]) -> Space:
        """From ``[search.space]``; keys may be dotted names or nested tables."""
        return cls(tuple(_dimension(key, table) for key, table in _flat(tables, ())))

    def to_config(self) -> dict[str, Any]:
        """The tables of an experiment file, by dotted key."""
        return {dimension.key: dimension.to_config() for dimension in self.dimensions}

    def __iter__(self) -> Iterator[Dimension]:
        return iter(self.dimensions)

    def __len__(self) -> int:
        return len(self.dimensions)

    def __getitem__(self, key: str) -> Dimension:
        return next(dimension for dimension in self.dimensions if dimension.key == key)

    def counts(self, dimension: Dimension, values: Mapping[str, Value]) -> bool:
        """Whether the dimension counts beside these values of others."""
        return all(key in values and values[key] in allowed for key, allowed in dimension.when)

    def points(self, levels: int) -> list[dict[str, Value]]:
        """A grid with so many levels of every number; dimensions that do not count are left out, no point is twice."""
        points: list[dict[str, Value]] = [{}]
        for dimension in self.dimensions:
            points = [
                wider
                for point in points
                for wider in (
                    [point | {dimension.key: value} for value in dimension.levels(levels)]
                    if self.counts(dimension, point)
                    else [point]
                )
            ]
        return points

    def probes(self) -> list[dict[str, Value]]:
        """Points to try a space out: the middle of every scale, with each end and each choice of one at a time."""
        ends = [(d.key, value) for d in self.dimensions for value in (d.levels(2) if d.is_number else d.choices)]
        return [self._middle({}), *(self._middle({key: value}) for key, value in ends)]

    def _middle(self, fixed: Mapping[str, Value]) -> dict[str, Value]:
        values: dict[str, Value] = {}
        for dimension in self.dimensions:
            if self.counts(dimension, values):
                values[dimension.key] = fixed.get(dimension.key, dimension.value_at(0.5))
        return values


def linear(key: str, low: float, high: float, **more: Any) -> Dimension:
    """Uniform from ``low`` to ``high``; ``more`` may hold ``when`` and ``tier``, as in all of these."""
    return _dimension(key, {"linear": [low, high]} | more)


def log(key: str, low: float, high: float, **more: Any) -> Dimension:
    """Uniform in log x: the scale of a learning rate."""
    return _dimension(key, {"log": [low, high]} | more)


def one_minus_log(key: str, low: float, high: float, **more: Any) -> Dimension:
    """Uniform in log(1 − x): the scale of β."""
    return _dimension(key, {"one_minus_log": [low, high]} | more)


def integer(key: str, low: int, high: int, **more: Any) -> Dimension:
    """Whole numbers from ``low`` to ``high``, both included; ``log=True`` for a logarithmic scale."""
    return _dimension(key, {"integer": [low, high]} | more)


def choice(key: str, choices: Sequence[Value], **more: Any) -> Dimension:
    """One of several values without an order."""
    return _dimension(key, {"choice": list(choices)} | more)


def _within(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)


def _flat(tables: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Dotted keys with their tables; TOML reads ``training.l2 = {…}`` as tables in tables."""
    for name, table in tables.items():
        key = ".".join((*path, name))
        if not isinstance(table, Mapping):
            raise UsageError(f"search.space.{key}: needs a table such as {{log = [1e-4, 1]}}, got {table!r}.")
        if set(table) & set(SCALES) or not all(isinstance(value, Mapping) for value in table.values()) or not table:
            yield key, table
        else:
            yield from _flat(table, (*path, name))


def _dimension(key: str, table: Mapping[str, Any]) -> Dimension:
    where = f"search.space.{key}"
    scales = [name for name in table if name in SCALES]
    others = [name for name in table if name not in (*SCALES, "when", "tier", "log")]
    if others:
        raise UsageError(f"{where}: unknown key '{others[0]}'.{nearest(others[0], [*SCALES, 'when', 'tier'])}")
    if table.keys() >= {"integer", "log"} and isinstance(table["log"], bool):
        scales.remove("log")
    if len(scales) != 1:
        raise UsageError(f"{where}: needs one scale of {', '.join(SCALES)}; got {', '.join(scales) or 'none'}.")
    scale, given = scales[0], table[scales[0]]
    if not isinstance(given, list | tuple) or (scale != "choice" and len(given) != 2):
        raise UsageError(f"{where}: {scale} needs a list {'of values' if scale == 'choice' else '[low, high]'}.")
    tier = table.get("tier")
    common: dict[str, Any] = {"when": _conditions(where, table.get("when", {})), "tier": tier}
    if scale == "choice":
        return Dimension(key, scale, choices=tuple(given), **common)
    if any(isinstance(value, bool) or not isinstance(value, int | float) for value in given):
        raise UsageError(f"{where}: {scale} needs two numbers, got {list(given)}.")
    return Dimension(key, scale, *given, log=scale == "integer" and bool(table.get("log", False)), **common)


def _conditions(where: str, when: Any) -> tuple[tuple[str, tuple[Value, ...]], ...]:
    if not isinstance(when, Mapping):
        raise UsageError(f'{where}: when needs a table such as {{"training.optimizer.type" = "adam"}}.')
    listed = {key: values if isinstance(values, list | tuple) else [values] for key, values in when.items()}
    return tuple((key, tuple(values)) for key, values in listed.items())


def _in_order(dimensions: Sequence[Dimension]) -> tuple[Dimension, ...]:
    """The dimensions, each after those that it depends on, else as given."""
    by_key = {dimension.key: dimension for dimension in dimensions}
    for dimension in dimensions:
        for key, allowed in dimension.when:
            where = f"search.space.{dimension.key}: when"
            if key not in by_key:
                raise UsageError(f"{where} names '{key}', which the space does not have.{nearest(key, by_key)}")
            other = by_key[key]
            if other.scale == "choice" and not set(allowed) & set(other.choices):
                raise UsageError(f"{where} {key} = {allowed[0]!r} never holds; its choices are {list(other.choices)}.")
    ordered: list[Dimension] = []
    rest = list(dimensions)
    while rest:
        known = {dimension.key for dimension in ordered}
        ready = [dimension for dimension in rest if all(key in known for key, _ in dimension.when)]
        if not ready:
            raise UsageError(f"search.space.{rest[0].key}: the conditions go round in a ring.")
        ordered.append(ready[0])
        rest.remove(ready[0])
    return tuple(ordered)
