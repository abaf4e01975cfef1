"""What the user may say about data and its split: plain values, checked when they are made."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from leadline.errors import UsageError, nearest
from leadline.limits import (
    SIZE,
    BrokenImages,
    Duplicates,
    ErrorRate,
    Kind,
    Normalization,
    Seed,
    Stream,
    TextEncoding,
    check_fields,
    check_value,
    is_size,
)
from leadline.measure.tasks import check_asked

Size = float | int | Literal["auto"]
KINDS: tuple[str, ...] = get_args(Kind)
NORMALIZATIONS: tuple[str, ...] = get_args(Normalization)


@dataclass(frozen=True)
class WeightedSource:
    """One of several sources; in training, each of its examples counts ``weight`` times."""

    source: Any
    weight: float = 1.0

    def __post_init__(self) -> None:
        is_number = isinstance(self.weight, int | float) and not isinstance(self.weight, bool)
        if not is_number or not 0 < self.weight < math.inf:
            raise UsageError(f"data.sources: the weight of {self.source} is {self.weight!r}; it is a number above 0.")


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
    the inferred kind of columns. ``segments`` are columns that metrics are broken down by.

    ``names`` are those of the columns of a text table (CSV) without a header line, all of them in their order.

    Several files of one distribution are a list of ``source``. ``extra`` are sources of another distribution: they
    serve for training alone (course 3, mismatched training and dev/test sets). ``sources = {target, extra}`` says
    both at once. A source may have a weight: ``{source = "web.csv", weight = 0.2}``.

    ``normalization``: ``"standardize"`` is (x − μ)/σ, ``"robust"`` (x − median)/(range of the middle half),
    ``"quantile"`` turns the distribution of each number into a normal one by its quantiles, ``"unit"`` brings values
    into [0, 1] (pixels: x/255), ``"none"`` leaves inputs and targets alone, ``"auto"`` is ``"unit"`` for images, else
    ``"standardize"``.

    ``text``: how columns of text become numbers: ``"tfidf"`` weighs words and pairs, ``"lsa"`` projects these weights
    onto a few numbers, ``"tokens"`` is the words in their order, for layers over sequences, and takes the text alone.
    ``"auto"`` is ``"lsa"`` beside other columns, ``"tokens"`` for a network that begins with an embedding, else
    ``"tfidf"``.

    ``broken``: what happens to images that cannot be read: ``"fatal"`` stops with their names, ``"skip"`` leaves
    them out with a notice. ``size`` (height, width) brings the images of a folder to one size.

    ``stream``: whether training reads from disk in every epoch, in place of memory: Parquet and Arrow tables, and
    images; "auto" does so for what would take more than half of the memory that is free.

    ``corrections`` is a file of reviewed labels (``leadline labels RUN --corrections``), laid over the data
    after the split.
    """

    source: str | tuple[WeightedSource, ...] | None = None
    extra: tuple[WeightedSource, ...] = ()
    inputs: str | None = None
    target: str | tuple[str, ...] | None = None
    names: tuple[str, ...] = ()
    task: str | None = None
    features: tuple[str, ...] | None = None
    exclude: tuple[str, ...] = ()
    types: Mapping[str, str] = field(default_factory=dict)
    normalization: Normalization = "auto"
    text: TextEncoding = "auto"
    segments: tuple[str, ...] = ()
    broken: BrokenImages = "fatal"
    size: tuple[int, int] | None = None
    stream: Stream = "auto"
    corrections: str | None = None
    dev: GivenSet | None = None
    test: GivenSet | None = None

    def described_sources(self) -> dict[str, Any]:
        """``source`` and ``extra`` as an experiment file writes them; {} where one of them is no file."""
        source = self.source
        if source is None or (isinstance(source, str) and not self.extra):
            return {} if source is None else {"source": source}
        sources = weighted_sources("data.source", source)
        if not all(isinstance(each.source, str) for each in (*sources, *self.extra)):
            return {}
        main, extra = (
            [{"source": each.source, "weight": each.weight} if each.weight != 1 else each.source for each in group]
            for group in (sources, self.extra)
        )
        return {"source": main[0] if len(main) == 1 else main} | ({"extra": extra} if extra else {})

    def __post_init__(self) -> None:
        if not isinstance(self.source, str | None):
            object.__setattr__(self, "source", weighted_sources("data.source", self.source))
        object.__setattr__(self, "extra", weighted_sources("data.extra", self.extra))
        object.__setattr__(self, "segments", _names("segments", self.segments))
        object.__setattr__(self, "names", _column_names(self.names))
        if self.size is not None:
            object.__setattr__(self, "size", _image_size(self.size))
        if self.features is not None:
            object.__setattr__(self, "features", _names("features", self.features))
        if self.target is not None and not isinstance(self.target, str):
            object.__setattr__(self, "target", _names("target", self.target))
        object.__setattr__(self, "exclude", _names("exclude", self.exclude))
        object.__setattr__(self, "types", dict(self.types))
        for name in ("dev", "test"):
            object.__setattr__(self, name, _given_set(f"data.{name}", getattr(self, name)))
        if self.task is not None:
            check_asked(self.task, "data.task")
        check_fields(self, "data", ("normalization", "text", "broken", "stream", "inputs", "corrections"))
        for column, kind in self.types.items():
            check_value(f"data.types.{column}", kind, Kind)


@dataclass(frozen=True)
class SplitSettings:
    """How examples are dealt to the sets: the keys of ``[split]`` in an experiment file.

    A size is a fraction (a float up to 1), a count (an integer), or ``"auto"`` (see `leadline.data.splitting.split`);
    0 means no such set. ``train_dev`` is held out of the training set; automatically only where training has extra
    sources. ``stratify`` keeps the share of each class equal in every set. ``seed`` fixes the draw.

    ``precision`` makes automatic dev and test sets large enough to tell a difference of so much between two error
    rates, about the ``expected_error``. ``group`` names a column: rows with one value stay on one side. ``time``
    names a column: training gets the earliest rows, test the latest. ``column`` names a column that says which set
    a row belongs to. ``file`` is a split made earlier: rows that it knows stay where they were. ``duplicates``
    across sets are reported, kept together on one side, or ignored.
    """

    train: Size = "auto"
    dev: Size = "auto"
    test: Size = "auto"
    train_dev: Size = "auto"
    stratify: bool = True
    seed: Seed = 0
    precision: ErrorRate | None = None
    expected_error: ErrorRate = 0.1
    group: str | None = None
    time: str | None = None
    column: str | None = None
    file: str | None = None
    duplicates: Duplicates = "report"

    def __post_init__(self) -> None:
        for name in ("train", "dev", "test", "train_dev"):
            if not is_size(getattr(self, name)):
                raise UsageError(f"split.{name}: got {getattr(self, name)!r}; it is {SIZE}.")
        check_fields(self, "split", ("stratify", "seed", "precision", "expected_error", "duplicates"))
        ways = [name for name in ("time", "column", "file") if getattr(self, name) is not None]
        if len(ways) > 1 or (self.group is not None and ways and ways != ["file"]):
            first, second = [*(["group"] if self.group else []), *ways][:2]
            raise UsageError(f"split: {first} and {second} exclude each other; give one of them.")
        if self.duplicates == "together" and ways:
            raise UsageError(f'split: duplicates = "together" and {ways[0]} exclude each other; give one of them.')


def _names(key: str, value: object) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, list | tuple):
        raise UsageError(f"data.{key}: got {value!r}; it is a list of column names.")
    return tuple(str(name) for name in value)


def _column_names(names: Any) -> tuple[str, ...]:
    names = tuple(name.strip() for name in _names("names", names))
    for position, name in enumerate(names):
        if not name or name in names[:position]:
            problem = f"the name {name!r} appears twice" if name else f"name {position + 1} is empty"
            raise UsageError(f"data.names: {problem}; each column needs a name of its own.")
    return names


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


def weighted_sources(key: str, value: Any) -> tuple[WeightedSource, ...]:
    """One source or a list of them, each a path, an object, or a table with ``source`` and ``weight``."""
    entries = value if isinstance(value, list | tuple) else (value,)
    return tuple(_weighted_source(key, entry) for entry in entries)


def _weighted_source(key: str, value: Any) -> WeightedSource:
    if isinstance(value, WeightedSource):
        return value
    if isinstance(value, Mapping) and "source" in value:
        unknown = [name for name in value if name not in ("source", "weight")]
        if unknown:
            raise UsageError(f"{key}: unknown key {unknown[0]!r}.{nearest(str(unknown[0]), ('source', 'weight'))}")
        return WeightedSource(**value)
    return WeightedSource(os.fspath(value) if isinstance(value, os.PathLike) else value)


def _image_size(value: Any) -> tuple[int, int]:
    sides = tuple(value) if isinstance(value, list | tuple) else (value, value)
    if len(sides) != 2 or not all(type(side) is int and 0 < side <= 8192 for side in sides):
        raise UsageError(f"data.size: got {value!r}; it is [height, width] in pixels, such as [32, 32].")
    return sides[0], sides[1]
