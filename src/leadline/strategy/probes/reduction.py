"""Inputs as references take them: numbers of like size, and few where there were many."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from leadline.strategy.probes.examined import Array, Part

MOST_INPUTS = 128
COMPONENTS = 48
"""Principal components that stand for more inputs than that."""


def reduced(parts: Mapping[str, Part], is_array: bool) -> dict[str, Part]:
    """The sets with standardized inputs (m, d), by the training set's means and deviations.

    Of arrays, such as images, all inputs are scaled alike, for they have one unit; where there are many, their
    principal components stand for them.
    """
    x = parts["train"].x.astype(np.float64)
    mean, spread = x.mean(0), x.std(0)
    if is_array:
        spread = np.full_like(spread, np.sqrt(np.mean(spread**2)))
    spread = np.where(spread > 0, spread, 1.0)
    basis = _basis((x - mean) / spread)
    made = {}
    for name, part in parts.items():
        values = np.nan_to_num((part.x - mean) / spread)
        made[name] = replace(part, x=values if basis is None else values @ basis)
    return made


def _basis(x: Array) -> Array | None:
    """Directions (d, k) of the principal components; None where inputs are few."""
    m, d = x.shape
    if d <= MOST_INPUTS:
        return None
    from sklearn.decomposition import PCA

    made = PCA(min(COMPONENTS, m - 1, d), svd_solver="randomized", random_state=0)
    return np.asarray(made.fit(np.nan_to_num(x)).components_).T
