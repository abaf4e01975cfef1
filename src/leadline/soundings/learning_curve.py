"""How the error falls with more training examples, and what that promises of examples yet to be collected.

Networks are trained on 1/8, 1/4, 1/2 and all of the training set, each seed on nested subsets of its own, so the
spread over seeds holds the luck of the drawn examples, too. A power law with offset goes through the means.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from leadline.soundings.effects import LEVEL, OUTCOME_LEVEL
from leadline.soundings.power_law import PowerLaw, fit_power_law, interval
from leadline.soundings.scores import Score
from leadline.soundings.training import Trained
from leadline.text import about, grouped

FRACTIONS = (1 / 8, 1 / 4, 1 / 2)
FEWEST_EXAMPLES = 16  # below, a network learns nothing that a curve could go through
FORECAST, FLAT, NOISY, RISING, BENT, SHORT = "forecast", "flat", "noisy", "rising", "bent", "too few points"
MULTIPLES = (2, 4)
FALLS_LEVEL = 0.96
MOST_WIDTH = 1.0  # of the interval of the mean at twice the examples, as a share of today's error
SEED_WEIGHT = 1.0  # how many seeds the common spread counts for beside one size's own


@dataclass(frozen=True)
class Point:
    """The mean error of networks trained on n examples, with its 95 % interval over seeds and drawn examples."""

    n: int
    error: float
    low: float
    high: float
    seeds: int


@dataclass(frozen=True)
class Forecast:
    """What is expected with n examples.

    ``low`` and ``high`` hold one training on that many examples, measured on the same dev set, with 90 % probability:
    the law's own uncertainty and the luck of that training are both in it. ``mean_low`` and ``mean_high`` hold its
    mean over seeds.
    """

    n: int
    error: float
    low: float
    high: float
    mean_low: float
    mean_high: float


@dataclass(frozen=True)
class Needed:
    """How many examples bring the expected error down to ``target``: median and 90 % interval, None for never."""

    target: float
    n: int | None
    low: int | None
    high: int | None
    never: float

    def __str__(self) -> str:
        if self.n is None:
            return f"no number of examples is likely to do ({100 * self.never:.0f} % of the curves level off above it)"
        low = about(self.low or 0)
        between = f"at least {low}" if self.high is None else f"{low} to {about(self.high)}"
        return f"about {about(self.n)} examples ({between})"


@dataclass(frozen=True)
class LearningCurve:
    """Points, and forecasts where the points allow them; ``status`` and ``reason`` say why where they do not."""

    points: tuple[Point, ...]
    status: str
    reason: str = ""
    forecasts: tuple[Forecast, ...] = ()
    needed: tuple[Needed, ...] = ()
    a: float | None = None
    b: float | None = None
    c: float | None = None
    line: tuple[Forecast, ...] = ()

    @property
    def allows_forecast(self) -> bool:
        """Whether there is one."""
        return self.status == FORECAST

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        listed = {key: [vars(item) for item in getattr(self, key)] for key in ("points", "forecasts", "needed", "line")}
        return {"status": self.status, "reason": self.reason, "a": self.a, "b": self.b, "c": self.c, **listed}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> LearningCurve:
        """The inverse of ``to_json``."""
        kinds = {"points": Point, "forecasts": Forecast, "needed": Needed, "line": Forecast}
        listed = {key: tuple(kind(**item) for item in data[key]) for key, kind in kinds.items()}
        return cls(**{**data, **listed})


@dataclass(frozen=True, eq=False)
class Levels:
    """Scores of several seeds at each size, ascending, with what they say of the noise.

    ``noise`` (k, k) is the covariance of the mean errors, relative to the dev set at hand; ``spread`` (k,) the
    standard deviation of one training at each size, which includes the luck of the examples drawn for it.
    """

    sizes: list[int]
    scores: list[list[Score]]

    @property
    def means(self) -> np.ndarray:
        """Mean errors (k,)."""
        return np.array([np.mean([score.error for score in scores]) for scores in self.scores])

    @property
    def spread(self) -> np.ndarray:
        """Spread over seeds, each size's own drawn to what all have in common: a share of the error."""
        own = np.array([np.var([s.error for s in scores], ddof=1) if len(scores) > 1 else 0 for scores in self.scores])
        freedom = np.array([len(scores) - 1 for scores in self.scores], float)
        means = np.maximum(self.means, 1e-12)  # a size without any error has no share of it
        share = float((freedom * own / means**2).sum() / freedom.sum()) if freedom.sum() else 0.0
        return np.sqrt((SEED_WEIGHT * share * means**2 + freedom * own) / (SEED_WEIGHT + freedom))

    @property
    def noise(self) -> np.ndarray:
        """Luck of the seeds, and of the dev set as far as sizes differ in what they find hard."""
        draws = np.stack([np.mean([score.draws for score in scores], 0) for scores in self.scores])
        paired = np.atleast_2d(np.cov(draws - draws[-1]))
        seeds = np.array([len(scores) for scores in self.scores])
        # The spread is itself known from few seeds: Student's t has this much more variance than the normal law.
        freedom = int((seeds - 1).sum())
        wider = freedom / (freedom - 2) if freedom > 2 else 3.0
        return paired + wider * np.diag(self.spread**2 / seeds)

    def next_luck(self, draws: int, seed: int) -> np.ndarray:
        """Deviations (draws,) of one training beyond the largest size from its expectation: Student's t, for the spread
        itself is known from few seeds."""
        freedom = max(sum(len(scores) - 1 for scores in self.scores), 3)
        return np.random.default_rng(seed).standard_t(freedom, draws) * self.next_spread()

    def next_spread(self) -> float:
        """Standard deviation of one training beyond the largest size, about its expectation.

        Its seed; the luck of the examples, which the seeds of the largest size share where it is the whole set and
        smaller sizes show, half of it drawn anew at a doubling; and how another network of that kind differs on this
        dev set.
        """
        spread = self.spread
        examples = max(spread[-2] ** 2 - spread[-1] ** 2, 0.0) / 2
        draws = [np.mean([score.draws for score in scores], 0) for scores in self.scores[-2:]]
        paired = float(np.var(draws[-1] - draws[0])) / 2
        return float(np.sqrt(spread[-1] ** 2 + examples + paired))


def levels_of(outcomes: Sequence[Trained]) -> Levels:
    """The dev scores by number of training examples; networks that diverged are left out."""
    by_size: dict[int, list[Score]] = {}
    for trained in outcomes:
        if not trained.diverged:
            by_size.setdefault(trained.n, []).append(trained.dev)
    sizes = sorted(by_size)
    return Levels(sizes, [by_size[n] for n in sizes])


def curve_sizes(m: int, n_classes: int, batch_size: int) -> list[int]:
    """The sizes to train on below m: large enough to learn from, and never one example over a number of batches."""
    least = max(FEWEST_EXAMPLES, 2 * n_classes)
    sizes = [round(m * fraction) for fraction in FRACTIONS]
    return [n - 1 if n > batch_size and n % batch_size == 1 else n for n in sizes if n >= least]


def learning_curve(
    levels: Levels,
    unit: str = "%",
    targets: Sequence[float] = (),
    m: int | None = None,
    of: str = "examples",
    seed: int = 0,
) -> LearningCurve:
    """Fit the levels and forecast, or say why not.

    ``targets`` are errors to reach; by default nine and seven tenths of today's. ``m`` is how many examples there
    are, where the largest size has fewer; forecasts are for multiples of it. ``of`` is what the sizes count.
    """
    z = NormalDist().inv_cdf(0.5 + LEVEL / 2)
    means, spread = levels.means, levels.spread
    points = tuple(
        Point(
            n,
            float(e),
            max(float(e - z * s / len(scores) ** 0.5), 0.0),
            float(e + z * s / len(scores) ** 0.5),
            len(scores),
        )
        for n, e, s, scores in zip(levels.sizes, means, spread, levels.scores, strict=True)
    )
    if len(points) < 3:
        return LearningCurve(points, SHORT, "a curve needs at least three sizes to go through.")
    reason = _unfit(levels, unit, of)
    if reason is not None:
        return LearningCurve(points, *reason)
    law = fit_power_law(levels.sizes, list(means), levels.noise, seed)
    if law.chi2 > _chi2_limit(len(points)):
        return LearningCurve(points, BENT, "no curve of the usual form goes through its points.")
    m = m or law.n
    forecasts = tuple(forecast(law, levels, multiple * m, seed) for multiple in MULTIPLES)
    first, now = forecasts[0], float(means[-1])
    if first.mean_high - first.mean_low > MOST_WIDTH * now:
        width = f"{_shown(first.mean_low, unit)} to {_shown(first.mean_high, unit)}"
        return LearningCurve(points, NOISY, f"with twice the {of} anything from {width} is possible.")
    needed = tuple(_needed(law, target) for target in (targets or (0.9 * now, 0.7 * now)))
    a, b, c = (float(np.median(values)) for values in (law.a, law.b, law.c))
    grid = np.unique(np.geomspace(levels.sizes[0], MULTIPLES[-1] * m, 24).round().astype(int))
    line = tuple(_expected(law, int(n)) for n in grid)
    return LearningCurve(points, FORECAST, "", forecasts, needed, a, b, c, line)


def forecast(law: PowerLaw, levels: Levels, n: int, seed: int = 0) -> Forecast:
    """Expected error with n examples; its interval holds the mean of a training there, luck included."""
    expected = law.expected(float(n))
    luck = levels.next_luck(len(expected), seed + 1)
    _, low, high = interval(np.maximum(expected + luck, 0.0), OUTCOME_LEVEL)
    middle, mean_low, mean_high = interval(expected, OUTCOME_LEVEL)
    return Forecast(n, middle, low, high, mean_low, mean_high)


def _expected(law: PowerLaw, n: int) -> Forecast:
    middle, low, high = interval(law.expected(float(n)), OUTCOME_LEVEL)
    return Forecast(n, middle, low, high, low, high)


def _unfit(levels: Levels, unit: str, of: str) -> tuple[str, str] | None:
    """Why these points promise nothing, if so: the error does not fall, or rises on the way."""
    means, noise = levels.means, levels.noise
    se = np.sqrt(np.maximum(np.diag(noise)[:, None] + np.diag(noise)[None, :] - 2 * noise, 1e-300))
    rises = [k for k in range(len(means) - 1) if means[k + 1] - means[k] > 3 * se[k, k + 1]]
    if rises:
        k = rises[0]
        n, more = grouped(levels.sizes[k]), grouped(levels.sizes[k + 1])
        grew = f"{_shown(means[k], unit)} to {_shown(means[k + 1], unit)}"
        return RISING, f"the error rises from {grew} between {n} and {more} {of}."
    if not _falls(levels):
        n, m = grouped(levels.sizes[0]), grouped(levels.sizes[-1])
        return FLAT, f"from {n} to {m} {of} the error did not fall by more than its noise."
    return None


def _falls(levels: Levels) -> bool:
    """Whether the error falls with the logarithm of the size by more than its noise: one-sided, by generalized least
    squares, which uses all sizes and not only the first and the last."""
    x = np.log(np.asarray(levels.sizes, float))
    design = np.stack([np.ones_like(x), x], 1)
    least = np.eye(len(x)) * (1e-9 * max(float(levels.means.max()), 1e-9)) ** 2
    precision = np.linalg.inv(levels.noise + least)
    covariance = np.linalg.inv(design.T @ precision @ design)
    slope = float((covariance @ design.T @ precision @ levels.means)[1])
    return slope < -NormalDist().inv_cdf(FALLS_LEVEL) * float(covariance[1, 1]) ** 0.5


def _chi2_limit(n_points: int) -> float:
    """Beyond this the best of all laws misses the points: 99.9 % of χ² with a degree of freedom for each point."""
    k = float(n_points)
    return k * (1 - 2 / (9 * k) + 3.09 * (2 / (9 * k)) ** 0.5) ** 3  # Wilson and Hilferty (1931)


def _needed(law: PowerLaw, target: float) -> Needed:
    n = law.examples_for(target)
    middle, low, high = interval(n, OUTCOME_LEVEL)
    never = float(np.isinf(n).mean())
    most = 1e12

    def whole(value: float) -> int | None:
        return int(np.ceil(value)) if value < most else None

    return Needed(target, whole(middle), whole(low), whole(high), never)


def _shown(error: float, unit: str) -> str:
    return f"{100 * error:.1f} %" if unit == "%" else f"{error:.4g}"
