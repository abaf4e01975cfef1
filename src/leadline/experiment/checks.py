"""Values of an experiment's keys for which a type says too little: what they may be, and their short forms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

from leadline.extensions import registry
from leadline.limits import SIZE, Span, is_number, is_size


def size(value: object) -> object:
    """A set's size: a fraction, a count, or "auto"."""
    if is_size(value):
        return value
    raise PydanticCustomError("size", "{words}", {"words": SIZE})


def batch_size(value: object) -> object:
    """How many examples make a step: a count, or "full"."""
    if value is None or value == "full" or (type(value) is int and value >= 1):
        return value
    raise PydanticCustomError("batch_size", 'a whole number of at least 1, or "full"')


def freeze(value: object) -> object:
    """How many of the first layers keep their parameters: a count, "all", "none" or "auto"."""
    if value in (None, "all", "none", "auto") or (type(value) is int and value >= 0):
        return value
    raise PydanticCustomError("freeze", '"all", "none", "auto", or how many of the first layers')


def check_task(name: str | None, key: str) -> None:
    """`leadline.errors.UsageError`, beginning with ``key``: there is no task of this name."""
    if name is not None and name not in registry("task").builtin:
        from leadline.measure.tasks import check_asked

        check_asked(name, key)


def typed_table(value: object) -> object:
    """``"adam"`` is short for ``{type = "adam"}``."""
    if value is None:
        return value
    if isinstance(value, str):
        return {"type": value}
    if isinstance(value, Mapping) and isinstance(value.get("type"), str):
        return dict(value)
    raise PydanticCustomError("typed_table", 'a name such as "adam", or a table such as {type = "adam"}')


def layers(value: object) -> object:
    """The layers: a list of tables, each with its type."""
    if value is None:
        return value
    if not isinstance(value, list | tuple) or not value:
        raise PydanticCustomError("layers", 'a list of tables such as {type = "dense", units = 64}')
    for index, layer in enumerate(value):
        if not isinstance(layer, Mapping) or not isinstance(layer.get("type"), str):
            raise PydanticCustomError(
                "layers", "a list of tables, each with its type; layer {index} has none", {"index": index}
            )
    return tuple(dict(layer) for layer in value)


def target(value: object) -> object:
    """The column of the target, or several of them."""
    if isinstance(value, list | tuple) and value and all(isinstance(name, str) for name in value):
        return tuple(value)
    if value is None or isinstance(value, str):
        return value
    raise PydanticCustomError("target", "a name in quotes, or a list of names for several labels")


def sources(value: object) -> object:
    """One source, or several of one distribution, each a path or a table with its weight."""
    if isinstance(value, list | tuple):
        return tuple(_one_source(entry) for entry in value)
    return _one_source(value)


def extra_sources(value: object) -> object:
    """Sources of other distributions: always several."""
    return sources(value if isinstance(value, list | tuple) else [value])


def _one_source(value: object) -> object:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, Mapping) and isinstance(value.get("source"), str) and {*value} <= {"source", "weight"}:
        return dict(value)
    raise PydanticCustomError("source", 'a path in quotes, or a table such as {source = "web.csv", weight = 0.2}')


def early_stopping(value: object) -> object:
    """``true`` is the default patience, ``false`` never stops early."""
    if isinstance(value, bool):
        return {} if value else {"patience": 0}
    return value


def threshold(value: object) -> object:
    """A probability between 0 and 1, or "optimize"."""
    if value is None or value == "optimize" or (is_number(value) and 0 < value < 1):  # type: ignore[operator]
        return value
    raise PydanticCustomError("threshold", 'a probability between 0 and 1, or "optimize"')


def class_weights(value: object) -> object:
    """How much examples of each class count: "balanced", or weights by the names of classes."""
    if value is None or value == "balanced":
        return value
    if isinstance(value, Mapping) and value and all(is_number(weight) and weight > 0 for weight in value.values()):
        return {str(name): float(weight) for name, weight in value.items()}
    raise PydanticCustomError(
        "class_weights", '"balanced", or a table of weights greater than 0 by class, such as {sick = 5, healthy = 1}'
    )


def within(span: Span) -> BeforeValidator:
    """A range of random draws."""

    def check(value: Any) -> Any:
        read = None if value is None else span.read(value)
        if value is None or read is not None:
            return read
        raise PydanticCustomError("range", "{words}", {"words": span.words})

    return BeforeValidator(check)
