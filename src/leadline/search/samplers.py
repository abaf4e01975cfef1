"""How the next trial is chosen: Optuna's samplers, made repeatable for any number of workers, and our own two.

What a trial draws depends on the seed, on its place in their order and on the trials before it, not on the process that
asks: a random search by four workers tries the same points as one by a single worker.
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar
from zlib import crc32

import numpy as np
from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler, QMCSampler, RandomSampler, TPESampler
from optuna.trial import FrozenTrial, TrialState

from leadline.extensions import Extension, Registry, registry
from leadline.search.coarse_to_fine import CoarseToFine, DrawnBefore, ordinal
from leadline.search.distributions import distribution, parameter, parameter_name
from leadline.search.spaces import Space

GRID_POINT = "leadline:grid point"
TPE_AT_ONCE = 8


@dataclass(frozen=True)
class Strategy:
    """A sampler, and how many trials it may be asked for before it has to know how they went (None: any number).

    ``most`` is how many different trials there are at all, None for no end of them.
    """

    sampler: BaseSampler
    at_once: int | None = None
    most: int | None = None


class Sampler(Extension, ABC, kind="sampler"):
    """A way to choose the next trial, by name. Subclass it, with `strategy`, to add one of your own.

    A search asks for its strategy once in every process that takes part, with the same arguments.
    """

    name: ClassVar[str]

    @abstractmethod
    def strategy(self, space: Space, trials: int, seed: int) -> Strategy:
        """How a search of so many trials over a space chooses them.

        `Numbered` makes any of Optuna's samplers repeatable, however many workers ask it.
        """


SAMPLERS: Registry[Sampler] = registry("sampler")
"""The samplers by name."""


def strategy(name: str, space: Space, trials: int, seed: int) -> Strategy:
    """The strategy of the sampler of that name. `UsageError`: there is no such sampler."""
    return SAMPLERS.lookup(name, "search.sampler: ").strategy(space, trials, seed)


def grid_levels(space: Space, trials: int) -> int:
    """The most levels of every number for which the grid has no more than ``trials`` points, at least 2."""
    levels = 2
    while levels < trials and len(space.points(levels + 1)) <= trials:
        if len(space.points(levels + 1)) == len(space.points(levels)):
            break
        levels += 1
    return levels


def _tpe(seed: int) -> BaseSampler:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        return TPESampler(seed=seed, multivariate=True, group=True, constant_liar=True)


class Numbered(BaseSampler):
    """One of Optuna's samplers, begun anew for each trial from the search's seed and the trial's place in the order."""

    def __init__(self, make: Callable[[int], BaseSampler], seed: int) -> None:
        self._make, self._seed = make, seed
        self._places: dict[int, int] = {}  # of the trial that is asked for now
        self._current: dict[int, BaseSampler] = {}
        self._draws_together = not isinstance(make(seed), RandomSampler)

    def _place(self, study: Study, trial: FrozenTrial) -> int:
        if trial.number not in self._places:
            self._places = {trial.number: ordinal(study, trial)}
        return self._places[trial.number]

    def _of(self, study: Study, trial: FrozenTrial) -> BaseSampler:
        place = self._place(study, trial)
        if place not in self._current:
            random = np.random.SeedSequence([self._seed, place])
            self._current = {place: self._make(int(random.generate_state(1)[0]))}
        return self._current[place]

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """As Optuna's own; nothing where each parameter is drawn for itself."""
        return self._of(study, trial).infer_relative_search_space(study, trial) if self._draws_together else {}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """As Optuna's own."""
        return self._of(study, trial).sample_relative(study, trial, search_space) if self._draws_together else {}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """As Optuna's own, with numbers of the parameter's own: a trial given out again keeps some values."""
        random = np.random.SeedSequence([self._seed, self._place(study, trial), crc32(param_name.encode())])
        own = self._make(int(random.generate_state(1)[0]))
        return own.sample_independent(study, trial, param_name, param_distribution)


class QuasiRandom(QMCSampler):
    """Optuna's scrambled Sobol points, from the first trial on: it knows the space, and so need not see a trial first.

    Dimensions that count only under conditions are drawn at random.
    """

    def __init__(self, space: Space, seed: int) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            super().__init__(
                scramble=True,
                seed=seed,
                independent_sampler=Numbered(lambda seed: RandomSampler(seed), seed),
                warn_independent_sampling=False,
                warn_asynchronous_seeding=False,
            )
        self._known = {parameter_name(d): distribution(d) for d in space if not d.when}

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """All dimensions without conditions."""
        return self._known


class Grid(DrawnBefore):
    """The points of a grid in a shuffled order, each once, however many workers take them.

    Unlike Optuna's own it leaves out what differs only in dimensions that do not count.
    """

    def __init__(self, space: Space, points: Sequence[dict[str, Any]], seed: int) -> None:
        self._points = [{parameter_name(space[key]): parameter(space[key], v) for key, v in p.items()} for p in points]
        self._by_values = {_key(point): i for i, point in enumerate(self._points)}
        self._seed = seed
        self._given: dict[int, int] = {}

    def point_of(self, number: int) -> int:
        """The point that the trial of this number was given; whoever asked for it writes it down as `GRID_POINT`."""
        return self._given[number]

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Choose among the points that nobody has taken."""
        others = [other for other in study.get_trials(deepcopy=False) if other.state != TrialState.FAIL]
        taken = {other.user_attrs.get(GRID_POINT, self._by_values.get(_key(other.params))) for other in others}
        left = [point for point in range(len(self._points)) if point not in taken] or [*range(len(self._points))]
        self._given = {trial.number: int(np.random.default_rng([self._seed, trial.number]).choice(left))}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """The point's value."""
        return self._points[self._given[trial.number]][param_name]


def _key(parameters: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Parameters to look up a point by, without the last digits that a trip through a file may change."""
    texts = {name: f"{value:.10g}" if isinstance(value, float) else str(value) for name, value in parameters.items()}
    return tuple(sorted(texts.items()))


class RandomSearch(Sampler):
    """Every trial anew at random."""

    name = "random"

    def strategy(self, space: Space, trials: int, seed: int) -> Strategy:
        """Any number of trials at once."""
        return Strategy(Numbered(lambda seed: RandomSampler(seed), seed))


class QuasiRandomSearch(Sampler):
    """Points that fill the space evenly."""

    name = "quasi-random"

    def strategy(self, space: Space, trials: int, seed: int) -> Strategy:
        """Any number of trials at once."""
        return Strategy(QuasiRandom(space, seed))


class GridSearch(Sampler):
    """All points of a grid, each once."""

    name = "grid"

    def strategy(self, space: Space, trials: int, seed: int) -> Strategy:
        """As fine a grid as there are trials for."""
        points = space.points(grid_levels(space, trials))
        return Strategy(Grid(space, points, seed), most=len(points))


class CoarseToFineSearch(Sampler):
    """Rounds in smaller and smaller regions."""

    name = "coarse-to-fine"

    def strategy(self, space: Space, trials: int, seed: int) -> Strategy:
        """A round at once."""
        sampler = CoarseToFine(space, trials, seed)
        return Strategy(sampler, at_once=sampler.round_size)


class TreeParzen(Sampler):
    """Optuna's tree-structured Parzen estimator."""

    name = "tpe"

    def strategy(self, space: Space, trials: int, seed: int) -> Strategy:
        """A few at once: it learns from those before."""
        return Strategy(Numbered(_tpe, seed), at_once=TPE_AT_ONCE)
