"""The metrics that come along, each with its own way to an interval."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from leadline.extensions import register
from leadline.measure import classification as c
from leadline.measure import regression as r
from leadline.measure.bootstrap import bootstrap_confusion, bootstrap_grouped_confusion, bootstrap_weights
from leadline.measure.calibration import calibration_error_interval
from leadline.measure.groups import rate
from leadline.measure.intervals import Estimate, complement
from leadline.measure.means import mean_interval
from leadline.measure.metric import CLASSES, LABELLED, VALUES, Array, FunctionMetric, Measure, Value
from leadline.measure.multilabel import Weighted, exact_matches, f1_of_weights, wrong_labels
from leadline.measure.ranked import Influence, area_interval, pr_auc_influence, roc_auc_influence
from leadline.measure.tasks import BINARY, MULTILABEL


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
