"""What the user may say about data and its split: plain values, checked when they are made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from leadline.errors import UsageError, nearest

Task = Literal["binary", "multiclass", "multilabel", "regression"]
Kind = Literal["number", "category", "boolean", "date", "text", "identifier"]
Normalization = Literal["auto", "standardize", "unit", "none"]
Size = float | int | Literal["auto"]

TASKS: tuple[str, ...] = (*get_args(Task), "classification")
KINDS: tuple[str, ...] = get_args(Kind)
NORMALIZATIONS: tuple[str, ...] = get_args(Normalization)


@dataclass(frozen=True)
class GivenSet:
    """A dev or test set that comes from a file (or array) of its own."""

    source: str
    inputs: str | None = None
    target: str | None = None


@dataclass(frozen=True)
class DataSettings:
    """Where the data is and how to understand it: the keys of ``[data]`` in an experiment file.

    ``inputs`` and ``target`` name a column of a table, or an array of an ``.npz`` or HDF5 file; ``target``
    may also be the path of a file of labels, or a list of columns. ``task`` is inferred when None;
    ``"classification"`` stands for binary or multiclass, whichever the classes ask for. ``types`` overrules
    the inferred kind of columns.

    ``normalization``: ``"standardize"`` is (x − μ)/σ, ``"unit"`` brings values into [0, 1] (pixels: x/255),
    ``"none"`` leaves inputs and targets alone, ``"auto"`` is ``"unit"`` for images, else ``"standardize"``.
    """

    source: str | None = None
    inputs: str | None = None
    target: str | tuple[str, ...] | None = None
    task: str | None = None
    features: tuple[str, ...] | None = None
    exclude: tuple[str, ...] = ()
    types: Mapping[str, str] = field(default_factory=dict)
    normalization: str = "auto"
    dev: GivenSet | None = None
    test: GivenSet | None = None

    def __post_init__(self) -> None:
        if self.features is not None:
            object.__setattr__(self, "features", _names("features", self.features))
        if self.target is not None and not isinstance(self.target, str):
            object.__setattr__(self, "target", _names("target", self.target))
        object.__setattr__(self, "exclude", _names("exclude", self.exclude))
        object.__setattr__(self, "types", dict(self.types))
        for name in ("dev", "test"):
            object.__setattr__(self, name, _given_set(f"data.{name}", getattr(self, name)))
        if self.task is not None:
            _one_of("task", self.task, TASKS)
        _one_of("normalization", self.normalization, NORMALIZATIONS)
        for column, kind in self.types.items():
            _one_of(f"types.{column}", kind, KINDS)


@dataclass(frozen=True)
class SplitSettings:
    """How examples are dealt to the sets: the keys of ``[split]`` in an experiment file.

    A size is a fraction (a float up to 1), a count (an integer), or ``"auto"`` (see `leadline.data.split`);
    0 means no such set. ``train_dev`` is held out of the training set. ``stratify`` keeps the share of each
    class equal in every set. ``seed`` fixes the draw.
    """

    train: Size = "auto"
    dev: Size = "auto"
    test: Size = "auto"
    train_dev: Size = 0
    stratify: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("train", "dev", "test", "train_dev"):
            _check_size(name, getattr(self, name), auto=name != "train_dev")
        if not isinstance(self.stratify, bool):
            raise UsageError(f"split.stratify: got {self.stratify!r}; it is true or false.")
        if isinstance(self.seed, bool) or not isinstance(self.seed, int) or self.seed < 0:
            raise UsageError(f"split.seed: got {self.seed!r}; it is a whole number from 0 up.")


def _one_of(key: str, value: object, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise UsageError(f"data.{key}: got {value!r}.{nearest(str(value), allowed)}")


def _names(key: str, value: object) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, list | tuple):
        raise UsageError(f"data.{key}: got {value!r}; it is a list of column names.")
    return tuple(str(name) for name in value)


def _given_set(key: str, value: Any) -> GivenSet | None:
    if value is None or isinstance(value, GivenSet):
        return value
    if isinstance(value, Mapping):
        allowed = ("source", "inputs", "target")
        unknown = [name for name in value if name not in allowed]
        if unknown:
            raise UsageError(f"{key}: unknown key {unknown[0]!r}.{nearest(str(unknown[0]), allowed)}")
        if "source" not in value:
            raise UsageError(f"{key}: the key 'source' is missing; it names the file.")
        return GivenSet(**value)
    return GivenSet(source=str(value))


def _check_size(name: str, size: object, auto: bool) -> None:
    if size == "auto" and auto:
        return
    if isinstance(size, int | float) and not isinstance(size, bool) and size >= 0:
        if float(size).is_integer() or size < 1:
            return
        raise UsageError(f"split.{name}: got {size!r}; a count is whole and a fraction is at most 1.")
    allowed = "a fraction such as 0.2, a count such as 500, 0 for none" + (', or "auto"' if auto else "")
    raise UsageError(f"split.{name}: got {size!r}; it is {allowed}.")
