"""The parts of an experiment: one model for each table of an experiment file, with its keys, defaults and limits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from leadline import limits
from leadline.experiment import checks

Tables = tuple[dict[str, Any], ...]


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
    names: Names = ()
    task: str | None = None
    features: Names | None = None
    exclude: Names = ()
    types: dict[str, limits.Kind] = {}
    normalization: limits.Normalization = "auto"
    text: limits.TextEncoding = "auto"
    segments: Names = ()
    broken: limits.BrokenImages = "fatal"
    size: Annotated[tuple[int, int] | None, Field(strict=False)] = None
    stream: limits.Stream = "auto"
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
    seed: limits.Seed = 0
    precision: limits.ErrorRate | None = None
    expected_error: limits.ErrorRate = 0.1
    group: str | None = None
    time: str | None = None
    column: str | None = None
    file: str | None = None
    duplicates: limits.Duplicates = "report"


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
    members: limits.Members | None = None
    modules: Names = ()
    initializer: Literal["auto", "zeros", "normal", "xavier", "he"] = "auto"
    gain: limits.Positive = 1.0
    generator: limits.Generator = "torch"


class ExtensionsSection(Section):
    """``[extensions]``: Python files (beside the experiment file), or modules, with things of the user's own.

    What they define (layers, losses, metrics, …) is known by name in the rest of the file; see `leadline.extensions`.
    """

    modules: Names = ()


class EarlyStoppingTable(Section):
    """``early_stopping``: stop `patience` epochs after the best one and go back to it; 0 keeps the last epoch.

    The best one is that of the metric to optimize on the dev set ("goal"), or of its error or cost.
    """

    patience: limits.CountOrNone = 10
    monitor: limits.Monitor = "goal"
    min_improvement: limits.NotNegative = 0.0


class TrainingSection(Section):
    """``[training]``: how the cost is minimized."""

    epochs: limits.Epochs | None = None
    batch_size: Annotated[Any, BeforeValidator(checks.batch_size)] = None
    optimizer: Annotated[dict[str, Any] | None, BeforeValidator(checks.typed_table)] = None
    learning_rate: limits.Positive | None = None
    schedule: Annotated[dict[str, Any] | None, BeforeValidator(checks.typed_table)] = None
    loss: str | None = None
    l2: limits.Penalty | None = None
    l1: limits.Penalty | None = None
    clip_norm: limits.Positive | None = None
    label_smoothing: limits.BelowOne | None = None
    label_smoothing_schedule: Annotated[dict[str, Any] | None, BeforeValidator(checks.typed_table)] = None
    dropout_schedule: Annotated[dict[str, Any] | None, BeforeValidator(checks.typed_table)] = None
    class_weights: Annotated[Any, BeforeValidator(checks.class_weights)] = None
    calibration: limits.Calibration | None = None
    final: limits.FinalTraining | None = None
    early_stopping: Annotated[EarlyStoppingTable | None, BeforeValidator(checks.early_stopping)] = None
    precision: limits.Precision = "float32"
    gradient_tolerance: limits.Positive | None = None
    seed: limits.Seed = 0
    device: str = "auto"


class ElasticTable(Section):
    """``elastic``: noise smoothed by a Gaussian of sigma pixels, times alpha."""

    alpha: limits.Pixels
    sigma: limits.Pixels


class AugmentSection(Section):
    """``[augment]``: how training images are varied at random, anew in every epoch; see `leadline.Augmentation`."""

    crop: limits.CountOrNone | None = None
    flip: limits.Flip | None = None
    rotation: Annotated[Any, checks.within(limits.SPANS["rotation"])] = None
    zoom: Annotated[Any, checks.within(limits.SPANS["zoom"])] = None
    shear: Annotated[Any, checks.within(limits.SPANS["shear"])] = None
    translation: limits.Share | None = None
    elastic: ElasticTable | None = None
    brightness: Annotated[Any, checks.within(limits.SPANS["brightness"])] = None
    contrast: Annotated[Any, checks.within(limits.SPANS["contrast"])] = None
    saturation: Annotated[Any, checks.within(limits.SPANS["saturation"])] = None
    hue: limits.HueShare | None = None
    pca_colour: limits.Share | None = None
    padding: limits.Padding | None = None


class CostTable(Section):
    """One kind of error and what it costs, in any unit; an error of a kind that is not named costs 1."""

    actual: str
    predicted: str
    cost: limits.NotNegative


class GoalSection(Section):
    """``[goal]``: the metric to optimize and the error of a human, as a fraction or in the metric's units.

    ``threshold`` is the probability from which on an example is of the second of two classes, or "optimize": chosen on
    the dev set for the metric, within the limits of ``satisficing`` such as ``{recall = ">= 0.9"}``.

    ``costs`` define the metric "cost", and ``seconds_per_example``, which a detector listens for each example,
    the metric "false_alarms_per_day".
    """

    optimizing: str | None = None
    human_error: limits.NotNegative | None = None
    costs: Annotated[tuple[CostTable, ...], Field(strict=False)] = ()
    seconds_per_example: limits.Positive | None = None
    threshold: Annotated[float | Literal["optimize"] | None, BeforeValidator(checks.threshold)] = None
    satisficing: dict[str, str] = {}


class EvaluationSection(Section):
    """``[evaluation]``: what is trained beside the run that is kept, to say how far another training would differ.

    ``seeds`` trainings in all, with the run's seed and those after it; ``folds`` of a cross-validation of the training
    and dev sets, dealt ``repeats`` times.
    """

    seeds: limits.Repeats | None = None
    folds: limits.Repeats | None = None
    repeats: limits.Count | None = None

    @model_validator(mode="after")
    def _repeats_of_folds(self) -> EvaluationSection:
        if self.repeats is not None and self.folds is None:
            raise PydanticCustomError("evaluation", "repeats says how often folds are dealt: give folds as well")
        return self


class SearchSection(Section):
    """``[search]``: how ``leadline search`` looks for hyper-parameters; training itself leaves it alone.

    ``sampler`` is one of those that come along or of the user's own. ``space`` is described in
    `leadline.search.spaces`; without it the space is that of the first ``tiers`` tiers.
    """

    trials: limits.Count | None = None
    sampler: str | None = None
    seed: limits.Seed | None = None
    tiers: limits.Tiers | None = None
    pruning: bool | None = None
    budget: float | str | None = None
    finalists: limits.CountOrNone | None = None
    seeds: limits.Repeats | None = None
    space: dict[str, Any] = {}
