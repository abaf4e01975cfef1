"""A training has levelled off only where its cost shows it."""

from __future__ import annotations

import numpy as np

from leadline.strategy.levelling import has_levelled_off, remaining_fall

EPOCHS = np.arange(1, 101)


def noisy(costs: np.ndarray, size: float = 0.002) -> list[float]:
    return (costs + size * np.random.default_rng(0).standard_normal(len(costs))).tolist()


def test_a_cost_that_has_come_to_rest_has_levelled_off() -> None:
    assert has_levelled_off(noisy(0.2 + np.exp(-EPOCHS / 8)))


def test_a_cost_that_still_falls_has_not() -> None:
    costs = noisy(1 / EPOCHS**0.3)
    assert not has_levelled_off(costs)
    fall = remaining_fall(costs)
    assert fall is not None and fall.interval[0] > 0


def test_two_epochs_tell_nothing() -> None:
    assert not has_levelled_off([0.7, 0.4])
    assert remaining_fall([0.7, 0.4]) is None


def test_a_cost_that_hardly_moves_has_not_levelled_off() -> None:
    """As at a learning rate of 1e-6: nothing has fallen yet that could come to rest."""
    assert not has_levelled_off(noisy(0.7 - 1e-6 * EPOCHS))
    assert not has_levelled_off((0.7 - 1e-6 * EPOCHS).tolist())


def test_a_cost_that_rises_or_is_not_finite_has_not() -> None:
    assert not has_levelled_off(noisy(0.5 + 0.01 * EPOCHS))
    assert not has_levelled_off([float("nan")] * 20)
