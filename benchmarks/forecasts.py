"""Forecasts of learning curves, judged on measured ones: LCDB 1.1, 101 tables × 28 learners × 137 sizes.

``python -m benchmarks.forecasts`` forecasts the error at the last size from soundings of five seeds at four sizes up to
a half and a quarter of it, on the tables that taught nothing; ``--fit`` learns the prior of
`leadline.soundings.power_law` anew from the other tables (every second one, the first among them) and writes it.

A sounding of five seeds is drawn from the normal law of a curve's mean and standard deviation over its 25 repeats; so
is the one training that the forecast's interval is to hold. Peer: a power law with offset by least squares.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.optimize import curve_fit

import leadline.soundings.power_law as power_law
from leadline.soundings.learning_curve import Levels, learning_curve
from leadline.soundings.scores import Score

SEEDS = 5
REPEATS = 25
OCTAVE = 8  # sizes are 16·2^(k/8)
LEAST_ERROR = 1e-3  # a relative error means nothing below
WELL, ILL, BETWEEN = "well-behaved", "ill-behaved", "neither"


@dataclass(frozen=True)
class Estimate:
    """One measured curve: sizes (k,) of the sounding, and the last one, which is forecast."""

    learner: str
    sizes: np.ndarray
    means: np.ndarray
    sds: np.ndarray
    last_size: int
    last_mean: float
    last_sd: float
    kind: str

    def sounding(self, random: np.random.Generator, seeds: int = SEEDS) -> Levels:
        """Scores of some seeds at each size."""
        drawn = self.means[:, None] + self.sds[:, None] * random.standard_normal((len(self.sizes), seeds))
        scores = [[Score(float(e), np.full(50, e)) for e in np.clip(row, 0.0, 1.0)] for row in drawn]
        return Levels([int(n) for n in self.sizes], scores)


def measured_curves(path: Path, share: float, taught: bool) -> Iterator[Estimate]:
    """Curves of the tables that taught the prior, or of the others; ``share`` of the last size is known."""
    with np.load(path) as file:
        sizes, error, se = file["sizes"], file["error"].astype(float), file["standard_error"].astype(float)
        learners = [str(name) for name in file["learners"]]
    back = round(-np.log2(share)) * OCTAVE
    for table in range(0 if taught else 1, len(error), 2):
        for k, learner in enumerate(learners):
            e, s = error[table, k], se[table, k]
            known = np.flatnonzero(np.isfinite(e) & np.isfinite(s))
            if learner == "DummyClassifier" or len(known) < 5 * OCTAVE:
                continue
            last = known[-1]
            at = last - back - OCTAVE * np.arange(3, -1, -1)
            if at[0] < 0 or not np.isin(at, known).all() or min(e[last], e[at].min()) < LEAST_ERROR:
                continue
            sd = np.maximum(s * REPEATS**0.5, 1e-6)
            kind = kind_of(e[at[0] : at[-1] + 1], s[at[0] : at[-1] + 1])
            yield Estimate(learner, sizes[at], e[at], sd[at], int(sizes[last]), float(e[last]), float(sd[last]), kind)


def kind_of(e: np.ndarray, se: np.ndarray) -> str:
    """How a curve behaves as far as it is known, by all sizes measured there and all 25 repeats.

    Ill-behaved: flat (it ends less than 2 % of its error below its beginning) or rising by more than four standard
    errors and 5 % of its error somewhere. Well-behaved: falls by a tenth at least and nowhere rises beyond the noise.
    """
    lowest, at = (
        np.minimum.accumulate(e),
        np.maximum.accumulate(np.where(e <= np.minimum.accumulate(e), np.arange(len(e)), 0)),
    )
    rise, noise = e - lowest, np.hypot(se, se[at])
    if e[0] - e[-1] < 0.02 * e[0] or ((rise > 4 * noise) & (rise > 0.05 * lowest)).any():
        return ILL
    return WELL if e[0] - e[-1] > 0.1 * e[0] and not (rise > 2.5 * noise).any() else BETWEEN


# ----- judging


def judge(curves: Sequence[Estimate], seed: int = 0, seeds: int = SEEDS) -> dict[str, float]:
    """Coverage of the two intervals, relative errors and widths of all curves with a forecast."""
    random = np.random.default_rng(seed)
    rows, refused = [], {WELL: [0, 0], ILL: [0, 0], BETWEEN: [0, 0]}
    for curve in curves:
        levels = curve.sounding(random, seeds)
        outcome = np.clip(curve.last_mean + curve.last_sd * random.standard_normal(), 0.0, 1.0)
        made = learning_curve(levels)
        multiple = round(curve.last_size / curve.sizes[-1])
        refused[curve.kind][0] += 1
        refused[curve.kind][1] += not made.allows_forecast
        if not made.allows_forecast:
            continue
        forecast = next(f for f in made.forecasts if f.n == multiple * levels.sizes[-1])
        fitted = least_squares(levels.sizes, levels.means, curve.last_size)
        rows.append(
            [
                forecast.low <= outcome <= forecast.high,
                forecast.mean_low <= curve.last_mean <= forecast.mean_high,
                abs(forecast.error - curve.last_mean) / curve.last_mean,
                abs(fitted - curve.last_mean) / curve.last_mean,
                (forecast.high - forecast.low) / levels.means[-1],
                (forecast.mean_high - forecast.mean_low) / levels.means[-1],
            ]
        )
    one, mean, ours, theirs, width, mean_width = np.array(rows, float).T
    return {
        "curves": len(curves),
        "forecasts": len(rows),
        "one training held": one.mean(),
        "mean held": mean.mean(),
        "median relative error": np.median(ours),
        "least squares": np.median(theirs),
        "width": np.median(width),
        "width of the mean": np.median(mean_width),
        **{f"no forecast, {kind}": bad / max(n, 1) for kind, (n, bad) in refused.items()},
        **{f"n {kind}": n for kind, (n, _) in refused.items()},
    }


def least_squares(sizes: Sequence[int], errors: np.ndarray, n: int) -> float:
    """A power law with offset through the means by least squares, at n."""
    x = np.asarray(sizes, float) / sizes[0]

    def law(n: np.ndarray | float, a: float, b: float, c: float) -> np.ndarray | float:
        return a + b * n**-c

    fits = []
    for start in (0.3, 1.0):
        try:
            first = (0.8 * errors[-1], max(errors[0] - 0.8 * errors[-1], 1e-3), start)
            p, _ = curve_fit(law, x, errors, p0=first, bounds=([0, 0, 0.01], [1, 5, 5]), maxfev=2000)
        except RuntimeError:
            continue
        fits.append((float(np.square(law(x, *p) - errors).sum()), float(law(n / sizes[0], *p))))
    return min(fits)[1] if fits else float(errors[-1])


# ----- learning the prior


def learn_prior(path: Path, rounds: int = 100) -> np.ndarray:
    """How often each drift and law occurs among the teaching curves, (k, g): expectation and maximization."""
    likelihoods = []
    for share in (0.5, 0.25):
        for curve in measured_curves(path, share, taught=True):
            n = np.append(curve.sizes, curve.last_size).astype(float)
            e = np.append(curve.means, curve.last_mean)
            se = np.append(curve.sds, curve.last_sd) / REPEATS**0.5
            log_likelihood = power_law.grid_likelihood(n, e, np.diag(se**2), n[-2])[2]
            likelihoods.append(np.exp(log_likelihood - log_likelihood.max()).ravel())
    likelihood = np.array(likelihoods)
    prior = np.full(likelihood.shape[1], 1 / likelihood.shape[1])
    for _ in range(rounds):
        share = likelihood * prior
        # A hundredth stays with all laws alike: what no teaching curve was like may still come.
        prior = 0.99 * (share / share.sum(1, keepdims=True)).mean(0) + 0.01 / len(prior)
    return prior


def main(arguments: Sequence[str] | None = None) -> None:
    """Judge the forecasts, or learn the prior."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("curves", type=Path, help="lcdb_error_curves.npz")
    parser.add_argument("--fit", action="store_true", help="learn the prior and write it into the package")
    parser.add_argument("--on-taught", action="store_true", help="judge on the teaching tables, for development")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    if given.fit:
        target = Path(power_law.__file__).with_name(power_law.PRIOR_FILE)
        np.save(target, learn_prior(given.curves).astype(np.float32))
        print(f"{target} is written.")
        return
    for share in (0.5, 0.25):
        curves = list(measured_curves(given.curves, share, taught=given.on_taught))
        for learner in (None, "MLP", "RealMLP"):
            chosen = [curve for curve in curves if learner in (None, curve.learner)]
            figures = judge(chosen, given.seed)
            print(
                f"known up to {share:g}",
                learner or "all learners",
                *(f"{k} {v:.3g}" for k, v in figures.items()),
                sep=" · ",
            )


if __name__ == "__main__":
    main()
