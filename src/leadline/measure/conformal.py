"""Sets and intervals that hold the truth as often as asked, whatever the network is: split conformal prediction.

Held-out examples say how badly the network's answers fit the truth: by 1 − p of the right class, or by |y − ŷ|. A new
answer is in the set if it fits no worse than the ⌈(n + 1)·coverage⌉-th of n such scores. Then the set holds the truth
with at least that probability, for examples that are drawn as the held-out ones were (Vovk et al., 2005; Lei et al.,
2018; for classes Sadinle et al., 2019). By group, each has a score of its own, and the promise holds within each (Vovk,
2012).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leadline.errors import UsageError
from leadline.measure.groups import rate
from leadline.measure.intervals import Estimate

Array = NDArray[Any]


@dataclass(frozen=True)
class Conformal:
    """The score up to which an answer is in the set, for a coverage; ``by_group`` has one for each group's name.

    A score is infinite where there are too few held-out examples to promise so much: then every answer is in the set.
    """

    coverage: float
    score: float
    n: int
    by_group: Mapping[str, float] = field(default_factory=dict)

    def sets(self, probabilities: Array, groups: ArrayLike | None = None) -> Array:
        """Which classes are in the set of each example, boolean (m, K), the most probable one always."""
        limit = self._limits(len(probabilities), groups)[:, None]
        chosen = (1 - probabilities) <= limit
        chosen[np.arange(len(chosen)), probabilities.argmax(1)] = True
        return chosen

    def intervals(self, values: Array, groups: ArrayLike | None = None) -> tuple[Array, Array]:
        """The lower and upper end for values (m,) or (m, k), of the same shape."""
        limit = self._limits(len(values), groups)
        limit = limit.reshape(-1, *(1,) * (values.ndim - 1))
        return values - limit, values + limit

    def _limits(self, m: int, groups: ArrayLike | None) -> Array:
        """Of each example, (m,); of a group that has none of its own that of all."""
        if groups is None:
            return np.full(m, self.score)
        names = np.asarray(groups).astype(str)
        return np.array([self.by_group.get(name, self.score) for name in names.tolist()])


def class_scores(labels: ArrayLike, probabilities: ArrayLike) -> Array:
    """1 − the probability of the right class, (m,)."""
    p = np.asarray(probabilities, float)
    return 1 - p[np.arange(len(p)), np.asarray(labels, np.int64)]


def value_scores(truth: ArrayLike, predicted: ArrayLike) -> Array:
    """|y − ŷ|, (m,); of several values in one example the largest, so that all are held together."""
    difference = np.abs(np.asarray(truth, float) - np.asarray(predicted, float))
    return difference.reshape(len(difference), -1).max(1)


def conformal(scores: ArrayLike, coverage: float, groups: ArrayLike | None = None) -> Conformal:
    """What sets and intervals of this coverage need, from the scores (m,) of held-out examples.

    ``groups`` (m,) are names: each group then has a score of its own.

    Raises:
        UsageError: the coverage is not between 0 and 1, or there are no examples.

    """
    given = np.asarray(scores, float)
    check_coverage(coverage)
    if not len(given):
        raise UsageError("A coverage needs held-out examples, and there are none.")
    names = None if groups is None else np.asarray(groups).astype(str)
    own = {} if names is None else {str(name): _limit(given[names == name], coverage) for name in np.unique(names)}
    return Conformal(coverage, _limit(given, coverage), len(given), own)


def check_coverage(coverage: float) -> None:
    """Raise `UsageError` unless it lies between 0 and 1."""
    if not 0 < coverage < 1:
        hint = " (only the set of all answers holds the truth always)" if coverage == 1 else ""
        raise UsageError(f"coverage must be greater than 0 and less than 1{hint}, got {coverage:g}.")


def coverage_of(held: ArrayLike, groups: ArrayLike | None = None) -> Estimate:
    """How often sets or intervals held the truth, from booleans (m,), with its interval."""
    return rate(np.asarray(held, bool), groups=groups)


def _limit(scores: Array, coverage: float) -> float:
    """The ⌈(n + 1)·coverage⌉-th smallest of n scores; infinite where there are not so many."""
    place = math.ceil((len(scores) + 1) * coverage - 1e-9)
    return math.inf if place > len(scores) else float(np.sort(scores)[place - 1])
