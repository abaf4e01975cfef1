from __future__ import annotations

import numpy as np
import pytest
from scipy.special import log_softmax, softmax

from leadline.measure.classification import calibration_error, log_loss
from leadline.measure.scaling import Scaling, calibrated, fit_temperature, fit_vector, temperature_interval


def drawn(m: int, k: int = 3, sureness: float = 1.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Labels drawn by the probabilities of logits, and what a network says that multiplies those by ``sureness``."""
    random = np.random.default_rng(seed)
    z = 1.5 * random.normal(size=(m, k))
    labels = (softmax(z, axis=1).cumsum(1) < random.random((m, 1))).sum(1)
    return labels, softmax(sureness * z, axis=1)


@pytest.mark.parametrize("sureness", [0.4, 1.0, 3.0])
def test_the_temperature_is_that_of_the_network(sureness: float) -> None:
    labels, p = drawn(20_000, sureness=sureness)
    scaling = fit_temperature(labels, p)
    assert scaling.temperature == pytest.approx(sureness, rel=0.05)
    grid = [-log_softmax(np.log(p) / t, axis=1)[np.arange(len(p)), labels].mean() for t in np.linspace(0.3, 4, 371)]
    assert log_loss(labels, scaling(p)) <= min(grid) + 1e-9


def test_a_temperature_leaves_the_classes_as_they_are() -> None:
    """T3.21."""
    labels, p = drawn(500, sureness=2.5)
    assert (fit_temperature(labels, p)(p).argmax(1) == p.argmax(1)).all()
    assert fit_temperature(labels, p)(p).sum(1) == pytest.approx(1)


def test_two_classes_are_as_one_logit() -> None:
    z = np.array([-3.0, -0.2, 4.0])
    p = 1 / (1 + np.exp(-z))
    scaled = Scaling((0.5, 0.5), (0.0, 0.0))(np.stack([1 - p, p], 1))
    assert scaled[:, 1] == pytest.approx(1 / (1 + np.exp(-z / 2)))


def test_the_interval_holds_the_true_temperature_as_often_as_it_says() -> None:
    held = 0
    for seed in range(200):
        labels, p = drawn(400, sureness=2.0, seed=seed)
        low, high = temperature_interval(labels, p).interval
        held += low <= 2.0 <= high
    assert 180 <= held <= 198


def test_groups_widen_the_interval() -> None:
    labels, p = drawn(300, sureness=2.0)
    copies, groups = np.repeat(np.arange(300), 4), np.repeat(np.arange(300), 4)
    alone = temperature_interval(labels, p)
    copied = temperature_interval(labels[copies], p[copies], groups)
    assert copied.interval == pytest.approx(alone.interval, rel=1e-6)
    assert temperature_interval(labels[copies], p[copies]).interval[1] < copied.interval[1]


def test_vector_scaling_undoes_a_shift_that_no_temperature_does() -> None:
    labels, p = drawn(4_000)
    shifted = softmax(np.log(p) + np.array([0.0, 1.5, 0.0]), axis=1)
    found = fit_vector(labels, shifted)
    assert found.temperature is None
    assert np.array(found.shift) - found.shift[0] == pytest.approx([0, -1.5, 0], abs=0.15)
    chosen = calibrated(labels, shifted)
    assert chosen.scaling.temperature is None and chosen.helps
    assert calibrated(labels, shifted, "temperature").scaling.temperature is not None


def test_too_sure_a_network_gains_and_a_calibrated_one_does_not() -> None:
    labels, p = drawn(600, sureness=3.0)
    found = calibrated(labels, p)
    assert found.helps and found.temperature is not None and found.temperature.interval[0] > 1
    assert calibration_error(labels, found.scaling(p)) < calibration_error(labels, p) / 2
    helped = sum(calibrated(*drawn(300, seed=seed)).helps for seed in range(40))
    assert helped <= 3


def test_the_gain_is_measured_on_examples_that_the_scaling_has_not_seen() -> None:
    labels, p = drawn(30, k=3, seed=4)
    found = calibrated(labels, p, "vector")
    fitted = log_loss(labels, found.scaling(p)) - log_loss(labels, p)
    assert found.gain.value > fitted and found.gain.n == 30


def test_separated_classes_have_a_finite_temperature() -> None:
    p = np.tile([[0.9, 0.1], [0.1, 0.9]], (10, 1))
    found = fit_temperature(np.tile([0, 1], 10), p)
    assert found.temperature == pytest.approx(0.02)
    certain = np.tile([[1.0, 0.0], [0.0, 1.0]], (10, 1))
    assert np.isfinite(calibrated(np.tile([0, 1], 10), certain).scaling(certain)).all()
