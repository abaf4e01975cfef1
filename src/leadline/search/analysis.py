"""The end of a search: which trial is significantly best, which hyper-parameters mattered, where to search on."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import optuna
from optuna.importance import FanovaImportanceEvaluator, get_param_importances
from scipy.stats import rankdata, t

from leadline.search.distributions import distribution, parameter, parameter_name
from leadline.search.records import SearchFolder, TrialRecord
from leadline.search.spaces import Dimension, Space, Value
from leadline.search.tiers import tier_of
from leadline.session.plan import Plan
from leadline.strategy import ChosenError, corrected_best
from leadline.variants.executor import Executor, Outcome
from leadline.variants.objective import dev_error_of
from leadline.variants.variants import PreparedExperiment

EDGE = 0.05  # of a whole scale
LEAST_FOR_IMPORTANCE = 8  # trials
TREES, FEW_TREES, SHUFFLES = 64, 16, 19  # of the forest, of one for shuffled errors, and how often those are shuffled
LEAST_POSSIBLE = {"network.hidden_layers": 1, "training.batch_size": 1, "network.units": 1}


@dataclass(frozen=True)
class Finalist:
    """A trial that was trained again with other seeds.

    ``dev_error`` is what it had in the search, where the dev set chose it among all; ``errors`` are those of the other
    seeds, ``mean`` their mean with its 95 % interval ``low`` to ``high`` by Student's t, None for fewer than two.
    """

    number: int
    values: Mapping[str, Value]
    dev_error: float
    errors: Sequence[float]
    mean: float
    low: float | None
    high: float | None

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


@dataclass(frozen=True)
class KeyImportance:
    """How much of the differences between trials a hyper-parameter explains (fANOVA, 0 to 1), beside its tier.

    ``chance`` is the share that chance exceeds in 5 % of cases: the largest of 19 shuffles of the dev errors.
    """

    key: str
    importance: float
    tier: int | None
    chance: float = 0.0


def ranked(trials: Sequence[TrialRecord]) -> list[TrialRecord]:
    """The complete trials by dev error, ties by dev cost."""
    complete = [trial for trial in trials if trial.state == "complete" and trial.dev_error is not None]
    return sorted(
        complete, key=lambda trial: (trial.dev_error, trial.dev_cost if trial.dev_cost is not None else math.inf)
    )


def finalists(
    prepared: PreparedExperiment,
    trials: Sequence[TrialRecord],
    count: int,
    seeds: int,
    out_of_time: Callable[[], bool] = lambda: False,
) -> list[Finalist]:
    """Train the best trials again with other seeds, all at once; the best mean first.

    Where the time is up, those that are done count, and a trial without any keeps its error of the search alone.
    """
    chosen = _different(ranked(trials), count)
    base = prepared.plan.training.seed
    runs = [(trial, base + 1 + k) for trial in chosen for k in range(seeds)]
    variants = [prepared.variant({**trial.values, "training.seed": seed}) for trial, seed in runs]
    errors: dict[int, list[float]] = {trial.number: [] for trial in chosen}
    executor = Executor()

    def end(i: int, outcome: Outcome) -> None:
        error = dev_error_of(outcome)
        if error is not None and outcome.stopped not in ("budget", "interrupted", "diverged"):
            errors[runs[i][0].number].append(error)

    def epoch(_: object) -> None:
        if out_of_time():
            executor.stop("budget")

    executor.on_epoch, executor.on_end = epoch, end
    executor.run(variants)
    results = [_finalist(trial, errors[trial.number]) for trial in chosen]
    return sorted(results, key=lambda finalist: (not finalist.errors, finalist.mean))


def expected_error(plan: Plan, folder: SearchFolder, trials: Sequence[TrialRecord]) -> ChosenError | None:
    """The error of the best trial on new examples: that of the dev set, corrected for having been chosen by it.

    Pruned trials count among those it was chosen from: on other examples they might have been the best.
    None where the errors on single examples were not kept (`leadline.variants.objective.dev_losses_of`).
    """
    measured = {trial.number: trial for trial in trials if trial.dev_error is not None}
    numbers, losses = folder.losses(list(measured))
    if not numbers:
        return None
    root, groups = plan.data.task.graded, plan.groups(plan.split.dev)
    chosen = corrected_best(losses, groups, root, "" if root else "%")
    best = measured[numbers[chosen.best]]
    scale = 1.0 if not root or not chosen.apparent else (best.dev_error or 0.0) / chosen.apparent
    ends = [None if end is None else end * scale for end in (chosen.expected.low, chosen.expected.high)]
    expected = replace(chosen.expected, value=chosen.expected.value * scale, low=ends[0], high=ends[1])
    return replace(chosen, best=best.number, apparent=chosen.apparent * scale, expected=expected)


def _different(trials: Sequence[TrialRecord], count: int) -> list[TrialRecord]:
    """The first ``count`` trials of which no two have the same values."""
    different: list[TrialRecord] = []
    for trial in trials:
        if len(different) < count and all(trial.values != other.values for other in different):
            different.append(trial)
    return different


def _finalist(trial: TrialRecord, errors: list[float]) -> Finalist:
    assert trial.dev_error is not None
    mean = float(np.mean(errors)) if errors else trial.dev_error
    low = high = None
    if len(errors) > 1:
        half = float(t.ppf(0.975, len(errors) - 1) * np.std(errors, ddof=1) / math.sqrt(len(errors)))
        low, high = max(0.0, mean - half), mean + half
    return Finalist(trial.number, trial.values, trial.dev_error, errors, mean, low, high)


def importances(space: Space, trials: Sequence[TrialRecord]) -> list[KeyImportance]:
    """The share that each hyper-parameter has in the differences between trials, largest first.

    fANOVA (Hutter et al., 2014; Optuna's) on the ranks of the dev errors, so that a few failures do not drown the rest;
    pruned trials count with the error at which they left, diverged ones as the worst. Some share always falls to each:
    beside it stands what shuffled errors give. Empty for too few trials, or where all came out alike. Hyper-parameters
    that count only under conditions are left out.
    """
    always = [dimension for dimension in space if not dimension.when]
    done = [trial for trial in trials if trial.done and all(d.key in trial.values for d in always)]
    errors = np.array([math.inf if trial.dev_error is None else trial.dev_error for trial in done])
    if len(done) < LEAST_FOR_IMPORTANCE or len(set(errors)) < 2:
        return []
    ranks, random = rankdata(errors), np.random.default_rng(0)
    shares = _shares(always, done, ranks, TREES)
    shuffled = [_shares(always, done, random.permutation(ranks), FEW_TREES) for _ in range(SHUFFLES)]
    return [
        KeyImportance(
            dimension.key,
            shares[dimension.key],
            dimension.tier or tier_of(dimension.key),
            max(other[dimension.key] for other in shuffled),
        )
        for dimension in sorted(always, key=lambda dimension: -shares[dimension.key])
    ]


def _shares(
    dimensions: Sequence[Dimension], trials: Sequence[TrialRecord], ranks: np.ndarray, trees: int
) -> dict[str, float]:
    """The share of each hyper-parameter in the differences between these ranks of the trials, by its key."""
    study = optuna.create_study()
    for trial, rank in zip(trials, ranks, strict=True):
        parameters = {parameter_name(d): parameter(d, trial.values[d.key]) for d in dimensions}
        distributions = {parameter_name(d): distribution(d) for d in dimensions}
        study.add_trial(optuna.create_trial(params=parameters, distributions=distributions, value=float(rank)))
    shares = get_param_importances(study, evaluator=FanovaImportanceEvaluator(n_trees=trees, seed=0))
    return {d.key: float(shares[parameter_name(d)]) for d in dimensions}


def edges(space: Space, best: Mapping[str, Value]) -> list[str]:
    """One line for each number whose best value lies at an edge of its range: the optimum may be beyond it."""
    return [line for dimension in space if dimension.key in best for line in _edge(dimension, best[dimension.key])]


def _edge(dimension: Dimension, value: Value) -> list[str]:
    numbers = [c for c in dimension.choices if isinstance(c, int | float) and not isinstance(c, bool)]
    if dimension.scale == "choice":
        if len(numbers) < 3 or value not in numbers:
            return []
        low, high = min(numbers), max(numbers)
        at_low, at_high = value == low, value == high
    else:
        place, low, high = dimension.place_of(value), dimension.low, dimension.high
        at_low = value == low if dimension.scale == "integer" else place < EDGE
        at_high = value == high if dimension.scale == "integer" else place > 1 - EDGE
    if at_low and low <= LEAST_POSSIBLE.get(dimension.key, 0):
        return []
    if not (at_low or at_high):
        return []
    assert isinstance(value, int | float)
    side = "lower" if at_low else "upper"
    where = f"at the {side} end of what was searched, {low:g} to {high:g}"
    return [f"The best {dimension.key}, {value:.4g}, lies {where}: a better one may lie beyond; widen the range."]
