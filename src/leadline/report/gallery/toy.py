"""Small seeded data sets that one can see."""

from __future__ import annotations

import numpy as np
import torch
from sklearn.datasets import make_moons
from torch import Tensor

from leadline.training import Examples


def moons(n: int, noise: float, seed: int) -> Examples:
    """Two half circles that hold each other: x (n, 2), labels 0 or 1 (n, 1)."""
    x, y = make_moons(n, noise=noise, random_state=seed)
    return Examples(torch.from_numpy(np.asarray(x)), _column(np.asarray(y)))


def rings(n: int, seed: int, classes: int = 3) -> Examples:
    """Rings around each other, one class each: x (n, 2), class indices (n,)."""
    random = np.random.default_rng(seed)
    label = np.arange(n) % classes
    radius, angle = 0.35 + label + 0.14 * random.standard_normal(n), random.uniform(0, 2 * np.pi, n)
    x = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    return Examples(torch.from_numpy(x), torch.from_numpy(label))


def overlapping(n: int, seed: int) -> Examples:
    """Two classes that overlap on one axis: x (n, 1), labels (n, 1)."""
    random = np.random.default_rng(seed)
    y = np.arange(n) % 2
    return Examples(_column(random.normal(2.0 * y - 1.0, 1.1)), _column(y))


def two_scales(n: int, seed: int, ratio: float) -> Examples:
    """A plane y = 2 x₁ + 3 x₂/ratio with noise, whose second feature is ``ratio`` times as wide as the first."""
    random = np.random.default_rng(seed)
    unit = random.standard_normal((n, 2))
    y = unit @ [2.0, 3.0] + 0.3 * random.standard_normal(n)
    return Examples(torch.from_numpy(unit * [1.0, ratio]), _column(y))


def daily_temperatures(days: int, seed: int) -> Tensor:
    """A year's rise and fall in °C with the noise of weather, (days,)."""
    random = np.random.default_rng(seed)
    season = 11 - 9 * np.cos(2 * np.pi * np.arange(days) / 365)
    return torch.from_numpy(season + 2.6 * random.standard_normal(days))


def _column(values: np.ndarray) -> Tensor:
    return torch.from_numpy(np.asarray(values, dtype=np.float64))[:, None]
