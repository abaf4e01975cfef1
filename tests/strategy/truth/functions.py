"""Random functions and inputs that cases are made of."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Function = Callable[[np.ndarray], np.ndarray]


def smooth(random: np.random.Generator, d: int, frequency: float = 1.2, waves: int = 8) -> Function:
    """A smooth nonlinear function of (n, d) with mean 0 and standard deviation 1 over normal inputs: a sum of sines."""
    w = random.normal(size=(d, waves)) * frequency / np.sqrt(d)
    phase, size = random.uniform(0, 2 * np.pi, waves), random.normal(size=waves)

    def raw(x: np.ndarray) -> np.ndarray:
        return np.sin(x[:, :d] @ w + phase) @ size

    sample = raw(random.normal(size=(4000, d)))
    mean, deviation = sample.mean(), sample.std()
    return lambda x: (raw(x) - mean) / deviation


def linear(random: np.random.Generator, d: int) -> Function:
    """A linear function of the first d inputs with standard deviation 1 over normal inputs."""
    w = random.normal(size=d)
    w /= np.linalg.norm(w)
    return lambda x: x[:, :d] @ w


def orthogonal(random: np.random.Generator, d: int) -> tuple[Function, Function]:
    """Two linear functions as `linear` makes them, that have nothing to do with each other."""
    w = np.linalg.qr(random.normal(size=(d, 2)))[0]
    return lambda x: x[:, :d] @ w[:, 0], lambda x: x[:, :d] @ w[:, 1]


def rings(d: int = 2, turns: float = 2.0) -> Function:
    """Waves along the distance from the origin in the first d inputs: no straight boundary tells their signs apart."""
    return lambda x: np.sin(turns * np.linalg.norm(x[:, :d], axis=1))


def classes_of(scores: np.ndarray, k: int, cuts: np.ndarray | None = None) -> np.ndarray:
    """Class numbers (n,) of scores (n,): k equal parts of the normal distribution, or between ``cuts``."""
    if cuts is None:
        from statistics import NormalDist

        cuts = np.array([NormalDist().inv_cdf(i / k) for i in range(1, k)])
    return np.searchsorted(cuts, scores).astype(np.int64)


def drawn_classes(logits: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Classes 0 and 1 drawn with the probabilities of these logits: what no model can foresee is in them."""
    return (random.random(len(logits)) < 1 / (1 + np.exp(-logits))).astype(np.int64)


def flipped(y: np.ndarray, share: float, k: int, random: np.random.Generator) -> np.ndarray:
    """The classes with this share of them exchanged for another one."""
    chosen = random.random(len(y)) < share
    other = (y + random.integers(1, k, len(y))) % k
    return np.where(chosen, other, y)
