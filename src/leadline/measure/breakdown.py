"""A set's metrics over all examples, by class and by segment, each with its interval."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leadline.errors import UsageError
from leadline.measure import classification as c
from leadline.measure.intervals import Measured, proportion, wilson
from leadline.measure.metrics import Metric, evaluate, metric, metric_names

Array = NDArray[Any]
Row = Mapping[str, Measured]
# More values than this are no parts to look at one by one: the rarest become one, and numbers become quarters.
MOST_SEGMENTS = 30
MOST_NUMBERS = 12
MISSING, OTHERS = "(missing)", "(others)"
SEGMENT_METRICS = {
    "binary": ("error", "precision", "recall", "f1"),
    "multiclass": ("error",),
    "multilabel": ("error", "macro_f1"),
    "regression": ("rmse", "mae"),
}


@dataclass(frozen=True)
class CalibrationBin:
    """Examples of about one confidence: its mean, and how often their predictions are right."""

    confidence: float
    accuracy: Measured


@dataclass(frozen=True)
class Breakdown:
    """Metrics of one set, by name as in `leadline.measure.METRICS`.

    Attributes:
        n: examples.
        overall: over all of them.
        classes: by class, or by label of a multi-label task, or by target of several.
        segments: by column and value.
        calibration: bins of confidence, from the lowest; empty without probabilities of classes.

    """

    n: int
    overall: Row
    classes: Mapping[str, Row] = field(default_factory=dict)
    segments: Mapping[str, Mapping[str, Row]] = field(default_factory=dict)
    calibration: Sequence[CalibrationBin] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain values that ``from_json`` reads back."""
        return {
            "n": self.n,
            "overall": _row_to_json(self.overall),
            "classes": {name: _row_to_json(row) for name, row in self.classes.items()},
            "segments": {
                column: {value: _row_to_json(row) for value, row in rows.items()}
                for column, rows in self.segments.items()
            },
            "calibration": [b.accuracy.to_json() | {"confidence": b.confidence} for b in self.calibration],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Breakdown:
        """The inverse of ``to_json``."""
        bins = []
        for entry in data["calibration"]:
            accuracy = {key: value for key, value in entry.items() if key != "confidence"}
            bins.append(CalibrationBin(entry["confidence"], Measured.from_json(accuracy)))
        return cls(
            data["n"],
            _row_from_json(data["overall"]),
            {name: _row_from_json(row) for name, row in data["classes"].items()},
            {
                column: {value: _row_from_json(row) for value, row in rows.items()}
                for column, rows in data["segments"].items()
            },
            tuple(bins),
        )


def _row_to_json(row: Row) -> dict[str, Any]:
    return {name: measured.to_json() for name, measured in row.items()}


def _row_from_json(row: Mapping[str, Any]) -> dict[str, Measured]:
    return {name: Measured.from_json(measured) for name, measured in row.items()}


def break_down(
    task: str,
    y_true: ArrayLike,
    predictions: ArrayLike,
    scores: ArrayLike | None = None,
    classes: Sequence[str] = (),
    segments: Mapping[str, ArrayLike] | None = None,
    optimizing: str | None = None,
    ranked: bool = True,
    configured: Mapping[str, Metric] | None = None,
) -> Breakdown:
    """Measure a set over all examples, by class and by segment.

    Args:
        task: ``"binary"``, ``"multiclass"``, ``"multilabel"`` or ``"regression"``.
        y_true: class indices (m,), labels (m, k) with NaN where missing, or values (m,) or (m, k).
        predictions: of the same kind.
        scores: probabilities of the classes (m, K), or of the second of two (m,); without them there are no metrics
            made of scores.
        classes: names of the classes, labels or targets; by default their numbers.
        segments: by column, a value per example (m,): texts or numbers; empty texts, None and NaN are missing.
        optimizing: a metric that every segment is measured by, too.
        ranked: whether to measure what is made of scores; it takes longest.
        configured: metrics of the user's own numbers by name (`configured_metrics`), over all and by segment.

    Raises:
        UsageError: if the arrays do not fit each other, or there are no examples.

    """
    t, p = np.asarray(y_true), np.asarray(predictions)
    s = np.asarray(scores, float) if scores is not None and ranked else None
    if task == "regression":
        t, p = (v[:, 0] if v.ndim == 2 and v.shape[1] == 1 else v for v in (t, p))
    if len(t) != len(p) or not len(t):
        raise UsageError(f"A breakdown needs one prediction per example: got {len(p)} for {len(t)}.")
    own = tuple((configured or {}).values())
    wanted = (*SEGMENT_METRICS[task], *own)
    if optimizing not in (None, "accuracy", *SEGMENT_METRICS[task], *(configured or {})):
        wanted = (*wanted, optimizing)
    parts: dict[str, dict[str, Row]] = {}
    for column, values in (segments or {}).items():
        names = segment_names(values)
        if names.shape != (len(t),):
            raise UsageError(f"Segment '{column}' needs one value per example: got {names.shape} for {len(t)}.")
        parts[column] = {
            name: _row(wanted, task, t[rows], p[rows], None if s is None else s[rows]) for name, rows in _parts(names)
        }
    overall = _row((*metric_names(task), *own), task, t, p, s)
    calibration = calibration_bins(t, s) if s is not None and task in ("binary", "multiclass") else ()
    return Breakdown(len(t), overall, _by_class(task, t, p, classes), parts, calibration)


def _row(names: Sequence[str | Metric], task: str, t: Array, p: Array, s: Array | None) -> dict[str, Measured]:
    """The metrics that these examples define: no area under a curve where a class is missing, for one."""
    found = {}
    for name in names:
        known = metric(name, task)
        needs_scores = known.needs == "scores"
        if needs_scores and s is None:
            continue
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore", RuntimeWarning)
            answers = scores_for(task, known.name, s) if needs_scores and s is not None else p
            measured = evaluate(known, t, answers, task=task)
        if np.isfinite([measured.value, *measured.interval]).all():
            found[known.name] = measured
    return found


def scores_for(task: str, name: str, scores: Array) -> Array:
    """Probabilities of the classes (m, K) as a metric takes them: of two, the curves want the second's alone."""
    chosen = task == "binary" and name in ("roc_auc", "pr_auc") and scores.ndim == 2 and scores.shape[1] == 2
    return scores[:, 1] if chosen else scores


def _by_class(task: str, t: Array, p: Array, classes: Sequence[str]) -> dict[str, Row]:
    if task in ("binary", "multiclass"):
        k = len(classes) or int(max(t.max(), p.max())) + 1
        names = list(classes) or [str(i) for i in range(k)]
        return dict(zip(names, c.class_metrics(c.confusion_matrix(t, p, k)), strict=True))
    if t.ndim == 1:
        return {}
    names = list(classes) or [str(i) for i in range(t.shape[1])]
    if task == "multilabel":
        return {name: label for i, name in enumerate(names) if (label := _label(t[:, i], p[:, i]))}
    return {name: _row(("rmse", "mae", "r2"), task, t[:, i], p[:, i], None) for i, name in enumerate(names)}


def _label(t: Array, p: Array) -> dict[str, Measured]:
    """One label of a multi-label task, on the examples where it is known."""
    known = ~np.isnan(np.asarray(t, float))
    if not known.any():
        return {}
    confusion = c.confusion_matrix(t[known], p[known], 2)
    wrong = int(confusion[0, 1] + confusion[1, 0])
    return {"error": proportion(wrong, int(known.sum()))} | c.class_metrics(confusion)[1]


def calibration_bins(y_true: ArrayLike, probabilities: ArrayLike, bins: int = 10) -> tuple[CalibrationBin, ...]:
    """Equally wide bins of confidence that hold examples, with accuracy and its interval (Wilson)."""
    m, found = len(np.asarray(y_true)), []
    for confidence, accuracy, share in c.calibration_curve(y_true, probabilities, bins):
        n = round(share * m)
        low, high = wilson(accuracy * n, n)
        found.append(CalibrationBin(confidence, Measured(accuracy, float(low), float(high), n)))
    return tuple(found)


def segment_names(values: ArrayLike) -> Array:
    """The part each example belongs to, texts (m,): values as they are, many different numbers as four quarters.

    The rarest values beyond 30 become one part.
    """
    texts = np.array([_text(value) for value in np.asarray(values, object).tolist()], object)
    present = texts != ""
    numbers = _numbers(texts[present])
    if numbers is not None and len(np.unique(numbers)) > MOST_NUMBERS:
        texts[present] = _quarters(numbers)
    names, counts = np.unique(texts[present].astype(str), return_counts=True)
    if len(names) > MOST_SEGMENTS:
        kept = set(names[np.argsort(-counts, kind="stable")[: MOST_SEGMENTS - 1]])
        texts[present] = [name if name in kept else OTHERS for name in texts[present]]
    texts[~present] = MISSING
    return texts.astype(str)


def _parts(names: Array) -> list[tuple[str, Array]]:
    """Each part with the positions of its examples: numbers by size, then texts by the alphabet, leftovers last."""

    def place(name: str) -> tuple[int, float, str]:
        if name in (MISSING, OTHERS):
            return 2, 0.0, name
        number = _numbers(np.array([name.split(" to ")[0].lstrip("≤> ")], object))
        return (1, 0.0, name) if number is None else (0, float(number[0]), {"≤": "", ">": "~"}.get(name[0], "a"))

    return [(name, np.flatnonzero(names == name)) for name in sorted(set(names.tolist()), key=place)]


def _text(value: object) -> str:
    if value is None or value != value:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value).strip()


def _numbers(texts: Array) -> Array | None:
    try:
        found = np.array([float(text) for text in texts])
    except ValueError:
        return None
    return found if np.isfinite(found).all() else None


def _quarters(numbers: Array) -> list[str]:
    cuts = np.unique(np.quantile(numbers, (0.25, 0.5, 0.75), method="nearest"))
    names = [f"≤ {cuts[0]:.4g}", *(f"{a:.4g} to {b:.4g}" for a, b in pairwise(cuts))]
    names.append(f"> {cuts[-1]:.4g}")
    return [names[k] for k in np.searchsorted(cuts, numbers, side="left")]
