"""Wrong labels: suspects by the probability that a label is wrong, and a queue for people to review them.

The probability comes from a model that has not seen the example, and from how often each class is labelled as each
other (`leadline.strategy.label_noise`).
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
from leadline.strategy.label_pattern import LabelPattern, label_pattern
from leadline.strategy.suspects import Suspects

Array = NDArray[Any]
WORTH_A_LOOK = 0.2
"""A label is a suspect from this probability of being wrong on: a wrong one that is missed costs more than a look."""


@dataclass(frozen=True, eq=False)
class LabelAudit(Suspects):
    """Which labels look wrong.

    Attributes:
        suspects: positions of the suspects, the least credible label first, int (s,).
        given: labels of all examples, class indices (m,).
        suggested: the class that the probabilities prefer, (m,).
        quality: how credible each label is: the probability that it is right, (m,).
        classes: names of the classes.
        rate: share of the labels that are suspects.
        pattern: whether the suspects are random or systematic.

    """

    suspects: Array
    given: Array
    suggested: Array
    quality: Array
    classes: tuple[str, ...]
    rate: Estimate
    pattern: LabelPattern

    @property
    def contradicted(self) -> Array:
        """Examples for which the probabilities prefer another class, boolean (m,)."""
        return self.suggested != self.given

    def label(self, position: int) -> str:
        """The name of an example's class."""
        return self.classes[self.given[position]]

    def suggestion(self, position: int) -> str:
        """The name of the class that the probabilities prefer."""
        return self.classes[self.suggested[position]]


def find_label_errors(
    labels: ArrayLike,
    probabilities: ArrayLike,
    classes: Sequence[str] | None = None,
    segments: Mapping[str, ArrayLike] | None = None,
    seed: int = 0,
    groups: ArrayLike | None = None,
) -> LabelAudit:
    """Find labels that are probably wrong.

    Args:
        labels: class indices (m,).
        probabilities: of each class by a model that was not trained on the example, (m, K), rows summing to 1.
        classes: names of the K classes.
        segments: by column, a value per example (m,), in which wrong labels may concentrate.
        seed: of the test for a pattern.
        groups: of examples that go together, such as copies, (m,): in the pattern one group counts once.

    Raises:
        UsageError: for labels or probabilities that are none, or that do not fit each other.

    """
    given, p = np.asarray(labels), np.asarray(probabilities, float)
    _check(given, p)
    given = given.astype(np.int64)
    names = tuple(classes or (str(k) for k in range(p.shape[1])))
    if len(names) != p.shape[1]:
        raise UsageError(f"There are {p.shape[1]} probabilities per example, but {len(names)} class names.")
    noise = label_noise(given, p)
    wrong = noise.wrong > WORTH_A_LOOK
    suspects = np.flatnonzero(wrong)[np.argsort(-noise.wrong[wrong], kind="stable")]
    quality, suggested = 1 - noise.wrong, np.where(wrong, _second(noise.right, given), p.argmax(1))
    pattern = label_pattern(given, suggested, wrong, names, segments, seed=seed, groups=groups)
    return LabelAudit(suspects, given, suggested, quality, names, proportion(len(suspects), len(given)), pattern)


def review_queue(audit: LabelAudit, wrong: ArrayLike, size: int = 100, seed: int = 0) -> Array:
    """Positions of examples to review, int (q,): half of them are predicted wrongly, half rightly.

    Looking only at mistakes mends labels that count against the model and leaves those that count for it, which
    flatters it (course 3). In each half suspects, the least credible label first, alternate with a random sample of
    the rest, which measures how many wrong labels nothing points at. The halves are mixed, so that an example's place
    does not tell which one it is from.

    ``wrong`` says which examples the model predicts wrongly, boolean (m,).
    """
    w = np.asarray(wrong, bool)
    if w.shape != audit.given.shape:
        raise UsageError(f"A review queue needs one prediction per label, got {w.shape} for {len(audit.given)} labels.")
    return half_and_half(audit.suspects, w, size, seed)


def half_and_half(suspects: Array, wrong: Array, size: int, seed: int = 0) -> Array:
    """The order of `review_queue` from positions of the suspects, the least credible first, and mistakes (m,)."""
    rng = np.random.default_rng(seed)
    mistakes, right = (_candidates(suspects, part, rng) for part in (wrong, ~wrong))
    half = min(size // 2, len(mistakes))
    mistakes, right = mistakes[:half], right[: size - half]
    places = np.sort(rng.permutation(len(mistakes) + len(right))[: len(mistakes)])
    queue = np.empty(len(mistakes) + len(right), np.int64)
    from_mistakes = np.zeros(len(queue), bool)
    from_mistakes[places] = True
    queue[from_mistakes], queue[~from_mistakes] = mistakes, right
    return queue


def _candidates(suspects: Array, part: Array, rng: np.random.Generator) -> Array:
    """Suspects in the part, alternating with the others in random order."""
    is_suspect = np.zeros(len(part), bool)
    is_suspect[suspects] = True
    suspects = suspects[part[suspects]]
    rest = rng.permutation(np.flatnonzero(part & ~is_suspect))
    shared = min(len(suspects), len(rest))
    mixed = np.stack([suspects[:shared], rest[:shared]], 1).ravel()
    return np.concatenate([mixed, suspects[shared:], rest[shared:]]).astype(np.int64)


def _second(right: Array, given: Array) -> Array:
    """The likeliest class other than the given one, (m,)."""
    others = right.copy()
    others[np.arange(len(given)), given] = -1.0
    return others.argmax(1)


def _check(labels: Array, p: Array) -> None:
    if labels.ndim != 1 or p.ndim != 2 or len(labels) != len(p) or not len(labels):
        raise UsageError(f"Labels (m,) and probabilities (m, K) do not fit: got shapes {labels.shape} and {p.shape}.")
    if not np.isfinite(p).all() or (p < -1e-6).any() or np.abs(p.sum(1) - 1).max() > 1e-3:
        raise UsageError("Probabilities must lie between 0 and 1, and those of an example must sum to 1.")
    if labels.dtype.kind not in "iub" or labels.min() < 0 or labels.max() >= p.shape[1]:
        raise UsageError(f"Labels must be class indices from 0 to {p.shape[1] - 1}, got {labels.dtype} labels.")
