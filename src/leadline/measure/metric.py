"""What a metric is: a number with an interval, known by name."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from numpy.typing import NDArray
from typing_extensions import override

from leadline.extensions import Extension, Registry, registry
from leadline.measure.bootstrap import bootstrap
from leadline.measure.intervals import Estimate
from leadline.measure.multilabel import Weighted
from leadline.measure.ranked import Influence
from leadline.measure.tasks import BINARY, MULTICLASS, MULTILABEL, REGRESSION, task_named

Array = NDArray[Any]
# (truth, prediction) → the metric; (truth, prediction, level, seed, groups) → the metric with its interval
Value = Callable[[Array, Array], float]
Measure = Callable[[Array, Array, float, int, Array | None], Estimate]
RESAMPLES = 1000
"""Resamples of a metric that says no better way to its interval: each calls its function once."""
CLASSES = (BINARY, MULTICLASS)
VALUES = (REGRESSION,)
LABELLED = (BINARY, MULTICLASS, MULTILABEL)


class Metric(Extension, ABC, kind="metric"):
    """A number that says how good predictions are. Subclass it, with `value`, to add one of your own.

    Attributes:
        name: as in ``[goal] optimizing``.
        title: as shown; the name in words unless it is given.
        tasks: where it applies.
        needs: ``"labels"`` (predicted classes), ``"scores"`` (probabilities) or ``"values"`` (regression).
        direction: whether more or less is better.
        unit: as in ``Estimate``.
        influence: of an area under a curve, what each example adds to it.
        counted: the metric as a function of confusion matrices (…, K, K), where it is one.
        classes: K, where it is always the same.

    """

    name: str
    title: str
    tasks: tuple[str, ...]
    needs: Literal["labels", "scores", "values"] = "labels"
    direction: Literal["maximize", "minimize"] = "maximize"
    unit: str = "%"
    influence: Influence | None = None
    counted: Callable[[Array], Array] | None = None
    classes: int | None = None

    def __init_subclass__(cls, **arguments: Any) -> None:
        if "title" not in vars(cls) and not arguments.get("abstract"):
            cls.title = cls.registered_name().replace("_", " ")
        super().__init_subclass__(**arguments)

    @abstractmethod
    def value(self, y_true: Array, prediction: Array) -> float:
        """The bare number, from truth and prediction: (m,) each, or (m, k) where examples have k labels or values."""

    def measure(
        self, y_true: Array, prediction: Array, level: float, seed: int, groups: Array | None = None
    ) -> Estimate:
        """The number with its interval: by the bootstrap over examples, where a class does not know better.

        ``groups`` (m,) are whole numbers from 0 that say which examples go together; None where each stands for itself.
        """
        options = {"resamples": RESAMPLES, "seed": seed, "level": level, "unit": self.unit, "groups": groups}
        return bootstrap(self.value, y_true, prediction, **options)

    def weighted(self, y_true: Array, prediction: Array) -> Weighted | None:
        """The metric as a function of weights of the examples, which measures many resamples at once, if it has one."""
        return None

    def applies(self, task: str) -> bool:
        """Whether it is a metric of the task, or of one whose metrics are the task's as well."""
        return any(name in self.tasks for name in (task, *task_named(task).metrics_of))

    def better(self, first: float, second: float) -> bool:
        """Whether the first value is better than the second."""
        return first > second if self.direction == "maximize" else first < second


def _no_weights(y_true: Array, prediction: Array) -> Weighted | None:
    return None


@dataclass(frozen=True)
class FunctionMetric(Metric, abstract=True):
    """A metric made of functions: ``value_of`` for `Metric.value`, ``measure_of`` and ``weighted_of`` likewise."""

    name: str
    title: str
    tasks: tuple[str, ...]
    value_of: Value
    measure_of: Measure
    needs: Literal["labels", "scores", "values"] = "labels"
    direction: Literal["maximize", "minimize"] = "maximize"
    unit: str = "%"
    weighted_of: Callable[[Array, Array], Weighted | None] = _no_weights
    influence: Influence | None = None
    counted: Callable[[Array], Array] | None = None
    classes: int | None = None

    @override
    def value(self, y_true: Array, prediction: Array) -> float:
        return self.value_of(y_true, prediction)

    @override
    def measure(
        self, y_true: Array, prediction: Array, level: float, seed: int, groups: Array | None = None
    ) -> Estimate:
        return self.measure_of(y_true, prediction, level, seed, groups)

    @override
    def weighted(self, y_true: Array, prediction: Array) -> Weighted | None:
        return self.weighted_of(y_true, prediction)


METRICS: Registry[Metric] = registry("metric")
"""The metrics by name."""
