"""Metrics of regressors, in the target's unit, with intervals from the residuals."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leadline.errors import UsageError
from leadline.measure.bootstrap import IN_CACHE, RESAMPLES, bootstrap_weights, percentile_interval
from leadline.measure.groups import few_groups, group_codes, group_sums
from leadline.measure.intervals import Estimate
from leadline.measure.means import mean_interval

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
    residual: ArrayLike,
    level: float = 0.95,
    unit: str = "",
    seed: int = 0,
    resamples: int = RESAMPLES,
    groups: ArrayLike | None = None,
) -> Estimate:
    """RMSE from residuals (m,) or (m, k); ``groups`` (m,) of examples that go together are drawn together."""
    square = _per_example(np.square(np.asarray(residual, float)))
    mean = mean_interval(square, level, resamples, seed, positive=True, groups=groups)
    return replace(
        mean,
        value=mean.value**0.5,
        low=None if mean.low is None else mean.low**0.5,
        high=None if mean.high is None else mean.high**0.5,
        unit=unit,
    )


def mean_absolute(
    residual: ArrayLike, level: float = 0.95, unit: str = "", seed: int = 0, groups: ArrayLike | None = None
) -> Estimate:
    """MAE from residuals (m,) or (m, k); ``groups`` as in `root_mean_square`."""
    sizes = _per_example(np.abs(np.asarray(residual, float)))
    return mean_interval(sizes, level, seed=seed, unit=unit, positive=True, groups=groups)


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


def r2_interval(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
    groups: ArrayLike | None = None,
) -> Estimate:
    """R² with an interval over examples: a studentized bootstrap of log(1 − R²), BCa for several targets.

    ``groups`` (m,) of examples that go together are drawn together.
    """
    error, t = residuals(y_true, y_pred), np.asarray(y_true, float)
    codes = group_codes(groups, len(t))
    units = len(t) if codes is None else int(codes.max()) + 1
    if error.ndim == 1 and units > 2 and np.var(t) > 0 and error.any():
        ends = _log_unexplained(error, t.reshape(-1), codes, level, resamples, seed)
        low, high = (1 - float(np.exp(end)) for end in reversed(ends))
        return Estimate(r2(y_true, y_pred), low, high, len(error), level, "", few_groups(codes))
    e, truth = error.reshape(len(error), -1), t.reshape(len(t), -1)
    centred = truth - truth.mean(0)

    def explained(weights: Array) -> Array:
        n = weights.sum(-1, keepdims=True)
        total = weights @ centred**2 - (weights @ centred) ** 2 / n
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.mean(1 - (weights @ e**2) / total, -1)

    measured = bootstrap_weights(explained, len(e), resamples, seed, level, groups=codes)
    return replace(measured, value=r2(y_true, y_pred))


def _log_unexplained(
    error: Array, t: Array, codes: Array | None, level: float, resamples: int, seed: int
) -> tuple[float, float]:
    """Interval of the log of the mean squared error over the target's variance, by a studentized bootstrap."""
    centred = t - t.mean()
    parts = group_sums(np.stack([error**2, centred**2, centred, np.ones(len(t))], axis=1), codes)
    m, rng = len(parts), np.random.default_rng(seed)
    value, own = _log_ratio(parts)
    rows, studentized = max(1, IN_CACHE // m), []
    with np.errstate(divide="ignore", invalid="ignore"):
        for start in range(0, resamples, rows):
            log, spread = _log_ratio(parts[rng.integers(0, m, (min(rows, resamples - start), m))])
            studentized.append((log - value) / spread)
    drawn = np.concatenate(studentized)
    t_low, t_high = percentile_interval(drawn[np.isfinite(drawn)], level)
    return float(value - t_high * own), float(value - t_low * own)


def _log_ratio(parts: Array) -> tuple[Array, Array]:
    """log(Σ squared errors / Σ squared deviations of the target from its mean) and its standard error, (…,) each.

    ``parts`` (…, g, 4) hold the sums over each group: squared errors, squared targets, targets, examples.
    """
    squares, target_squares, targets, sizes = np.moveaxis(parts, -1, 0)
    mean = targets.sum(-1, keepdims=True) / sizes.sum(-1, keepdims=True)
    spread = target_squares - 2 * mean * targets + mean**2 * sizes
    left, total = squares.sum(-1, keepdims=True), spread.sum(-1, keepdims=True)
    influence = squares / left - spread / total
    g = parts.shape[-2]
    return np.log(left / total)[..., 0], np.sqrt(np.sum(influence**2, -1) * g / (g - 1))


def _per_example(values: Array) -> Array:
    return values.reshape(len(values), -1).mean(1) if values.size else values.reshape(0)
