"""A power law through a learning curve, and how far real curves drift from it: e(n) = a + b·(n + d)^(−c).

Four noisy points never know four parameters well, and the point estimate says nothing of it. So every law that the
points allow is kept with its weight: over a grid of the exponent c, of the share r of today's error that more data can
remove and of the shift d (a curve that has only begun to fall), today's error e(N) is integrated out in closed form.

Real curves follow no law for ever. Their deviation is a Gaussian process in octaves of n, zero at N: a random walk
whose slope walks, too (an integrated Wiener process), of a scale τ that the points share with the forecast. What the
points leave open of c, r, d and τ is weighted by how often each occurred: the prior was learnt from the measured curves
of half of the tables of LCDB 1.1 (``benchmarks/forecasts.py`` makes it again and judges it on the other half).

The form is that of learning curves in practice (Cortes and others, 1993; Hestness and others, 2017; with a shift,
Viering and Loog, 2023), with 0 ≤ r < 1, so a ≥ 0 and b ≥ 0: the law itself never rises with more data.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

EXPONENTS = np.geomspace(0.05, 3.0, 16)
SHARES = (np.arange(16) + 0.5) / 16
SHIFTS = np.array([0.0, 0.125, 0.5, 2.0])
"""The shift d, in units of the largest number of examples."""

DRIFTS = np.array([0.003, 0.01, 0.03, 0.08, 0.2])
"""τ: how far a curve drifts from its law within an octave or two, as a share of today's error."""

SMOOTH = 3
"""The drifts with which a curve still counts as following a law are the first so many."""

WALK = 0.5
"""The variance of the random walk beside that of the walking slope, o³/3 after o octaves."""

ROUNDING = 1e-3
"""No number of seeds makes a point weigh more than this share of the error."""

PRIOR_FILE = "prior.npy"
SAMPLES = 4000


@dataclass(frozen=True, eq=False)
class PowerLaw:
    """Power laws that some points allow: draws of a, b, c and d, (SAMPLES,) each, and of how the curve drifts off them.

    ``drift`` is the draw's deviation in today's errors one standard step beyond N (τ·e(N)·z); ``chi2`` the sum of
    squared residuals of the best law in units of their noise, ``n`` the largest number of examples.
    """

    a: Array
    b: Array
    c: Array
    d: Array
    drift: Array
    chi2: float
    n: int

    def __call__(self, n: float | Array) -> Array:
        """The law's error with n examples, without drift: (SAMPLES,), or (SAMPLES, k) for n (k,)."""
        n = np.asarray(n, float)
        if n.ndim:
            return self.a[:, None] + self.b[:, None] * (n[None, :] + self.d[:, None]) ** -self.c[:, None]
        return self.a + self.b * (n + self.d) ** -self.c

    def expected(self, n: float | Array) -> Array:
        """The expected error with n examples: the law and its drift, which only begins beyond N; never below 0."""
        n = np.asarray(n, float)
        octaves = np.log2(np.maximum(n / self.n, 1.0))
        drift = self.drift[:, None] * _walked(octaves)[None, :] if n.ndim else self.drift * _walked(octaves)
        return np.maximum(self(n) + drift, 0.0)

    def examples_for(self, error: float) -> Array:
        """How many examples bring the law's error down to ``error``, by each draw: infinity where none do."""
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            n = (self.b / np.maximum(error - self.a, 0.0)) ** (1 / self.c) - self.d
        return np.where(self.a < error, np.maximum(n, 0.0), np.inf)


def fit_power_law(sizes: Sequence[int], errors: Sequence[float], covariance: Array, seed: int = 0) -> PowerLaw:
    """The laws that mean errors (k,) at these sizes (k,) allow, given the covariance (k, k) of their noise."""
    n, e = np.asarray(sizes, float), np.asarray(errors, float)
    last = n[-1]
    now, weight, log_likelihood, chi2 = grid_likelihood(n, e, np.asarray(covariance, float), last)
    chance = log_likelihood + np.log(_prior())
    chance = np.exp(chance - chance.max())
    random = np.random.default_rng(seed)
    drawn = random.choice(chance.size, SAMPLES, p=chance.ravel() / chance.sum())
    t, g = np.divmod(drawn, chance.shape[1])
    c, r, d = (grid[g] for grid in _grid())
    at_n = np.maximum(now[t, g] + random.standard_normal(SAMPLES) / np.sqrt(weight[t, g]), 0.0)
    drift = at_n * DRIFTS[t] * random.standard_normal(SAMPLES)
    b = at_n * r * (last * (1 + d)) ** c
    return PowerLaw(at_n * (1 - r), b, c, d * last, drift, float(chi2[:SMOOTH].min()), int(last))


def grid_likelihood(n: Array, e: Array, covariance: Array, now: float) -> tuple[Array, Array, Array, Array]:
    """For each τ and each law of the grid (k, g): e(now), its precision, the log-likelihood and χ² of the points.

    ``now`` is the number of examples at which the drift is zero; points on both sides of it are allowed.
    """
    c, r, d = _grid()
    shape = (1 - r)[:, None] + r[:, None] * ((n / now)[None, :] + d[:, None]) ** -c[:, None] * ((1 + d) ** c)[:, None]
    scale = np.maximum(e, 1e-12)
    correlated = _drift_kernel(np.log2(n / now)) * np.outer(scale, scale)
    least = np.eye(len(n)) * max(ROUNDING * float(scale.mean()), 1e-12) ** 2
    each = [_conditional(shape, e, covariance + tau**2 * correlated + least) for tau in DRIFTS]
    at_now, weight, chi2, determinant = (np.array(values) for values in zip(*each, strict=True))
    return at_now, weight, -0.5 * (chi2 + np.log(weight) + determinant[:, None]), chi2


def _conditional(shape: Array, e: Array, noise: Array) -> tuple[Array, Array, Array, float]:
    """e(N) given the law is normal: its mean and precision by weighted least squares, what is left, and log |noise|."""
    precision = np.linalg.inv(noise)
    weighted = shape @ precision
    weight = (weighted * shape).sum(1)
    at_now = weighted @ e / weight
    chi2 = np.maximum(e @ precision @ e - weight * at_now**2, 0.0)
    return at_now, weight, chi2, float(np.linalg.slogdet(noise)[1])


def _drift_kernel(octaves: Array) -> Array:
    """Covariance of the drift at octaves before (below 0) and after N, for τ = 1; the two sides are independent."""
    size = np.abs(octaves)
    low, high = np.minimum(size[:, None], size[None, :]), np.maximum(size[:, None], size[None, :])
    same_side = np.sign(octaves)[:, None] * np.sign(octaves)[None, :] > 0
    return np.where(same_side, WALK * low + low**2 * (3 * high - low) / 6, 0.0)


def _walked(octaves: Array) -> Array:
    """The standard deviation of the drift after so many octaves, for τ = 1."""
    return np.sqrt(WALK * octaves + octaves**3 / 3)


@cache
def _grid() -> tuple[Array, Array, Array]:
    """Exponent, share and shift of each law, (g,) each."""
    c, r, d = np.meshgrid(EXPONENTS, SHARES, SHIFTS, indexing="ij")
    return c.ravel(), r.ravel(), d.ravel()


@cache
def _prior() -> Array:
    """How likely each drift and law is before the points, (k, g)."""
    with resources.files("leadline.soundings").joinpath(PRIOR_FILE).open("rb") as file:
        return np.load(file, allow_pickle=False).astype(float).reshape(len(DRIFTS), -1)


def interval(samples: Array, level: float) -> tuple[float, float, float]:
    """Median and the two ends of the central interval of that level."""
    low, middle, high = np.quantile(samples, [(1 - level) / 2, 0.5, (1 + level) / 2], method="nearest")
    return float(middle), float(low), float(high)
