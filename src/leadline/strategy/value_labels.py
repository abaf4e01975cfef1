"""Wrong labels where examples have several, or values: suspects by predictions that have not seen the example.

Several labels per example are judged one by one, each as two classes (`leadline.strategy.label_noise`). A value
is a suspect if its residual is far out for the noise that most residuals show: beyond what a Laplace distribution with
their median size would give among so many (Benjamini and Hochberg, 1995, at a false discovery rate of 5 %). Its
credibility is exp(−|residual|) with the residual in these median sizes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leadline.errors import UsageError
from leadline.measure.intervals import Estimate, proportion
from leadline.strategy.label_noise import label_noise
from leadline.strategy.label_pattern import Family, LabelPattern, pattern_of, segment_families
from leadline.strategy.label_text import CarriedLabels, Values
from leadline.strategy.labels import WORTH_A_LOOK
from leadline.strategy.residual_analysis import largest_half
from leadline.strategy.suspects import Suspects

Array = NDArray[Any]
FALSE_DISCOVERIES = 0.05


@dataclass(frozen=True, eq=False)
class ValueAudit(Suspects):
    """Which examples' labels or values look wrong.

    Attributes:
        suspects: positions of the suspects, the least credible first, int (s,).
        given: labels of all examples as text (m,).
        suggested: what the predictions prefer, as text (m,).
        quality: how credible each is, 0 to 1, (m,).
        contradicted: examples that the predictions contradict: another label, or one of the largest residuals, (m,).
        rate: share of the examples that are suspects.
        pattern: whether the suspects are random or systematic.

    """

    suspects: Array
    given: tuple[str, ...]
    suggested: tuple[str, ...]
    quality: Array
    contradicted: Array
    rate: Estimate
    pattern: LabelPattern

    def label(self, position: int) -> str:
        """The labels or the value of an example."""
        return self.given[position]

    def suggestion(self, position: int) -> str:
        """What the predictions prefer."""
        return self.suggested[position]


def find_multilabel_errors(
    labels: ArrayLike,
    probabilities: ArrayLike,
    names: Sequence[str],
    segments: Mapping[str, ArrayLike] | None = None,
    seed: int = 0,
) -> ValueAudit:
    """Find examples with wrong labels among several.

    Args:
        labels: 0 or 1 (m, k), NaN where a label is not known; unknown ones are never suspects.
        probabilities: of each label by a model that was not trained on the example, (m, k).
        names: of the k labels.
        segments: by column, a value per example (m,), in which wrong labels may concentrate.
        seed: of the test for a pattern.

    Raises:
        UsageError: for arrays that do not fit each other.

    """
    t, p = np.asarray(labels, float), np.asarray(probabilities, float)
    if t.shape != p.shape or t.ndim != 2 or not len(t) or len(names) != t.shape[1]:
        raise UsageError(f"Labels and probabilities (m, k) do not fit: got shapes {t.shape} and {p.shape}.")
    answer = (p > 0.5).astype(float)
    filled = np.where(np.isnan(t), answer, t)
    flips, order, quality = _multilabel_noise(filled, p)
    flips &= ~np.isnan(t)
    suspects = np.array([k for k in order if flips[k].any()], np.int64)
    code = CarriedLabels(tuple(names))
    suggested = np.where(flips, 1 - filled, t)
    families = [_flipped(filled, flips, names), *segment_families(segments, np.asarray(flips.any(1)))]
    return ValueAudit(
        suspects,
        tuple(code.text(row) for row in t),
        tuple(code.text(row) for row in suggested),
        quality,
        ((answer != t) & ~np.isnan(t)).any(1),
        proportion(len(suspects), len(t)),
        pattern_of(families, len(suspects), seed=seed),
    )


def find_value_errors(
    values: ArrayLike,
    predictions: ArrayLike,
    segments: Mapping[str, ArrayLike] | None = None,
    seed: int = 0,
) -> ValueAudit:
    """Find wrong values of a regression target.

    Args:
        values: the target (m,) or (m, k); of several each is judged, and one suspect value makes a suspect example.
        predictions: by a model that was not trained on the example, of the same shape.
        segments: by column, a value per example (m,).
        seed: of the test for a pattern.

    Raises:
        UsageError: for arrays that do not fit each other.

    """
    t, p = (np.asarray(v, float).reshape(len(np.asarray(v)), -1) for v in (values, predictions))
    if t.shape != p.shape or not t.size or not (np.isfinite(t).all() and np.isfinite(p).all()):
        raise UsageError(f"Values and predictions do not fit: got shapes {t.shape} and {p.shape}, all must be finite.")
    far = np.stack([_far_out(t[:, k] - p[:, k]) for k in range(t.shape[1])], axis=1)
    quality = np.min([_value_quality(t[:, k], p[:, k]) for k in range(t.shape[1])], axis=0)
    wrong = np.asarray(far.any(1))
    suspects = np.flatnonzero(wrong)[np.argsort(quality[wrong], kind="stable")]
    above = int((far & (t > p)).sum())
    sides: Family = (["too high", "too low"], np.array([above, int(far.sum()) - above]), np.array([0.5, 0.5]))
    families = [*([sides] if int(far.sum()) == len(suspects) else []), *segment_families(segments, wrong)]
    code, suggested = Values(), np.where(far, p, t)
    return ValueAudit(
        suspects,
        tuple(code.text(row) for row in t),
        tuple(code.text(row) for row in suggested),
        quality,
        largest_half((t - p) / np.maximum(np.median(np.abs(t - p), axis=0), 1e-300)),
        proportion(len(suspects), len(t)),
        pattern_of(families, len(suspects), seed=seed),
    )


def _far_out(residual: Array) -> Array:
    """Residuals too large for a Laplace distribution of their median size, boolean (m,)."""
    size = np.abs(residual - np.median(residual))
    scale = float(np.median(size)) / np.log(2)
    if scale == 0:
        return size > 0
    p = np.exp(-size / scale)
    order = np.argsort(p, kind="stable")
    within = p[order] <= FALSE_DISCOVERIES * np.arange(1, len(p) + 1) / len(p)
    found = np.zeros(len(p), bool)
    if within.any():
        found[order[: int(np.flatnonzero(within)[-1]) + 1]] = True
    return found


def _flipped(labels: Array, flips: Array, names: Sequence[str]) -> Family:
    """For each label, how often it is wrongly there and wrongly missing among the suspects; random flips hit all."""
    cells = [(f"{name} wrongly {kind}", k, value) for k, name in enumerate(names) for kind, value in _KINDS]
    counts = np.array([int((flips[:, k] & (labels[:, k] == value)).sum()) for _, k, value in cells])
    parts = np.array([float((labels[:, k] == value).sum()) for _, k, value in cells])
    # A row may have several flips; the pattern counts them in proportion, so that they add up to the rows.
    total = max(int(counts.sum()), 1)
    rows = int(flips.any(1).sum())
    return [name for name, _, _ in cells], np.round(counts * rows / total).astype(int), parts / parts.sum()


_KINDS = (("there", 1), ("missing", 0))


def _multilabel_noise(labels: Array, probabilities: Array) -> tuple[Array, Array, Array]:
    """Which labels are suspects (m, k), the examples by their least credible label, and how credible that is (m,)."""
    wrong = np.stack([_binary_noise(labels[:, k], probabilities[:, k]) for k in range(labels.shape[1])], axis=1)
    quality = 1 - wrong.max(1)
    return wrong > WORTH_A_LOOK, np.argsort(quality, kind="stable"), quality


def _binary_noise(labels: Array, probability: Array) -> Array:
    """The probability that each label of 0 or 1 is wrong, (m,)."""
    p = np.clip(probability, 0.0, 1.0)
    return label_noise(labels.astype(np.int64), np.stack([1 - p, p], 1)).wrong


def _value_quality(values: Array, predictions: Array) -> Array:
    size = np.abs(values - predictions)
    return np.exp(-size / max(float(np.median(size)), 1e-300))
