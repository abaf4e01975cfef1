"""Metrics of regressors, in the target's unit, with intervals from the residuals."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaln

from leadline.errors import UsageError
from leadline.measure.bootstrap import IN_CACHE, RESAMPLES, bootstrap, mean_interval, percentile_interval
from leadline.measure.intervals import Estimate

Array = NDArray[Any]


def residuals(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """Prediction − truth, both (m,) or (m, k).

    Raises:
        UsageError: if the shapes differ or are empty.

    """
    t, p = np.asarray(y_true, float), np.asarray(y_pred, float)
    if t.ndim == 2 and t.shape[1] == 1:
        t = t[:, 0]
    if p.ndim == 2 and p.shape[1] == 1:
        p = p[:, 0]
    if t.shape != p.shape or not t.size:
        raise UsageError(f"Truth and prediction must have one shape, got {t.shape} and {p.shape}.")
    return p - t


def root_mean_square(
    residual: ArrayLike, level: float = 0.95, unit: str = "", seed: int = 0, resamples: int = RESAMPLES
) -> Estimate:
    """RMSE from residuals (m,) or (m, k), examples resampled as rows."""
    e = np.asarray(residual, float)
    square, kurtosis = _per_example(np.square(e)), tail_kurtosis(e)
    mean = mean_interval(square, level, resamples, seed, positive=True, kurtosis=kurtosis)
    return replace(
        mean,
        value=mean.value**0.5,
        low=None if mean.low is None else mean.low**0.5,
        high=None if mean.high is None else mean.high**0.5,
        unit=unit,
    )


def mean_absolute(residual: ArrayLike, level: float = 0.95, unit: str = "", seed: int = 0) -> Estimate:
    """MAE from residuals (m,) or (m, k)."""
    return mean_interval(_per_example(np.abs(np.asarray(residual, float))), level, seed=seed, unit=unit, positive=True)


def rmse(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Root of the mean squared error."""
    return float(np.sqrt(np.mean(np.square(residuals(y_true, y_pred)))))


def mae(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Mean absolute error."""
    return float(np.mean(np.abs(residuals(y_true, y_pred))))


def example_squares(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """The squared error of each example (m,), of several values their mean."""
    return _per_example(np.square(residuals(y_true, y_pred)))


def example_sizes(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """The absolute error of each example (m,), of several values their mean."""
    return _per_example(np.abs(residuals(y_true, y_pred)))


def r2(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Share of the target's variance that is explained; 1 is perfect, 0 is predicting the mean.

    Several targets (m, k) are averaged. A constant target gives 1 if it is met exactly, else 0.
    """
    error, t = residuals(y_true, y_pred), np.asarray(y_true, float)
    error, t = error.reshape(len(error), -1), t.reshape(len(t), -1)
    left, total = np.sum(error**2, 0), np.sum((t - t.mean(0)) ** 2, 0)
    explained = np.where(total > 0, 1 - left / np.where(total > 0, total, 1), np.where(left > 0, 0.0, 1.0))
    return float(explained.mean())


def tail_kurtosis(residual: Array) -> float:
    """Kurtosis of residuals (m,) judged by their mean size, which few examples tell far better than fourth powers.

    It is that of the generalized normal distribution (normal, Laplace and all between) with the same ratio of mean
    absolute to root mean square residual (Geary, 1935); light tails are left to the residuals themselves (0).
    """
    e = np.abs(residual).ravel()
    if residual.size != len(residual) or len(e) < 2 or not e.any():
        return 0.0
    ratio = float(e.mean() / np.sqrt(np.mean(e**2)))
    kurtosis = float(np.interp(ratio, *_generalized_normal()))
    sample = float(np.mean(e**4) / np.mean(e**2) ** 2)
    return sample + max(kurtosis - sample, 0.0) * float(np.clip(kurtosis - 2, 0, 1))


@cache
def _generalized_normal() -> tuple[Array, Array]:
    """Geary's ratio, rising, and the kurtosis of generalized normal distributions, by their shape."""
    shape = np.geomspace(0.4, 20, 400)
    one, two, three, five = (gammaln(k / shape) for k in (1, 2, 3, 5))
    return np.exp(two - 0.5 * (one + three)), np.exp(five + one - 2 * three)


def r2_interval(
    y_true: ArrayLike, y_pred: ArrayLike, level: float = 0.95, resamples: int = RESAMPLES, seed: int = 0
) -> Estimate:
    """R² with an interval over examples: a studentized bootstrap of log(1 − R²), BCa for several targets."""
    error, t = residuals(y_true, y_pred), np.asarray(y_true, float)
    if error.ndim == 1 and len(error) > 2 and np.var(t) > 0 and error.any():
        low, high = _log_unexplained(error, t.reshape(-1), level, resamples, seed)
        return Estimate(r2(y_true, y_pred), 1 - float(np.exp(high)), 1 - float(np.exp(low)), len(error), level, "")

    def explained(e: Array, truth: Array) -> Array:
        e, truth = e.reshape(*e.shape[:2], -1), truth.reshape(*truth.shape[:2], -1)
        total = np.sum((truth - truth.mean(1, keepdims=True)) ** 2, 1)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.mean(1 - np.sum(e**2, 1) / total, -1)

    measured = bootstrap(explained, error, t, resamples=resamples, seed=seed, level=level, vectorized=True)
    return replace(measured, value=r2(y_true, y_pred))


def _log_unexplained(error: Array, t: Array, level: float, resamples: int, seed: int) -> tuple[float, float]:
    """Interval of the log of the mean squared error over the target's variance."""

    def parts(e: Array, truth: Array) -> tuple[Array, Array]:
        square, spread = e**2, (truth - truth.mean(-1, keepdims=True)) ** 2
        left, total = square.mean(-1, keepdims=True), spread.mean(-1, keepdims=True)
        influence = square / left - spread / total
        return np.log(left / total)[..., 0], influence.std(-1, ddof=1) / np.sqrt(e.shape[-1])

    m, rng = len(error), np.random.default_rng(seed)
    value, own = parts(error, t)
    rows, found = max(1, IN_CACHE // m), []
    with np.errstate(divide="ignore", invalid="ignore"):
        for start in range(0, resamples, rows):
            drawn = rng.integers(0, m, (min(rows, resamples - start), m))
            log, spread = parts(error[drawn], t[drawn])
            found.append((log - value) / spread)
    studentized = np.concatenate(found)
    t_low, t_high = percentile_interval(studentized[np.isfinite(studentized)], level)
    return float(value - t_high * own), float(value - t_low * own)


def _per_example(values: Array) -> Array:
    return values.reshape(len(values), -1).mean(1) if values.size else values.reshape(0)
