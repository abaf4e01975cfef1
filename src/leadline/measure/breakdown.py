"""A set's metrics over all examples, by class and by segment, each with its interval."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leadline.errors import UsageError
from leadline.measure import classification as c
from leadline.measure.groups import group_codes
from leadline.measure.intervals import Estimate, wilson
from leadline.measure.metric import Metric
from leadline.measure.metrics import evaluate, metric, metric_names
from leadline.measure.tasks import Task, task_named
from leadline.measure.tasks.base import finite_row

Array = NDArray[Any]
Row = Mapping[str, Estimate]
# More values than this are no parts to look at one by one: the rarest become one, and numbers become quarters.
MOST_SEGMENTS = 30
MOST_NUMBERS = 12
MISSING, OTHERS = "(missing)", "(others)"


@dataclass(frozen=True)
class CalibrationBin:
    """Examples of about one confidence: its mean, and how often their predictions are right."""

    confidence: float
    accuracy: Estimate


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
            bins.append(CalibrationBin(entry["confidence"], Estimate.from_json(accuracy)))
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


def _row_from_json(row: Mapping[str, Any]) -> dict[str, Estimate]:
    return {name: Estimate.from_json(measured) for name, measured in row.items()}


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
    groups: ArrayLike | None = None,
) -> Breakdown:
    """Measure a set over all examples, by class and by segment.

    Args:
        task: one of `leadline.measure.tasks.TASKS`, or its name.
        y_true: class indices (m,), labels (m, k) with NaN where missing, or values (m,) or (m, k).
        predictions: of the same kind.
        scores: probabilities of the classes (m, K), or of the second of two (m,); without them there are no metrics
            made of scores.
        classes: names of the classes, labels or targets; by default their numbers.
        segments: by column, a value per example (m,): texts or numbers; empty texts, None and NaN are missing.
        optimizing: a metric that every segment is measured by, too.
        ranked: whether to measure what is made of scores; it takes longest.
        configured: metrics of the user's own numbers by name (`configured_metrics`), over all and by segment.
        groups: of examples that go together, such as copies or images of one patient, (m,).

    Raises:
        UsageError: if the arrays do not fit each other, or there are no examples.

    """
    task = task_named(task)
    t, p = (task.as_measured(np.asarray(values)) for values in (y_true, predictions))
    s = np.asarray(scores, float) if scores is not None and ranked else None
    if len(t) != len(p) or not len(t):
        raise UsageError(f"A breakdown needs one prediction per example: got {len(p)} for {len(t)}.")
    own, codes = tuple((configured or {}).values()), group_codes(groups, len(t))
    by_segment = (*task.segment_metrics, *own)
    if optimizing not in (None, "accuracy", *task.segment_metrics, *(configured or {})):
        by_segment = (*by_segment, optimizing)
    parts: dict[str, dict[str, Row]] = {}
    for column, values in (segments or {}).items():
        names = segment_names(values)
        if names.shape != (len(t),):
            raise UsageError(f"Segment '{column}' needs one value per example: got {names.shape} for {len(t)}.")
        parts[column] = {
            name: _row(by_segment, task, t[rows], p[rows], _chosen(s, rows), _chosen(codes, rows))
            for name, rows in _parts(names)
        }
    overall = _row((*metric_names(task), *own), task, t, p, s, codes)
    calibration = calibration_bins(t, s) if s is not None and task.one_class else ()
    with _quiet():
        by_class = task.by_class(t, p, classes, codes)
    return Breakdown(len(t), overall, by_class, parts, calibration)


def _chosen(values: Array | None, rows: Array) -> Array | None:
    return None if values is None else values[rows]


def _row(
    names: Sequence[str | Metric], task: Task, t: Array, p: Array, s: Array | None, codes: Array | None
) -> dict[str, Estimate]:
    """The metrics that these examples define: no area under a curve where a class is missing, for one."""
    row = {}
    for name in names:
        known = metric(name, task)
        needs_scores = known.needs == "scores"
        if needs_scores and s is None:
            continue
        answers = task.scores(s, known.name) if needs_scores and s is not None else p
        with _quiet():
            row[known.name] = evaluate(known, t, answers, task=task, groups=codes)
    return finite_row(row)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without warnings of what a few examples leave undefined."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)
        yield


def scores_for(task: str, name: str, scores: Array) -> Array:
    """Probabilities of the classes (m, K) as a metric takes them: of two, the curves want the second's alone."""
    return task_named(task).scores(scores, name)


def calibration_bins(y_true: ArrayLike, probabilities: ArrayLike, bins: int = 10) -> tuple[CalibrationBin, ...]:
    """Equally wide bins of confidence that hold examples, with accuracy and its interval (Wilson)."""
    m, curve = len(np.asarray(y_true)), []
    for confidence, accuracy, share in c.calibration_curve(y_true, probabilities, bins):
        n = round(share * m)
        low, high = wilson(accuracy * n, n)
        curve.append(CalibrationBin(confidence, Estimate(accuracy, float(low), float(high), n)))
    return tuple(curve)


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
        numbers = np.array([float(text) for text in texts])
    except ValueError:
        return None
    return numbers if np.isfinite(numbers).all() else None


def _quarters(numbers: Array) -> list[str]:
    cuts = np.unique(np.quantile(numbers, (0.25, 0.5, 0.75), method="nearest"))
    names = [f"≤ {cuts[0]:.4g}", *(f"{a:.4g} to {b:.4g}" for a, b in pairwise(cuts))]
    names.append(f"> {cuts[-1]:.4g}")
    return [names[k] for k in np.searchsorted(cuts, numbers, side="left")]
