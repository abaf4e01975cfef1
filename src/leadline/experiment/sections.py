"""The parts of an experiment: one model for each table of an experiment file, with its keys, defaults and limits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from leadline.experiment import checks

Tables = tuple[dict[str, Any], ...]
# The same names as in `leadline.data.settings` (a test compares them), which would cost the start of every command.
Kind = Literal["number", "category", "boolean", "date", "text", "identifier"]
Normalization = Literal["auto", "standardize", "robust", "quantile", "unit", "none"]
Duplicates = Literal["report", "together", "ignore"]


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

    source: Annotated[Any, BeforeValidator(checks.sources)] = None
    extra: Annotated[Any, BeforeValidator(checks.extra_sources)] = ()
    inputs: str | None = None
    target: Annotated[str | tuple[str, ...] | None, BeforeValidator(checks.target)] = None
    task: str | None = None
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

    train: Annotated[Any, BeforeValidator(checks.size)] = "auto"
    dev: Annotated[Any, BeforeValidator(checks.size)] = "auto"
    test: Annotated[Any, BeforeValidator(checks.size)] = "auto"
    train_dev: Annotated[Any, BeforeValidator(checks.size)] = "auto"
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

    With ``members`` above 1 the network is an ensemble of so many networks of these layers, which train as one
    population and predict by their mean. ``architecture`` names a well-known network in place of layers. ``modules``
    is another name for those of ``[extensions]``.

    ``from`` is a run whose network is taken over, or a file (or https address) with published weights of the
    ``architecture``; ``checksum`` begins the SHA-256 of its weights. Its output layer is replaced by ``head``, and the
    first layers, as many as ``freeze`` says, stay as they are.
    """

    architecture: str | None = None
    from_: str | None = Field(default=None, alias="from")
    checksum: str | None = None
    freeze: Annotated[int | str | None, BeforeValidator(checks.freeze)] = None
    head: Annotated[Tables | None, BeforeValidator(checks.layers)] = None
    layers: Annotated[Tables | None, BeforeValidator(checks.layers)] = None
    members: int | None = Field(default=None, ge=1, le=1000)
    modules: Names = ()
    initializer: Literal["auto", "zeros", "normal", "xavier", "he"] = "auto"
    gain: float = Field(default=1.0, gt=0)
    generator: Literal["torch", "numpy"] = "torch"


class ExtensionsSection(Section):
    """``[extensions]``: Python files (beside the experiment file), or modules, with things of the user's own.

    What they define (layers, losses, metrics, …) is known by name in the rest of the file; see `leadline.extensions`.
    """

    modules: Names = ()


class EarlyStopping(Section):
    """``early_stopping``: stop `patience` epochs after the best one (0: never) and go back to that one.

    The best one is that of the metric to optimize on the dev set ("goal"), or of its error or cost.
    """

    patience: int = Field(default=10, ge=0)
    monitor: Literal["goal", "dev_error", "dev_cost"] = "goal"
    min_improvement: float = Field(default=0.0, ge=0)


class TrainingSection(Section):
    """``[training]``: how the cost is minimized."""

    epochs: int | None = Field(default=None, ge=1)
    batch_size: Annotated[Any, BeforeValidator(checks.batch_size)] = None
    optimizer: Annotated[dict[str, Any] | None, BeforeValidator(checks.typed_table)] = None
    learning_rate: float | None = Field(default=None, gt=0)
    schedule: Annotated[dict[str, Any] | None, BeforeValidator(checks.typed_table)] = None
    loss: str | None = None
    l2: float | None = Field(default=None, ge=0)
    l1: float | None = Field(default=None, ge=0)
    clip_norm: float | None = Field(default=None, gt=0)
    label_smoothing: float | None = Field(default=None, ge=0, lt=1)
    label_smoothing_schedule: Annotated[dict[str, Any] | None, BeforeValidator(checks.typed_table)] = None
    dropout_schedule: Annotated[dict[str, Any] | None, BeforeValidator(checks.typed_table)] = None
    early_stopping: Annotated[EarlyStopping | None, BeforeValidator(checks.early_stopping)] = None
    precision: Literal["float32", "float64"] = "float32"
    gradient_tolerance: float | None = Field(default=None, gt=0)
    seed: int = Field(default=0, ge=0, lt=2**32)
    device: str = "auto"


Factor = Annotated[Any, checks.within(0.0, 10.0, 1.0)]


class ElasticTable(Section):
    """``elastic``: noise smoothed by a Gaussian of sigma pixels, times alpha."""

    alpha: float = Field(gt=0, le=1000)
    sigma: float = Field(gt=0, le=1000)


class AugmentSection(Section):
    """``[augment]``: how training images are varied at random, anew in every epoch; see `leadline.Augmentation`."""

    crop: int | None = Field(default=None, ge=0)
    flip: Literal["horizontal", "vertical", "both"] | None = None
    rotation: Annotated[Any, checks.within(-180.0, 180.0, 0.0)] = None
    zoom: Annotated[Any, checks.within(0.1, 10.0, 1.0)] = None
    shear: Annotated[Any, checks.within(-60.0, 60.0, 0.0)] = None
    translation: float | None = Field(default=None, ge=0, le=1)
    elastic: ElasticTable | None = None
    brightness: Factor = None
    contrast: Factor = None
    saturation: Factor = None
    hue: float | None = Field(default=None, ge=0, le=0.5)
    pca_colour: float | None = Field(default=None, ge=0, le=1)
    padding: Literal["edge", "reflect", "mean", "zero"] | None = None


class CostTable(Section):
    """One kind of error and what it costs, in any unit; an error of a kind that is not named costs 1."""

    actual: str
    predicted: str
    cost: float = Field(ge=0)


class GoalSection(Section):
    """``[goal]``: the metric to optimize and the error of a human, as a fraction or in the metric's units.

    ``costs`` define the metric "cost", and ``seconds_per_example``, which a detector listens for each example,
    the metric "false_alarms_per_day".
    """

    optimizing: str | None = None
    human_error: float | None = Field(default=None, ge=0)
    costs: Annotated[tuple[CostTable, ...], Field(strict=False)] = ()
    seconds_per_example: float | None = Field(default=None, gt=0)


class SearchSection(Section):
    """``[search]``: how ``leadline search`` looks for hyper-parameters; training itself leaves it alone.

    ``sampler`` is one of those that come along or of the user's own. ``space`` is described in
    `leadline.search.spaces`; without it the space is that of the first ``tiers`` tiers.
    """

    trials: int | None = Field(default=None, ge=1)
    sampler: str | None = None
    seed: int | None = Field(default=None, ge=0, lt=2**32)
    tiers: int | None = Field(default=None, ge=1, le=3)
    pruning: bool | None = None
    budget: float | str | None = None
    finalists: int | None = Field(default=None, ge=0)
    seeds: int | None = Field(default=None, ge=2)
    space: dict[str, Any] = {}
