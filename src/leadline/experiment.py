"""One experiment as a validated value: what the file, the command line and Python all build.

An `Experiment` has seven parts with the names and keys of an experiment file (TOML): ``[data]``, ``[split]``,
``[network]``, ``[training]``, ``[augment]``, ``[goal]`` and ``[search]``. A key that is not given is ``None`` here and
is filled from the data when the experiment is resolved (`leadline.session.defaults.resolve`); a resolved experiment
repeats its run.
"""

from __future__ import annotations

import math
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from leadline.errors import LeadlineError, UsageError, nearest
from leadline.toml_text import toml_text, toml_value

Tables = tuple[dict[str, Any], ...]
# The same names as in `leadline.data.settings` (a test compares them), which would cost the start of every command.
Task = Literal["binary", "multiclass", "multilabel", "regression", "classification"]
Kind = Literal["number", "category", "boolean", "date", "text", "identifier"]
Normalization = Literal["auto", "standardize", "quantile", "unit", "none"]
Duplicates = Literal["report", "together", "ignore"]


def _size(value: object) -> object:
    """A set's size: a fraction, a count, or "auto"."""
    if value == "auto" or (type(value) is int and value >= 0) or (type(value) is float and 0 <= value <= 1):
        return value
    raise PydanticCustomError("size", 'a fraction from 0 to 1, a whole number of examples, or "auto"')


def _batch_size(value: object) -> object:
    if value is None or value == "full" or (type(value) is int and value >= 1):
        return value
    raise PydanticCustomError("batch_size", 'a whole number of at least 1, or "full"')


def _freeze(value: object) -> object:
    if value in (None, "all", "none", "auto") or (type(value) is int and value >= 0):
        return value
    raise PydanticCustomError("freeze", '"all", "none", "auto", or how many of the first layers')


def _typed_table(value: object) -> object:
    """``"adam"`` is short for ``{type = "adam"}``."""
    if value is None:
        return value
    if isinstance(value, str):
        return {"type": value}
    if isinstance(value, Mapping) and isinstance(value.get("type"), str):
        return dict(value)
    raise PydanticCustomError("typed_table", 'a name such as "adam", or a table such as {type = "adam"}')


def _layers(value: object) -> object:
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


def _target(value: object) -> object:
    if isinstance(value, list | tuple) and value and all(isinstance(name, str) for name in value):
        return tuple(value)
    if value is None or isinstance(value, str):
        return value
    raise PydanticCustomError("target", "a name in quotes, or a list of names for several labels")


def _sources(value: object) -> object:
    """One source, or several of one distribution, each a path or a table with its weight."""
    if isinstance(value, list | tuple):
        return tuple(_one_source(entry) for entry in value)
    return _one_source(value)


def _extra_sources(value: object) -> object:
    return _sources(value if isinstance(value, list | tuple) else [value])


def _one_source(value: object) -> object:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, Mapping) and isinstance(value.get("source"), str) and {*value} <= {"source", "weight"}:
        return dict(value)
    raise PydanticCustomError("source", 'a path in quotes, or a table such as {source = "web.csv", weight = 0.2}')


def _early_stopping(value: object) -> object:
    """``true`` is the default patience, ``false`` never stops early."""
    if isinstance(value, bool):
        return {} if value else {"patience": 0}
    return value


def _within(low: float, high: float, around: float) -> BeforeValidator:
    """A range of random draws: [low, high], or a number b for ``around`` − b to ``around`` + b."""

    def check(value: Any) -> Any:
        span = min(around - low, high - around)
        if value is None or (_is_number(value) and 0 <= value <= span):
            return value
        if isinstance(value, list | tuple) and len(value) == 2 and all(_is_number(end) for end in value):
            ends = float(value[0]), float(value[1])
            if low <= ends[0] <= ends[1] <= high:
                return ends
        allowed = {"span": f"{span:g}", "low": f"{low:g}", "high": f"{high:g}"}
        raise PydanticCustomError(
            "range", "a number from 0 to {span}, or [low, high] between {low} and {high}", allowed
        )

    return BeforeValidator(check)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


class Section(BaseModel):
    """Common to all parts: frozen, no unknown keys, no silent conversion of types."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


Names = Annotated[tuple[str, ...], Field(strict=False)]


class SourceSection(Section):
    """A set that comes from a file of its own: ``[data.dev]`` or ``[data.test]``."""

    source: str
    inputs: str | None = None
    target: str | None = None


class DataSection(Section):
    """``[data]``: where the examples come from and what is predicted from what."""

    source: Annotated[Any, BeforeValidator(_sources)] = None
    extra: Annotated[Any, BeforeValidator(_extra_sources)] = ()
    inputs: str | None = None
    target: Annotated[str | tuple[str, ...] | None, BeforeValidator(_target)] = None
    task: Task | None = None
    features: Names | None = None
    exclude: Names = ()
    types: dict[str, Kind] = {}
    normalization: Normalization = "auto"
    segments: Names = ()
    broken: Literal["fatal", "skip"] = "fatal"
    size: Annotated[tuple[int, int] | None, Field(strict=False)] = None
    stream: bool | Literal["auto"] = "auto"
    corrections: str | None = None
    dev: SourceSection | None = None
    test: SourceSection | None = None

    @model_validator(mode="before")
    @classmethod
    def _target_and_extra(cls, values: Any) -> Any:
        """``sources = {target, extra}`` is another way to write ``source`` and ``extra``."""
        if not isinstance(values, Mapping) or "sources" not in values:
            return values
        sources = values["sources"]
        if not isinstance(sources, Mapping) or "target" not in sources or {*sources} - {"target", "extra"}:
            raise PydanticCustomError("sources", "sources is a table with the keys target and extra")
        if "source" in values or "extra" in values:
            raise PydanticCustomError("sources", "sources takes the place of source and extra; give one or the other")
        rest = {key: value for key, value in values.items() if key != "sources"}
        return rest | {"source": sources["target"], "extra": sources.get("extra", ())}


class SplitSection(Section):
    """``[split]``: the sizes of the sets, as fractions, counts or "auto"."""

    train: Annotated[Any, BeforeValidator(_size)] = "auto"
    dev: Annotated[Any, BeforeValidator(_size)] = "auto"
    test: Annotated[Any, BeforeValidator(_size)] = "auto"
    train_dev: Annotated[Any, BeforeValidator(_size)] = "auto"
    stratify: bool = True
    seed: int = Field(default=0, ge=0, lt=2**32)
    precision: float | None = Field(default=None, gt=0, lt=0.5)
    expected_error: float = Field(default=0.1, gt=0, lt=0.5)
    group: str | None = None
    time: str | None = None
    column: str | None = None
    file: str | None = None
    duplicates: Duplicates = "report"


class NetworkSection(Section):
    """``[network]``: the layers, the output layer included, and how their weights start.

    ``architecture`` names a well-known network in place of layers. ``modules`` are Python files with layers of the
    user's own.

    ``from`` is a run whose network is taken over, or a file (or https address) with published weights of the
    ``architecture``; ``checksum`` begins the SHA-256 of its weights. Its output layer is replaced by ``head``, and the
    first layers, as many as ``freeze`` says, stay as they are.
    """

    architecture: str | None = None
    from_: str | None = Field(default=None, alias="from")
    checksum: str | None = None
    freeze: Annotated[int | str | None, BeforeValidator(_freeze)] = None
    head: Annotated[Tables | None, BeforeValidator(_layers)] = None
    layers: Annotated[Tables | None, BeforeValidator(_layers)] = None
    modules: Names = ()
    initializer: Literal["auto", "zeros", "normal", "xavier", "he"] = "auto"
    gain: float = Field(default=1.0, gt=0)
    generator: Literal["torch", "numpy"] = "torch"


class EarlyStopping(Section):
    """``early_stopping``: stop `patience` epochs after the best one (0: never) and go back to that one."""

    patience: int = Field(default=10, ge=0)
    monitor: Literal["dev_error", "dev_cost"] = "dev_error"
    min_improvement: float = Field(default=0.0, ge=0)


class TrainingSection(Section):
    """``[training]``: how the cost is minimized."""

    epochs: int | None = Field(default=None, ge=1)
    batch_size: Annotated[Any, BeforeValidator(_batch_size)] = None
    optimizer: Annotated[dict[str, Any] | None, BeforeValidator(_typed_table)] = None
    learning_rate: float | None = Field(default=None, gt=0)
    schedule: Annotated[dict[str, Any] | None, BeforeValidator(_typed_table)] = None
    l2: float | None = Field(default=None, ge=0)
    l1: float | None = Field(default=None, ge=0)
    clip_norm: float | None = Field(default=None, gt=0)
    early_stopping: Annotated[EarlyStopping | None, BeforeValidator(_early_stopping)] = None
    precision: Literal["float32", "float64"] = "float32"
    gradient_tolerance: float | None = Field(default=None, gt=0)
    seed: int = Field(default=0, ge=0, lt=2**32)
    device: str = "auto"


Factor = Annotated[Any, _within(0.0, 10.0, 1.0)]


class ElasticTable(Section):
    """``elastic``: noise smoothed by a Gaussian of sigma pixels, times alpha."""

    alpha: float = Field(gt=0, le=1000)
    sigma: float = Field(gt=0, le=1000)


class AugmentSection(Section):
    """``[augment]``: how training images are varied at random, anew in every epoch; see `leadline.Augmentation`."""

    crop: int | None = Field(default=None, ge=0)
    flip: Literal["horizontal", "vertical", "both"] | None = None
    rotation: Annotated[Any, _within(-180.0, 180.0, 0.0)] = None
    zoom: Annotated[Any, _within(0.1, 10.0, 1.0)] = None
    shear: Annotated[Any, _within(-60.0, 60.0, 0.0)] = None
    translation: float | None = Field(default=None, ge=0, le=1)
    elastic: ElasticTable | None = None
    brightness: Factor = None
    contrast: Factor = None
    saturation: Factor = None
    hue: float | None = Field(default=None, ge=0, le=0.5)
    pca_colour: float | None = Field(default=None, ge=0, le=1)
    padding: Literal["edge", "reflect", "mean", "zero"] | None = None


class GoalSection(Section):
    """``[goal]``: the metric to optimize and the error of a human, as a fraction or in the target's units."""

    optimizing: str | None = None
    human_error: float | None = Field(default=None, ge=0)


class SearchSection(Section):
    """``[search]``: how ``leadline search`` looks for hyper-parameters; training itself leaves it alone.

    ``space`` is described in `leadline.search.spaces`; without it the space is that of the first ``tiers`` tiers.
    """

    trials: int | None = Field(default=None, ge=1)
    sampler: Literal["random", "quasi-random", "grid", "coarse-to-fine", "tpe"] | None = None
    seed: int | None = Field(default=None, ge=0, lt=2**32)
    tiers: int | None = Field(default=None, ge=1, le=3)
    pruning: bool | None = None
    budget: float | str | None = None
    finalists: int | None = Field(default=None, ge=0)
    seeds: int | None = Field(default=None, ge=2)
    space: dict[str, Any] = {}


class Experiment(Section):
    """One experiment; compare, print, `replace` and save it.

    `from_dict`, `from_toml` and `replace` raise `leadline.errors.UsageError`: one line with the key, what was
    got and what is allowed.
    """

    data: DataSection = DataSection()
    split: SplitSection = SplitSection()
    network: NetworkSection = NetworkSection()
    training: TrainingSection = TrainingSection()
    augment: AugmentSection = AugmentSection()
    goal: GoalSection = GoalSection()
    search: SearchSection = SearchSection()

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], where: str = "") -> Self:
        """Validate nested dictionaries with the keys of a file; `where` begins the line of an error."""
        try:
            return cls.model_validate(dict(values))
        except ValidationError as error:
            raise UsageError((f"{where}: " if where else "") + _one_line(error)) from None

    @classmethod
    def from_toml(cls, path: str | os.PathLike[str]) -> Self:
        """Read an experiment file. A relative source is looked for beside the file, then where you are."""
        path = Path(path)
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise LeadlineError(f"{path}: no such file.{_near(path)}") from None
        except OSError as error:
            raise LeadlineError(f"{path} cannot be read: {error.strerror}.") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise UsageError(f"{path}: not a TOML file: {error}") from None
        return cls.from_dict(values, where=path.name)._beside(path.parent)

    def to_dict(self) -> dict[str, Any]:
        """The keys that are set, nested as in a file; `from_dict` gives the same experiment back."""
        sections = self.model_dump(exclude_none=True, by_alias=True)
        set_keys = {
            name: {key: value for key, value in section.items() if value not in ((), {})}
            for name, section in sections.items()
        }
        return {name: section for name, section in set_keys.items() if section}

    def to_toml(self) -> str:
        """The text of an experiment file; `from_toml` gives the same experiment back."""
        return toml_text(self.to_dict())

    def replace(self, changes: Mapping[str, Any]) -> Self:
        """A copy with some keys changed; names are dotted: ``{"training.epochs": 50}``. ``None`` unsets."""
        values = self.to_dict()
        for dotted, value in changes.items():
            *parents, last = dotted.split(".")
            table = values
            for parent in parents:
                table = table.setdefault(parent, {})
            table[last] = value
        return self.from_dict(values)

    def _beside(self, folder: Path) -> Self:
        """Files that lie beside the experiment file become paths from where you are."""
        changes: dict[str, Any] = {}
        sections = {"data": self.data, "data.dev": self.data.dev, "data.test": self.data.test}
        for name, section in sections.items():
            for key in ("source", "target", "corrections"):  # a target may be a file of labels
                given = getattr(section, key, None)
                if not isinstance(given, str):
                    continue
                path = folder / given
                if path.is_file() or (key == "source" and path.is_dir()):
                    changes[f"{name}.{key}"] = _from_here(folder / given)
        for key in ("source", "extra"):
            given = getattr(self.data, key)
            if isinstance(given, tuple) and given:
                changes[f"data.{key}"] = [_source_beside(entry, folder) for entry in given]
        if self.split.file is not None and (folder / self.split.file).is_file():
            changes["split.file"] = _from_here(folder / self.split.file)
        weights = self.network.from_
        if weights is not None and "://" not in weights and (folder / weights).exists():
            changes["network.from"] = _from_here(folder / weights)
        modules = [_from_here(folder / name) if (folder / name).is_file() else name for name in self.network.modules]
        if modules:
            changes["network.modules"] = modules
        return self.replace(changes) if changes else self


def _source_beside(entry: str | dict[str, Any], folder: Path) -> str | dict[str, Any]:
    if isinstance(entry, dict):
        return entry | {"source": _source_beside(entry["source"], folder)}
    return _from_here(folder / entry) if (folder / entry).exists() else entry


def _near(path: Path) -> str:
    """A hint at experiment files of a similar name in the same folder."""
    if not path.parent.is_dir():
        return f" The folder {path.parent} does not exist."
    hint = nearest(path.name, [file.name for file in path.parent.glob("*.toml")])
    return hint if "Did you mean" in hint else ""


def _from_here(path: Path) -> str:
    """The path as one would write it here: relative where the file is below, else absolute."""
    path, here = path.resolve(), Path.cwd().resolve()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


# --- what went wrong, in one line ---------------------------------------------------------------------------

_KINDS = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "string_type": "text in quotes",
    "dict_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
    "tuple_type": "a list",
    "finite_number": "a finite number",
}
_LIMITS = {
    "greater_than": ("gt", "greater than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}


def _one_line(error: ValidationError) -> str:
    """The first of pydantic's errors in the user's terms: key, got, allowed, nearest valid name."""
    details = error.errors(include_url=False)
    # An unknown key is the likeliest cause of everything else (a missing key, for one): it goes first.
    details.sort(key=lambda detail: detail["type"] != "extra_forbidden")
    first = details[0]
    location = list(first["loc"])
    others = {detail["loc"] for detail in details} - {first["loc"]}
    more = f" ({len(others)} more to mend.)" if others else ""
    return f"{'.'.join(map(str, location))}: {_complaint(first, location)}{more}"


def _complaint(detail: Any, location: list[int | str]) -> str:
    kind, got = detail["type"], detail["input"]
    if kind == "extra_forbidden":
        return f"unknown key.{nearest(str(location[-1]), _keys_at(location[:-1]))}"
    if kind == "missing":
        return "this key is needed here."
    shown = f"got {_shown(got)}, "
    if kind == "literal_error":
        allowed = [part.strip(" '") for part in detail["ctx"]["expected"].replace(" or ", ", ").split(",")]
        names = ", ".join(f'"{name}"' for name in allowed)
        hint = nearest(got, allowed) if isinstance(got, str) else ""
        return f"{shown}allowed: {names}.{hint if 'Did you mean' in hint else ''}"
    if kind in _LIMITS:
        bound, words = _LIMITS[kind]
        return f"{shown}needs to be {words} {detail['ctx'][bound]:g}."
    return f"{shown}needs {_KINDS.get(kind, detail['msg'])}."


def _keys_at(location: list[int | str]) -> list[str]:
    """The valid keys of the table at this place of the experiment."""
    model: type[BaseModel] = Experiment
    for part in location:
        annotation = model.model_fields[str(part)].annotation
        candidates = [annotation, *getattr(annotation, "__args__", ())]
        model = next(c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel))
    return [field.alias or name for name, field in model.model_fields.items()]


def _shown(value: object) -> str:
    text = toml_value(value) if isinstance(value, str | int | float | list | dict) else repr(value)
    return text if len(text) <= 60 else text[:57] + "…"
