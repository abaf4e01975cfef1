"""A power law with offset through a learning curve: e(n) = a + b·n^(−c), with what the points leave open.

Three parameters through four noisy points are never known well, and the point estimate says nothing of it. So every
law that the points allow is kept with its weight: over a grid of the exponent c and of the share r of today's error
that more data can remove, today's error e(N) is integrated out in closed form. A forecast is a mixture over the grid.

The form is that of learning curves in practice (Cortes and others, 1993; Hestness and others, 2017), with 0 ≤ r < 1, so
a ≥ 0 and b ≥ 0: more data of the same kind never make the expected error larger.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

EXPONENTS = np.geomspace(0.1, 2.0, 100)
"""Exponents that learning curves have had; all of them alike likely, on a logarithmic scale, before the points."""

SHARES = (np.arange(100) + 0.5) / 100
MISFIT = 0.003
"""Real curves follow the law to some thousandths of the error; no number of seeds makes a point weigh more."""

SAMPLES = 4000


@dataclass(frozen=True, eq=False)
class PowerLaw:
    """All power laws that some points allow: draws of a, b and c, (SAMPLES,) each, and how badly the best one fits.

    ``chi2`` is the best law's sum of squared residuals in units of their noise, ``n`` the largest number of examples.
    """

    a: Array
    b: Array
    c: Array
    chi2: float
    n: int

    def __call__(self, n: float | Array) -> Array:
        """The expected error with n examples, by each of the laws: (SAMPLES,), or (SAMPLES, k) for n (k,)."""
        n = np.asarray(n, float)
        if n.ndim:
            return self.a[:, None] + self.b[:, None] * n[None, :] ** -self.c[:, None]
        return self.a + self.b * n**-self.c

    def examples_for(self, error: float) -> Array:
        """How many examples bring the expected error down to ``error``, by each law: infinity where none do."""
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            n = (self.b / np.maximum(error - self.a, 0.0)) ** (1 / self.c)
        return np.where(self.a < error, n, np.inf)


def fit_power_law(
    sizes: Sequence[int], errors: Sequence[float], covariance: Array, seed: int = 0, misfit: float = MISFIT
) -> PowerLaw:
    """The laws that mean errors (k,) at these sizes (k,) allow, given the covariance (k, k) of their noise."""
    n, e = np.asarray(sizes, float), np.asarray(errors, float)
    noise = covariance + np.diag((misfit * e) ** 2)
    precision = np.linalg.inv(noise)
    c, r = (grid.ravel() for grid in np.meshgrid(EXPONENTS, SHARES, indexing="ij"))
    shape = (1 - r)[:, None] + r[:, None] * (n / n[-1])[None, :] ** -c[:, None]
    # e(N) given c and r is normal: its mean and variance by weighted least squares.
    weight = np.einsum("gi,ij,gj->g", shape, precision, shape)
    now = np.einsum("gi,ij,j->g", shape, precision, e) / weight
    chi2 = e @ precision @ e - weight * now**2
    log_likelihood = -0.5 * (chi2 - chi2.min()) - 0.5 * np.log(weight)
    chance = np.exp(log_likelihood - log_likelihood.max())
    random = np.random.default_rng(seed)
    drawn = random.choice(len(c), SAMPLES, p=chance / chance.sum())
    c, r = c[drawn], r[drawn]
    at_n = np.maximum(now[drawn] + random.standard_normal(SAMPLES) / np.sqrt(weight[drawn]), 0.0)
    return PowerLaw(at_n * (1 - r), at_n * r * n[-1] ** c, c, float(chi2.min()), int(n[-1]))


def interval(samples: Array, level: float) -> tuple[float, float, float]:
    """Median and the two ends of the central interval of that level."""
    low, middle, high = np.quantile(samples, [(1 - level) / 2, 0.5, (1 + level) / 2], method="nearest")
    return float(middle), float(low), float(high)
