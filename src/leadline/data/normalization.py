"""Centers and scales of columns of numbers, and arrays normalized with them.

Source: course 2, normalizing inputs: (x − μ)/σ with μ and σ of the training set, everywhere.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

BLOCK = 1 << 22
"""Values of an array that are normalized at once, so that no float64 copy of it all is made."""

CACHED = 1 << 15
"""Values whose deviations stay in the cache of a core."""


def location(values: np.ndarray, normalization: str) -> tuple[np.ndarray, np.ndarray]:
    """Center and scale of each column of ``values`` (m, n) by the chosen normalization, both float64 (n,).

    Standardizing gives the mean and the standard deviation (divisor m), robust the median and the range of the middle
    half of the values (where that is 0, half the range of all), unit the minimum and the range, none gives 0 and 1. A
    constant column gets scale 0, except under none. Extreme values do not overflow.
    """
    n = values.shape[1]
    if normalization == "none" or len(values) == 0:
        return np.zeros(n), np.full(n, float(normalization == "none"))
    low, high = values.min(axis=0).astype(np.float64), values.max(axis=0).astype(np.float64)
    if normalization == "unit":
        with np.errstate(over="ignore"):
            scale = high - low
        return low, np.where(np.isfinite(scale), scale, np.finfo(np.float64).max)
    if normalization == "robust":
        return _middle(values, low, high)
    mean = mean_of(values)
    size = np.maximum(np.abs(scaled(high, mean, 1.0)), np.abs(scaled(low, mean, 1.0)))
    size[size == 0] = 1.0
    squares = np.zeros(n)
    step = max(CACHED // n, 1)
    for start in range(0, len(values), step):  # what stays in the cache need not come from memory again
        deviation = scaled(values[start : start + step], mean, size)
        squares += np.einsum("ij,ij->j", deviation, deviation)
    scale = size * np.sqrt(squares / len(values))
    constant = low == high  # the computed mean of equal values may differ from them in the last bit
    return np.where(constant, low, mean), np.where(constant, 0.0, scale)


def _middle(values: np.ndarray, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The median of each column and the range between its quartiles, or where they are equal half its whole range."""
    lower, median, upper = np.quantile(values.astype(np.float64) / 2, [0.25, 0.5, 0.75], axis=0)
    with np.errstate(over="ignore"):
        scale = np.where(upper > lower, 2 * (upper - lower), high / 2 - low / 2)
    return np.where(low == high, low, 2 * median), np.minimum(scale, np.finfo(np.float64).max)


def scaled(values: np.ndarray, center: np.ndarray | float, scale: np.ndarray | float) -> np.ndarray:
    """(values − center) / scale in float64, halved first where the difference itself would overflow."""
    with np.errstate(over="ignore", invalid="ignore"):
        difference = np.subtract(values, center, dtype=np.float64)
        if np.isfinite(difference.sum()) or np.isfinite(difference).all():
            return np.divide(difference, scale, out=difference)
    return np.clip((values / 2 - center / 2) / scale, -np.finfo(float).max / 2, np.finfo(float).max / 2) * 2


def mean_of(values: np.ndarray) -> np.ndarray:
    """The mean of each column (m, n) in float64, without overflow in the sum."""
    with np.errstate(over="ignore"):
        mean = values.mean(axis=0, dtype=np.float64)
    if np.isfinite(mean).all():
        return mean
    return (values / len(values)).sum(axis=0, dtype=np.float64)


@dataclass(frozen=True, eq=False)
class ArrayEncoder:
    """(x − center) / scale for arrays: one pair for all values (shape ()) or one for each, (n,).

    A scale of 0 marks values that were constant in training: they become 0. ``dtype`` is that of the arrays.
    """

    name: str
    shape: tuple[int, ...]
    center: np.ndarray
    scale: np.ndarray
    dtype: str = "float32"

    @property
    def width(self) -> int:
        """Values of one example."""
        return math.prod(self.shape)

    @property
    def outputs(self) -> tuple[str, ...]:
        """A name for every value: x_1, x_2 … for vectors, x[0, 3, 2] for images."""
        places = np.ndindex(*self.shape)
        if len(self.shape) == 1:
            return tuple(f"{self.name}_{place[0] + 1}" for place in places)
        return tuple(f"{self.name}[{', '.join(map(str, place))}]" for place in places)

    def encode(self, values: np.ndarray, indices: np.ndarray | None, dtype: np.dtype) -> np.ndarray:
        """Rows of ``values`` (n, …), flattened in their order and normalized, ``dtype`` (m, width)."""
        m = len(values) if indices is None else len(indices)
        out = np.empty((m, self.width), dtype)
        varying = self.scale != 0
        safe = np.where(varying, self.scale, 1.0)
        step = max(BLOCK // self.width, 1)
        for start in range(0, m, step):
            rows = slice(start, start + step) if indices is None else indices[start : start + step]
            block = values[rows].reshape(-1, self.width)
            if self.center.ndim == 0 and self.center == 0:
                np.divide(block, dtype.type(safe), out=out[start : start + step], dtype=dtype)
            else:
                out[start : start + step] = scaled(block, self.center, safe) * varying
        return out


def fit_array(name: str, inputs: np.ndarray, train: np.ndarray, normalization: str) -> ArrayEncoder:
    """An encoder for arrays (n, …), fitted on the rows ``train``.

    Unit divides all values by 255 (uint8) or else by the largest absolute value in training.
    """
    flat, shape, dtype = inputs.reshape(len(inputs), -1), inputs.shape[1:], inputs.dtype.name
    if normalization == "unit":
        size = 255.0 if inputs.dtype == np.uint8 else float(np.abs(flat[train]).max(initial=0.0))
        return ArrayEncoder(name, shape, np.array(0.0), np.array(size or 1.0), dtype)
    if normalization == "none":
        return ArrayEncoder(name, shape, np.array(0.0), np.array(1.0), dtype)
    step = max(BLOCK // max(len(train), 1), 1)
    parts = [location(flat[train, i : i + step], normalization) for i in range(0, flat.shape[1], step)]
    center, scale = (np.concatenate(each) for each in zip(*parts, strict=True))
    return ArrayEncoder(name, shape, center, scale, dtype)
