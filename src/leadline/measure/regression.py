"""Metrics of regressors, in the target's unit, with intervals from the residuals."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leadline.errors import UsageError
from leadline.measure.bootstrap import RESAMPLES, bootstrap, mean_interval
from leadline.measure.intervals import Measured

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


def root_mean_square(residual: ArrayLike, level: float = 0.95, unit: str = "", seed: int = 0) -> Measured:
    """RMSE from residuals (m,) or (m, k), examples resampled as rows."""
    square = _per_example(np.square(np.asarray(residual, float)))
    mean = mean_interval(square, level, seed=seed, positive=True)
    return replace(
        mean,
        value=mean.value**0.5,
        low=None if mean.low is None else mean.low**0.5,
        high=None if mean.high is None else mean.high**0.5,
        unit=unit,
    )


def mean_absolute(residual: ArrayLike, level: float = 0.95, unit: str = "", seed: int = 0) -> Measured:
    """MAE from residuals (m,) or (m, k)."""
    return mean_interval(_per_example(np.abs(np.asarray(residual, float))), level, seed=seed, unit=unit, positive=True)


def rmse(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Root of the mean squared error."""
    return float(np.sqrt(np.mean(np.square(residuals(y_true, y_pred)))))


def mae(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Mean absolute error."""
    return float(np.mean(np.abs(residuals(y_true, y_pred))))


def r2(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Share of the target's variance that is explained; 1 is perfect, 0 is predicting the mean.

    Several targets (m, k) are averaged. A constant target gives 1 if it is met exactly, else 0.
    """
    error, t = residuals(y_true, y_pred), np.asarray(y_true, float)
    error, t = error.reshape(len(error), -1), t.reshape(len(t), -1)
    left, total = np.sum(error**2, 0), np.sum((t - t.mean(0)) ** 2, 0)
    explained = np.where(total > 0, 1 - left / np.where(total > 0, total, 1), np.where(left > 0, 0.0, 1.0))
    return float(explained.mean())


def r2_interval(
    y_true: ArrayLike, y_pred: ArrayLike, level: float = 0.95, resamples: int = RESAMPLES, seed: int = 0
) -> Measured:
    """R² with a BCa bootstrap interval over examples."""
    error, t = residuals(y_true, y_pred), np.asarray(y_true, float)

    def explained(e: Array, truth: Array) -> Array:
        e, truth = e.reshape(*e.shape[:2], -1), truth.reshape(*truth.shape[:2], -1)
        total = np.sum((truth - truth.mean(1, keepdims=True)) ** 2, 1)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.mean(1 - np.sum(e**2, 1) / total, -1)

    measured = bootstrap(explained, error, t, resamples=resamples, seed=seed, level=level, vectorized=True)
    return replace(measured, value=r2(y_true, y_pred))


def _per_example(values: Array) -> Array:
    return values.reshape(len(values), -1).mean(1) if values.size else values.reshape(0)
