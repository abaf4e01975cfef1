"""Human-level error from several annotators' labels.

The best that people reach, alone or as a team, is the guide to the Bayes error (course 3, human-level performance).
With the truth known each annotator is measured against it. Without it each is measured against the majority of the
others, who err too: then the figure is the more too high the fewer they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leadline.errors import UsageError
from leadline.files import plain
from leadline.measure.groups import clustered_rate
from leadline.measure.intervals import Estimate

Array = NDArray[Any]


@dataclass(frozen=True)
class HumanLevel:
    """Human errors.

    Attributes:
        level: the one to put into the ladder.
        source: what ``level`` is, such as ``"majority of 3 annotators"``.
        typical: a single annotator's, averaged over them.
        annotators: each one's.
        team: the majority's; None without the truth, or with fewer than three annotators.
        notes: what limits it.

    """

    level: Estimate
    source: str
    typical: Estimate
    annotators: Mapping[str, Estimate]
    team: Estimate | None = None
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return plain(self)

    def __str__(self) -> str:
        lines = [f"Human level {self.level}: {self.source}", f"  typical annotator  {self.typical}"]
        lines += [f"  {name}  {error}" for name, error in self.annotators.items()]
        return "\n".join([*lines, *self.notes])


def human_level(labels: Mapping[str, ArrayLike], truth: ArrayLike | None = None) -> HumanLevel:
    """Estimate the human error.

    Args:
        labels: by annotator, a class per example (m,), integers or names; NaN, None and "" where there is none.
        truth: the right classes (m,), if known.

    Raises:
        UsageError: for fewer than two annotators without the truth, columns of different lengths, or an annotator
            who labelled nothing that can be judged.

    """
    codes, right = _encoded(labels, truth)
    if truth is None and len(labels) < 2:
        raise UsageError("Without the truth, human level needs at least two annotators; one agrees with himself.")
    known = codes >= 0
    wrong = _wrong_by_truth(codes, right) if right is not None else _wrong_by_others(codes)
    judged = known & ~np.isnan(wrong)
    annotators = {name: _rate(wrong[:, [k]], judged[:, [k]], name) for k, name in enumerate(labels)}
    typical = _rate(wrong, judged, "anyone")
    if right is None:
        source = f"typical annotator against the majority of the other {len(labels) - 1}"
        return HumanLevel(typical, source, typical, annotators, None, (_NO_TRUTH,))
    team = _team(codes, right) if len(labels) >= 3 else None
    best = min(annotators, key=lambda name: annotators[name].value)
    if team is not None and team.value <= annotators[best].value:
        return HumanLevel(team, f"majority of {len(labels)} annotators", typical, annotators, team)
    notes = () if len(labels) == 1 else (_BEST_OF_SEVERAL,)
    return HumanLevel(annotators[best], f"best annotator, {best}", typical, annotators, team, notes)


_NO_TRUTH = "The others err too, so the true human level is lower than this."
_BEST_OF_SEVERAL = "The best of several annotators is biased by selection; the true level is a little higher."


def _encoded(labels: Mapping[str, ArrayLike], truth: ArrayLike | None) -> tuple[Array, Array | None]:
    """Labels as integers (m, annotators), −1 where missing, and the truth in the same code."""
    columns = {name: _texts(values) for name, values in labels.items()}
    if truth is not None:
        columns = {**columns, "": _texts(truth)}
    lengths = {name: len(values) for name, values in columns.items()}
    if not labels or len(set(lengths.values())) != 1 or 0 in lengths.values():
        raise UsageError(f"Annotators need one label per example each, got {list(lengths.values())}.")
    table = np.stack(list(columns.values()), axis=1)
    classes = np.unique(table[table != ""])
    codes = np.where(table == "", -1, np.searchsorted(classes, table))
    return (codes, None) if truth is None else (codes[:, :-1], codes[:, -1])


def _texts(values: ArrayLike) -> Array:
    """Class names as texts, "" where missing; 1 and 1.0 are one class, for gaps turn whole numbers into floats."""
    v = np.asarray(values)
    if v.dtype.kind == "f":
        whole = np.all(v[~np.isnan(v)] % 1 == 0)
        return np.where(np.isnan(v), "", (np.nan_to_num(v).astype(np.int64) if whole else v).astype(str))
    if v.dtype.kind != "O":
        return v.astype(str)
    missing = np.array([value is None or value != value for value in v], bool)
    texts = np.full(v.shape, "", dtype=object)
    texts[~missing] = [str(int(x)) if isinstance(x, float) and x.is_integer() else str(x) for x in v[~missing]]
    return texts.astype(str)


def _wrong_by_truth(codes: Array, right: Array) -> Array:
    wrong = (codes != right[:, None]).astype(float)
    wrong[right < 0] = np.nan
    return wrong


def _votes(codes: Array) -> Array:
    """How many annotators gave each class, (m, classes)."""
    return np.stack([(codes == c).sum(1) for c in range(codes.max() + 1)], axis=1)


def _wrong_by_others(codes: Array) -> Array:
    """1 where a label is not the majority's of the others, in parts where theirs is a tie, NaN without others."""
    votes = _votes(codes)
    wrong = np.full(codes.shape, np.nan)
    for k in range(codes.shape[1]):
        given = codes[:, k] >= 0
        others = votes.copy()
        others[np.flatnonzero(given), codes[given, k]] -= 1
        top = others.max(1)
        leaders = (others == top[:, None]) & (top > 0)[:, None]
        mine = leaders[np.arange(len(codes)), np.maximum(codes[:, k], 0)]
        judged = given & (top > 0)
        wrong[judged, k] = 1 - mine[judged] / leaders.sum(1)[judged]
    return wrong


def _team(codes: Array, right: Array) -> Estimate:
    """Error of the majority vote; a tie counts in parts."""
    votes = _votes(np.column_stack([codes, right]))
    votes[np.flatnonzero(right >= 0), right[right >= 0]] -= 1
    top = votes.max(1)
    judged = (top > 0) & (right >= 0)
    leaders = votes == top[:, None]
    wrong = 1 - leaders[np.arange(len(right)), np.maximum(right, 0)] / leaders.sum(1)
    return _rate(wrong[:, None], judged[:, None], "the team")


def _rate(wrong: Array, judged: Array, who: str) -> Estimate:
    if not judged.any():
        raise UsageError(f"No label of {who} can be judged.")
    return clustered_rate(np.where(judged, np.nan_to_num(wrong), 0).sum(1), judged.sum(1))
