"""The kinds of things that can be added, and the base that registers a class where it is defined."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from leadline.errors import UsageError, nearest
from leadline.extensions.loading import loaded
from leadline.extensions.registries import Origin, Registry


class Extension:
    """What the bases of all kinds have in common: to define a class of a kind is to register it under its name.

    ``class Loss(Extension, kind="loss")`` is the base of a kind; ``abstract=True`` is for a class in between, which has
    no name of its own.
    """

    registry: ClassVar[Registry[Any]]

    def __init_subclass__(cls, kind: str | None = None, abstract: bool = False, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        if kind is not None:
            cls.registry = registry(kind)
        elif not abstract:
            cls.registry.define(cls)

    @classmethod
    def registered_name(cls) -> str:
        """What files and commands call it: the ``name`` that the class itself gives, else its own in snake case."""
        if not isinstance(cls.__dict__.get("name"), str):
            cls.name = snake_case(cls.__name__)  # type: ignore[attr-defined]
        return cls.name  # type: ignore[attr-defined]


def snake_case(name: str) -> str:
    """A class's name as files write it: ``MaxPool`` is "max_pool"."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


Registered = TypeVar("Registered", bound=Extension)


def register(value: Registered) -> Registered:
    """Enter a value, such as a metric or an architecture, under its ``name``; classes need no more than be defined.

    Raises `UsageError` for a value that is of no kind, or whose name another has.
    """
    if not isinstance(value, Extension) or not type(value).registry.instances:
        raise UsageError(f"register: got {value!r}; it takes values that have a name, such as metrics.")
    name = value.name  # type: ignore[attr-defined]  # every kind of value has one
    type(value).registry.add(name, value, Origin(sys._getframe(1).f_globals.get("__name__", "?"), f"'{name}'"))
    return value


def modules_of(values: Iterable[object]) -> tuple[str, ...]:
    """How ``[extensions] modules`` names the modules in which the classes of these values are defined.

    What comes with Leadline needs none; what a program defines itself, or inside a function, no other can load.
    """
    names: dict[str, None] = {}
    for cls in [type(value) for value in values if isinstance(value, Extension)]:
        if Origin(cls.__module__, "").is_own or cls.__module__ == "__main__" or "<locals>" in cls.__qualname__:
            continue
        module = sys.modules.get(cls.__module__)
        path = Path(getattr(module, "__file__", None) or "")
        names[str(path) if path in loaded.files else cls.__module__] = None
    return tuple(names)


# --- the kinds ----------------------------------------------------------------------------------------------

_KINDS: dict[str, Registry[Any]] = {
    each.kind: each
    for each in (
        Registry("layer", ["leadline.network"], label="layer type"),
        Registry("activation", ["leadline.equations.activations"], instances=True),
        Registry("loss", ["leadline.equations.losses"], instances=True),
        Registry(
            "optimizer",
            ["leadline.optimize"],
            builtin=("gradient_descent", "momentum", "nesterov", "rmsprop", "adam", "adamw"),
        ),
        Registry("schedule", ["leadline.optimize"]),
        Registry(
            "task",
            ["leadline.measure.tasks"],
            instances=True,
            builtin=("binary", "multiclass", "multilabel", "regression"),
        ),
        Registry("metric", ["leadline.measure.builtin_metrics"], instances=True),
        Registry("architecture", ["leadline.architectures"], instances=True),
        Registry("file format", ["leadline.data.sources.formats"], instances=True),
        Registry(
            "sampler",
            ["leadline.search.samplers"],
            instances=True,
            builtin=("random", "quasi-random", "grid", "coarse-to-fine", "tpe"),
        ),
        Registry(
            "remedy",
            [
                f"leadline.strategy.remedies.{part}"
                for part in ("optimization", "capacity", "regularization", "examples")
            ],
            instances=True,
        ),
    )
}
"""All kinds, in the order in which ``leadline extensions`` lists them."""


def registry(kind: str) -> Registry[Any]:
    """The registry of a kind. `UsageError`: there is no such kind."""
    if kind not in _KINDS:
        raise UsageError(f"unknown kind '{kind}'.{nearest(kind, _KINDS)}")
    return _KINDS[kind]


def kinds() -> tuple[str, ...]:
    """All kinds of things that can be added."""
    return tuple(_KINDS)


@contextmanager
def restored() -> Iterator[None]:
    """What is registered meanwhile, of any kind, is removed afterwards: for tests, and programs that try things."""
    files, managers = dict(loaded.files), [each.restored() for each in _KINDS.values()]
    for manager in managers:
        manager.__enter__()
    try:
        yield
    finally:
        for manager in managers:
            manager.__exit__(None, None, None)
        loaded.files = files
