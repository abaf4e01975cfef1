"""What a change of the experiment does to an error: measured on the same examples, and over several seeds.

Two kinds of luck are in a measured difference. The dev set is a sample: other examples would give another difference,
but what both networks find hard cancels (paired draws). A training is a sample, too: other seeds give other networks.
Both are added. What was chosen because it looked best has looked better than it is (the winner's curse): `shrunk`
takes back what luck of this size is expected to have given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from leadline.measure import Estimate
from leadline.soundings.scores import Score

HELPS, HURTS, CANNOT_TELL = "helps", "hurts", "cannot tell"
LEVEL = 0.95
OUTCOME_LEVEL = 0.9
USUAL_EFFECT = 0.05
"""What remedies usually change an error by, as a share of it: where the effects themselves are not measured yet."""
USUAL_WEIGHT = 2.0  # counts as many effects
SEED_WEIGHT = 3.0  # how many seeds the baseline's variance over seeds counts for a variant's


@dataclass(frozen=True)
class Effect:
    """A difference of two errors and the standard errors of its two kinds of luck.

    ``sampling`` is the dev set's, ``seeds`` the trainings', and ``seed_sd`` the spread of one training to the next.
    """

    value: float
    sampling: float
    seeds: float
    seed_sd: float

    @property
    def se(self) -> float:
        """Standard error on new examples and with new seeds."""
        return float(np.hypot(self.sampling, self.seeds))

    def measured(self, unit: str, level: float = LEVEL) -> Estimate:
        """The value with its interval."""
        z = NormalDist().inv_cdf(0.5 + level / 2)
        return Estimate(self.value, self.value - z * self.se, self.value + z * self.se, None, level, unit)


def effect(before: Sequence[Score], after: Sequence[Score]) -> Effect:
    """Mean error after − mean error before; each is one network's score on the same examples."""
    first, second = _errors(before), _errors(after)
    draws = np.mean([s.draws for s in after], 0) - np.mean([s.draws for s in before], 0)
    sd = seed_sd(first)
    sd_after = seed_sd(second, sd)
    freedom = max(len(first) + len(second) - 2, 1)
    # With few seeds the spread over them is itself unsure: Student's t is this much wider than the normal.
    wider = freedom / (freedom - 2) if freedom > 2 else 3.0
    seeds = np.sqrt(wider * (sd**2 / len(first) + sd_after**2 / len(second)))
    return Effect(float(second.mean() - first.mean()), float(draws.std(ddof=1)), float(seeds), sd_after)


def seed_sd(errors: np.ndarray, usual: float | None = None) -> float:
    """Standard deviation over seeds; with `usual`, drawn to it as few seeds deserve."""
    own = float(errors.var(ddof=1)) if len(errors) > 1 else 0.0
    if usual is None:
        return own**0.5
    freedom = len(errors) - 1
    return float(((SEED_WEIGHT * usual**2 + freedom * own) / (SEED_WEIGHT + freedom)) ** 0.5)


def difference(first: Effect, second: Effect) -> Effect:
    """First − second where their luck is of different examples, as for dev and training errors; seeds are shared."""
    return Effect(
        first.value - second.value,
        float(np.hypot(first.sampling, second.sampling)),
        float(np.hypot(first.seeds, second.seeds)),
        float(np.hypot(first.seed_sd, second.seed_sd)),
    )


def verdict(change: Effect, comparisons: int = 1, level: float = LEVEL) -> str:
    """Whether the error falls or rises beyond luck, after as many comparisons (Bonferroni's rule)."""
    z = NormalDist().inv_cdf(1 - (1 - level) / 2 / max(comparisons, 1))
    if change.value + z * change.se < 0:
        return HELPS
    return HURTS if change.value - z * change.se > 0 else CANNOT_TELL


def usual_variance(effects: Sequence[Effect], error: float, seeds_only: bool = False) -> float:
    """How far true effects spread around no effect: their variance, from effects less their luck.

    Effects that are harmful beyond doubt say nothing of those that could be chosen, and are left out. With few
    effects, `USUAL_EFFECT` of the error counts for some.
    """
    variances = np.array([e.seeds**2 if seeds_only else e.se**2 for e in effects])
    values = np.array([e.value for e in effects])
    could = values < 2 * np.sqrt(variances)
    excess = float(np.maximum(values[could] ** 2 - variances[could], 0.0).sum()) if len(effects) else 0.0
    return (USUAL_WEIGHT * (USUAL_EFFECT * error) ** 2 + excess) / (
        USUAL_WEIGHT + int(could.sum() if len(effects) else 0)
    )


def shrunk(change: Effect, usual: float) -> Effect:
    """The effect as it is expected to be, given the variance of usual effects: less than it looks, by its luck.

    The posterior mean and standard error where both are normal (James and Stein, 1961; Efron and Morris, 1975).
    """
    variance = change.se**2
    if variance == 0:
        return change
    kept = usual / (usual + variance)
    return Effect(kept * change.value, kept**0.5 * change.sampling, kept**0.5 * change.seeds, change.seed_sd)


def outcome(change: Effect, start: float, usual: float, unit: str, misfit: float = 0.0) -> Estimate:
    """What one full training is expected to measure on the same dev examples, with its 90 % interval.

    The dev examples are the same, so their luck does not count; the luck of the seeds does, twice: in what was measured
    so far and in the training to come. ``misfit`` is the standard error of what soundings of less than the full
    training leave open.
    """
    variance = change.seeds**2
    kept = usual / (usual + variance) if variance else 1.0
    value = start + kept * change.value
    sd = float(np.sqrt(kept * variance + change.seed_sd**2 + misfit**2))
    z = NormalDist().inv_cdf(0.5 + OUTCOME_LEVEL / 2)
    return Estimate(value, max(value - z * sd, 0.0), value + z * sd, None, OUTCOME_LEVEL, unit)


def chance_of_gain(change: Effect) -> float:
    """The chance that the error falls."""
    return NormalDist().cdf(-change.value / change.se) if change.se > 0 else float(change.value < 0)


def _errors(scores: Sequence[Score]) -> np.ndarray:
    return np.array([score.error for score in scores])
