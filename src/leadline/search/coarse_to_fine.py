"""Coarse to fine: rounds of trials, each in the region where the best of the rounds before lie.

Course 2, hyper-parameter tuning, as a sampler of Optuna's. A margin around the region, and a few trials of each round
that are drawn from the whole space, let the search leave a wrong region again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState

from leadline.search.distributions import parameter, parameter_name, values_of
from leadline.search.spaces import Dimension, Space, Value

OUTCOME = "outcome"
"""The attribute of a trial that holds what its training reached, beside the dev error."""
GIVEN_OUT_AGAIN = "failed_trial"
"""Optuna's attribute of a trial that takes the place of one whose worker died: the number of the first."""
ROUNDS = 8
LEAST_ROUND = 6  # trials; fewer say too little about a region
QUANTILE = 0.15  # of all trials so far: the best, which span the next region
LEAST_BEST = 3
MARGIN = 0.25  # of the region's width, on either side
LEAST_WIDTH = 0.15  # of a whole scale
STRAY = 0.1  # of a round's trials are drawn from the whole space


@dataclass(frozen=True)
class SearchRegion:
    """Where a round looks: an interval of places 0 to 1 for each number, weights (k,) for each choice."""

    intervals: Mapping[str, tuple[float, float]]
    weights: Mapping[str, np.ndarray]


def whole(space: Space) -> SearchRegion:
    """The region of the first round."""
    intervals = {d.key: (0.0, 1.0) for d in space if d.is_number}
    return SearchRegion(
        intervals, {d.key: np.full(len(d.choices), 1 / len(d.choices)) for d in space if not d.is_number}
    )


def zoomed(space: Space, tried: Sequence[Mapping[str, Value]]) -> SearchRegion:
    """The region around the best trials, which come first in ``tried``, all those so far."""
    n_best = min(len(tried), max(LEAST_BEST, math.ceil(QUANTILE * len(tried))))
    intervals, weights = dict(whole(space).intervals), dict(whole(space).weights)
    for dimension in space:
        values = [values[dimension.key] for values in tried[:n_best] if dimension.key in values]
        if not values:
            continue
        if dimension.is_number:
            intervals[dimension.key] = _around([dimension.place_of(value) for value in values])
        else:
            counts = np.array([values.count(choice) for choice in dimension.choices]) + 0.5
            weights[dimension.key] = counts / counts.sum()
    return SearchRegion(intervals, weights)


def _around(places: Sequence[float]) -> tuple[float, float]:
    low, high = min(places), max(places)
    extra = max(MARGIN * (high - low), (LEAST_WIDTH - (high - low)) / 2)
    return max(0.0, low - extra), min(1.0, high + extra)


class DrawnBefore(BaseSampler):
    """A sampler that chooses all values of a trial before it begins, and hands them out one by one."""

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Nothing is drawn together later."""
        return {}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """No parameters are drawn jointly."""
        return {}


class CoarseToFine(DrawnBefore):
    """Draws each round's trials from its region, spread evenly over every scale (a Latin hypercube).

    A round is ``round_size`` trials in the order in which they begin. Its region is made from the trials of the rounds
    before that are done, so that a worker should ask for no more than a round at once.
    """

    def __init__(self, space: Space, trials: int, seed: int) -> None:
        self.space, self.seed = space, seed
        self.round_size = max(min(trials, LEAST_ROUND), math.ceil(trials / ROUNDS))
        self._regions: dict[int, SearchRegion] = {}
        self._drawn: dict[int, dict[str, Any]] = {}

    def region(self, study: Study, number: int) -> SearchRegion:
        """Where the round looks to which the trial belongs before which so many began."""
        index = number // self.round_size
        if index == 0:
            return whole(self.space)
        done = [t for t in finished(study) if ordinal(study, t) < index * self.round_size]
        if len(done) < min(LEAST_BEST, self.round_size):
            return whole(self.space)
        if index not in self._regions or len(done) < index * self.round_size:
            self._regions[index] = zoomed(self.space, [values_of(self.space, t.params) for t in best_first(done)])
        return self._regions[index]

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Draw the whole trial."""
        number = ordinal(study, trial)
        region = self.region(study, number)
        index, slot = divmod(number, self.round_size)
        random = np.random.default_rng([self.seed, index])
        places = {d.key: _spread(random, self.round_size)[slot] for d in self.space}
        stray = index > 0 and random.permutation(self.round_size)[slot] < int(STRAY * self.round_size + 0.5)
        region = whole(self.space) if stray else region
        drawn = {d: _value(d, region, places[d.key]) for d in self.space}
        self._drawn = {trial.number: {parameter_name(d): parameter(d, value) for d, value in drawn.items()}}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """The value that was drawn."""
        return self._drawn[trial.number][param_name]


def ordinal(study: Study, trial: FrozenTrial) -> int:
    """How many trials were begun before this one; a trial that is given out again keeps the place that it had first."""
    first = trial.system_attrs.get(GIVEN_OUT_AGAIN, trial.number)
    before = study.get_trials(deepcopy=False)[:first]
    return sum(GIVEN_OUT_AGAIN not in other.system_attrs for other in before)


def finished(study: Study) -> list[FrozenTrial]:
    """The trials that say something about their place, pruned ones included."""
    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED))


def best_first(trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """Trials by dev error, ties by dev cost; then the pruned ones, those that came furthest first."""

    def rank(trial: FrozenTrial) -> tuple[float, ...]:
        cost = trial.user_attrs.get(OUTCOME, {}).get("dev_cost")
        cost = math.inf if cost is None else cost
        if trial.state == TrialState.COMPLETE and trial.value is not None:
            return (0, 0, trial.value, cost)
        reached = max(trial.intermediate_values, default=-1)
        return (1, -reached, trial.intermediate_values.get(reached, math.inf), cost)

    return sorted(trials, key=rank)


def _spread(random: np.random.Generator, n: int) -> np.ndarray:
    """One place in each of n equal parts of the unit interval, in a random order."""
    return (random.permutation(n) + random.random(n)) / n


def _value(dimension: Dimension, region: SearchRegion, place: float) -> Value:
    if dimension.is_number:
        low, high = region.intervals[dimension.key]
        return dimension.value_at(low + place * (high - low))
    edges = np.cumsum(region.weights[dimension.key])
    return dimension.choices[min(int(np.searchsorted(edges, place, side="right")), len(dimension.choices) - 1)]
