"""The metrics by name, and one way to measure any of them with its interval."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leadline.errors import UsageError, nearest
from leadline.extensions import Extension, Registry, register, registry
from leadline.measure import classification as c
from leadline.measure import regression as r
from leadline.measure.bootstrap import (
    bootstrap,
    bootstrap_confusion,
    bootstrap_grouped_confusion,
    bootstrap_weights,
)
from leadline.measure.calibration import calibration_error_interval
from leadline.measure.groups import group_codes, rate
from leadline.measure.intervals import Estimate
from leadline.measure.means import mean_interval
from leadline.measure.multilabel import Weighted, exact_matches, f1_of_weights, wrong_labels
from leadline.measure.ranked import (
    Influence,
    area_interval,
    pr_auc_influence,
    roc_auc_influence,
)
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

    def value(self, y_true: Array, prediction: Array) -> float:
        """By its function."""
        return self.value_of(y_true, prediction)

    def measure(
        self, y_true: Array, prediction: Array, level: float, seed: int, groups: Array | None = None
    ) -> Estimate:
        """By its function."""
        return self.measure_of(y_true, prediction, level, seed, groups)

    def weighted(self, y_true: Array, prediction: Array) -> Weighted | None:
        """By its function."""
        return self.weighted_of(y_true, prediction)


def _share(right: bool) -> tuple[Value, Measure]:
    """Accuracy or error: a plain proportion, or one over all known labels where examples have several."""

    def measure(y_true: Array, y_pred: Array, level: float, seed: int, groups: Array | None = None) -> Estimate:
        if y_true.ndim == 2:
            wrong = c.multilabel_error(y_true, y_pred, level, groups)
            return complement(wrong) if right else wrong
        return rate(c.matches(y_true, y_pred) == right, level, groups)

    return lambda t, p: measure(t, p, 0.95, 0).value, measure


_PER_CLASS: dict[str, Callable[[Array], Array]] = {"precision": c.precision, "recall": c.recall, "f1": c.f1}


def _of_positive(kind: str) -> tuple[Value, Measure]:
    """Precision, recall or F1 of the second of two classes, each a proportion or a function of one."""

    def measure(y_true: Array, y_pred: Array, level: float, seed: int, groups: Array | None = None) -> Estimate:
        confusion = c.confusion_matrix(y_true, y_pred, 2)
        if groups is None:
            measured = c.class_metrics(confusion, level)[1][kind]
        else:
            measured = c.grouped_class_metrics(y_true, y_pred, [1], groups, level)[0][kind]
        return replace(measured, n=len(y_true))  # the examples behind it, of which only some are counted in it

    return lambda t, p: float(_PER_CLASS[kind](c.confusion_matrix(t, p, 2))[1]), measure


def _counted(statistic: Callable[[Array], Array], n_classes: int | None = None) -> tuple[Value, Measure]:
    """A function of the confusion matrix."""

    def measure(y_true: Array, y_pred: Array, level: float, seed: int, groups: Array | None = None) -> Estimate:
        confusion = c.confusion_matrix(y_true, y_pred, n_classes)
        if groups is None:
            return bootstrap_confusion(statistic, confusion, seed=seed, level=level)
        cells = y_true.astype(np.int64) * len(confusion) + y_pred.astype(np.int64)
        return bootstrap_grouped_confusion(statistic, cells, len(confusion), groups, seed, level)

    return lambda t, p: float(statistic(c.confusion_matrix(t, p, n_classes))), measure


def _f1_of_labels(average: str) -> tuple[Value, Measure]:
    """F1 over the labels of a multi-label task; examples are drawn with all their labels."""

    def value(y_true: Array, y_pred: Array) -> float:
        return float(f1_of_weights(y_true, y_pred, average)(np.ones((1, len(y_true))))[0])

    def measure(y_true: Array, y_pred: Array, level: float, seed: int, groups: Array | None = None) -> Estimate:
        weighted = f1_of_weights(y_true, y_pred, average)
        return bootstrap_weights(weighted, len(y_true), seed=seed, level=level, unit="%", groups=groups)

    return value, measure


def _weighted_f1(average: str) -> Callable[[Array, Array], Weighted | None]:
    return lambda t, p: f1_of_weights(t, p, average) if t.ndim == 2 else None


def _weighted_mean(examples: Callable[[Array, Array], Array], power: float = 1.0) -> Callable[[Array, Array], Weighted]:
    """A mean of what ``examples`` makes of each, to a power."""

    def weighted(y_true: Array, prediction: Array) -> Weighted:
        values = examples(y_true, prediction)
        return lambda weights: (weights @ values / weights.sum(-1)) ** power

    return weighted


def _weighted_share(right: bool) -> Callable[[Array, Array], Weighted | None]:
    """Of the known labels of several."""

    def weighted(y_true: Array, y_pred: Array) -> Weighted | None:
        if y_true.ndim != 2:
            return None
        wrong, known = wrong_labels(y_true, y_pred).sum(1), (~np.isnan(np.asarray(y_true, float))).sum(1)
        counted = known - wrong if right else wrong
        return lambda weights: (weights @ counted) / (weights @ known)

    return weighted


def _by_shape(single: tuple[Value, Measure], several: tuple[Value, Measure]) -> tuple[Value, Measure]:
    """One way for one class per example (m,), another for several labels (m, k)."""

    def measure(y_true: Array, y_pred: Array, level: float, seed: int, groups: Array | None = None) -> Estimate:
        return (several if y_true.ndim == 2 else single)[1](y_true, y_pred, level, seed, groups)

    return lambda t, p: (several if t.ndim == 2 else single)[0](t, p), measure


def _exact_match() -> tuple[Value, Measure]:
    def measure(y_true: Array, y_pred: Array, level: float, seed: int, groups: Array | None = None) -> Estimate:
        known = (~np.isnan(np.asarray(y_true, float))).any(1)
        return rate(exact_matches(y_true, y_pred), level, None if groups is None else groups[known])

    return lambda t, p: measure(t, p, 0.95, 0).value, measure


def _of_confusion(
    name: str, title: str, tasks: tuple[str, ...], statistic: Callable[[Array], Array], classes: int | None = None
) -> FunctionMetric:
    return FunctionMetric(name, title, tasks, *_counted(statistic, classes), counted=statistic, classes=classes)


def _positive(name: str, title: str) -> FunctionMetric:
    """Precision, recall or F1 of the second of two classes."""
    counted: Callable[[Array], Array] = lambda m: _PER_CLASS[name](m)[..., 1]  # noqa: E731
    return FunctionMetric(name, title, (BINARY,), *_of_positive(name), counted=counted, classes=2)


def _f_beta(name: str, beta: float) -> FunctionMetric:
    return _of_confusion(name, name.upper(), (BINARY,), lambda m: c.f_beta(m, beta)[..., 1], 2)


def _averaged(name: str, average: Callable[[Array, Array], Array], tasks: tuple[str, ...] = CLASSES) -> FunctionMetric:
    """The mean over classes of precision, recall or F1, by its name such as ``macro_f1``."""
    how, _, kind = name.partition("_")
    title = f"{how} {'F1' if kind == 'f1' else kind}"
    return _of_confusion(name, title, tasks, lambda m: average(_PER_CLASS[kind](m), m))


def _macro_f1() -> FunctionMetric:
    """Over the classes of one answer per example, or over the labels of several."""
    single = _averaged("macro_f1", c.macro, LABELLED)
    value, measure = _by_shape((single.value_of, single.measure_of), _f1_of_labels("macro"))
    return replace(single, value_of=value, measure_of=measure, weighted_of=_weighted_f1("macro"))


def _ranked(statistic: Value, influence: Influence) -> tuple[Value, Measure]:
    """The area under a curve, of the second of two classes or of each class against the rest."""

    def measure(y_true: Array, scores: Array, level: float, seed: int, groups: Array | None = None) -> Estimate:
        value = statistic(y_true, scores)  # checks the shapes
        return area_interval(y_true, scores, influence, value, level, groups)

    return statistic, measure


def _ece(y_true: Array, probabilities: Array, level: float, seed: int, groups: Array | None = None) -> Estimate:
    return calibration_error_interval(y_true, probabilities, level, seed, groups)


def _log_loss(y_true: Array, probabilities: Array, level: float, seed: int, groups: Array | None = None) -> Estimate:
    return mean_interval(c.example_log_loss(y_true, probabilities), level, seed=seed, positive=True, groups=groups)


def _rmse(y_true: Array, y_pred: Array, level: float, seed: int, groups: Array | None = None) -> Estimate:
    return r.root_mean_square(r.residuals(y_true, y_pred), level, seed=seed, groups=groups)


def _mae(y_true: Array, y_pred: Array, level: float, seed: int, groups: Array | None = None) -> Estimate:
    return r.mean_absolute(r.residuals(y_true, y_pred), level, seed=seed, groups=groups)


def _r2(y_true: Array, y_pred: Array, level: float, seed: int, groups: Array | None = None) -> Estimate:
    return r.r2_interval(y_true, y_pred, level, seed=seed, groups=groups)


_ROC_AUC, _PR_AUC = _ranked(c.roc_auc, roc_auc_influence), _ranked(c.pr_auc, pr_auc_influence)
METRICS: Registry[Metric] = registry("metric")
"""The metrics by name."""

for _metric in (
    FunctionMetric("accuracy", "accuracy", LABELLED, *_share(True), weighted_of=_weighted_share(True)),
    FunctionMetric(
        "error", "error", LABELLED, *_share(False), direction="minimize", weighted_of=_weighted_share(False)
    ),
    _positive("precision", "precision"),
    _positive("recall", "recall"),
    _positive("f1", "F1"),
    _f_beta("f2", 2.0),
    _f_beta("f0.5", 0.5),
    _averaged("macro_precision", c.macro),
    _averaged("macro_recall", c.macro),
    _macro_f1(),
    FunctionMetric("micro_f1", "micro F1", (MULTILABEL,), *_f1_of_labels("micro"), weighted_of=_weighted_f1("micro")),
    FunctionMetric("exact_match", "exact match", (MULTILABEL,), *_exact_match()),
    _averaged("weighted_precision", c.weighted),
    _averaged("weighted_recall", c.weighted),
    _averaged("weighted_f1", c.weighted),
    _of_confusion("balanced_accuracy", "balanced accuracy", CLASSES, c.balanced_accuracy),
    FunctionMetric(
        "roc_auc",
        "area under the ROC curve",
        CLASSES,
        *_ranked(c.roc_auc, roc_auc_influence),
        "scores",
        unit="",
        influence=roc_auc_influence,
    ),
    FunctionMetric(
        "pr_auc",
        "area under the precision-recall curve",
        CLASSES,
        *_ranked(c.pr_auc, pr_auc_influence),
        "scores",
        unit="",
        influence=pr_auc_influence,
    ),
    FunctionMetric(
        "log_loss",
        "log loss",
        CLASSES,
        c.log_loss,
        _log_loss,
        "scores",
        "minimize",
        "",
        _weighted_mean(c.example_log_loss),
    ),
    FunctionMetric("ece", "calibration error", CLASSES, c.calibration_error, _ece, "scores", "minimize"),
    FunctionMetric(
        "rmse", "RMSE", VALUES, r.rmse, _rmse, "values", "minimize", "", _weighted_mean(r.example_squares, 0.5)
    ),
    FunctionMetric("mae", "MAE", VALUES, r.mae, _mae, "values", "minimize", "", _weighted_mean(r.example_sizes)),
    FunctionMetric("r2", "R²", VALUES, r.r2, _r2, "values", unit=""),
):
    register(_metric)


# Metrics that need a user's own numbers (`leadline.measure.costs`): how they are shown, and where those are given.
CONFIGURED = {
    "cost": ("cost per example", "goal.costs, or --cost"),
    "false_alarms_per_day": ("false alarms per 24 h", "goal.seconds_per_example, or --seconds-per-example"),
}


def metric(name: str | Metric, task: str | None = None) -> Metric:
    """The metric of that name; a metric stands for itself.

    Raises:
        UsageError: if there is none (with the nearest names), it does not apply to the task, or it needs numbers.

    """
    if isinstance(name, Metric):
        chosen = name
    elif name in CONFIGURED:
        raise UsageError(f"Metric '{name}' needs numbers of your own: {CONFIGURED[name][1]} where a command has it.")
    elif name in METRICS:
        chosen = METRICS[name]
    else:
        raise UsageError(f"Unknown metric '{name}'.{nearest(str(name), [*metric_names(task), *CONFIGURED])}")
    if task is not None and not chosen.applies(task):
        allowed = ", ".join(metric_names(task))
        raise UsageError(f"Metric '{chosen.name}' does not apply to a {task} task. Allowed: {allowed}.")
    return chosen


def metric_names(task: str | None = None) -> tuple[str, ...]:
    """All names, or those that apply to a task."""
    return tuple(name for name, known in METRICS.items() if task is None or known.applies(task))


def error_unit(name: str | None, task: str) -> str:
    """The unit of `as_error` of the metric of that name; of the usual error of the task (if known) without one."""
    if name == "false_alarms_per_day":
        return "per 24 h"
    chosen = METRICS.get(name or (task_named(task).error_metric if task else "error"))
    if chosen is None:
        return ""
    return chosen.unit if chosen.direction == "minimize" else "%"


def evaluate(
    name: str | Metric,
    y_true: ArrayLike,
    prediction: ArrayLike,
    level: float = 0.95,
    seed: int = 0,
    task: str | None = None,
    groups: ArrayLike | None = None,
) -> Estimate:
    """Measure a metric by name with its interval.

    Args:
        name: one of ``METRICS``, or a metric.
        y_true: integer classes (m,), labels (m, k) with NaN where missing, or values (m,) or (m, k).
        prediction: what the metric needs: classes or values of the same shape, or probabilities (m,) or (m,
            K).
        level: of the interval.
        seed: of the bootstrap, where one is used.
        task: checked against the metric if given.
        groups: of examples that go together, such as copies or images of one patient, (m,); by default each example
            stands for itself.

    Raises:
        UsageError: for an unknown metric, an empty set or shapes that do not fit.

    """
    chosen = metric(name, task)
    t, p = np.asarray(y_true), np.asarray(prediction)
    if not len(t):
        raise UsageError(f"No examples to measure {chosen.title} on.")
    codes = group_codes(groups, len(t))
    return chosen.measure(t, p, level, seed) if codes is None else chosen.measure(t, p, level, seed, groups=codes)


def complement(measured: Estimate) -> Estimate:
    """1 − the measured share, such as an error from an accuracy."""
    return replace(
        measured,
        value=1 - measured.value,
        low=None if measured.high is None else 1 - measured.high,
        high=None if measured.low is None else 1 - measured.low,
    )


def as_error(name: str | Metric, measured: Estimate) -> Estimate:
    """The metric turned so that less is better and 0 is perfect, as the error ladder needs it.

    Raises:
        UsageError: if the metric has no such form.

    """
    if metric(name).direction == "minimize":
        return measured
    return replace(complement(measured), unit="%")


def by_segment(
    name: str | Metric,
    segments: ArrayLike,
    y_true: ArrayLike,
    prediction: ArrayLike,
    level: float = 0.95,
    seed: int = 0,
    groups: ArrayLike | None = None,
) -> dict[str, Estimate]:
    """The metric on each segment (m,), such as a country or a device, in the order of their names.

    Raises:
        UsageError: if the segments are not one per example.

    """
    s, t, p = np.asarray(segments), np.asarray(y_true), np.asarray(prediction)
    if s.shape != t.shape[:1]:
        raise UsageError(f"Segments need one name per example: got {s.shape} for {len(t)} examples.")
    codes = group_codes(groups, len(t))

    def measured(inside: Array) -> Estimate:
        return evaluate(name, t[inside], p[inside], level, seed, groups=None if codes is None else codes[inside])

    return {str(part): measured(s == part) for part in np.unique(s)}
