from __future__ import annotations

import numpy as np
import pytest
import torch

from leadline.equations.averages import bias_correction, weighted_average, weighted_averages, window


def reference(series: np.ndarray, beta: float, corrected: bool) -> np.ndarray:
    average, averages = np.zeros(series.shape[1:]), []
    for t, value in enumerate(series, start=1):
        average = beta * average + (1 - beta) * value
        averages.append(average / (1 - beta**t) if corrected else average)
    return np.stack(averages)


@pytest.mark.parametrize("corrected", [True, False])
@pytest.mark.parametrize("beta", [0.0, 0.5, 0.9, 0.98])
def test_series_against_numpy(beta: float, corrected: bool) -> None:
    series = np.random.default_rng(0).normal(size=(200, 3))
    ours = weighted_averages(torch.from_numpy(series), beta, corrected).numpy()
    np.testing.assert_allclose(ours, reference(series, beta, corrected), rtol=1e-12, atol=1e-14)


def test_average_is_pure_unless_told_otherwise() -> None:
    average, value = torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0])
    assert weighted_average(average, value, 0.5).tolist() == [2.0, 3.0]
    assert average.tolist() == [1.0, 2.0]
    assert weighted_average(average, value, 0.5, out=average) is average
    assert average.tolist() == [2.0, 3.0]


def test_each_member_has_its_own_beta() -> None:
    value = torch.randn(3, 5, dtype=torch.float64)
    betas = torch.tensor([[0.5], [0.9], [0.98]], dtype=torch.float64)
    ours = weighted_average(torch.ones_like(value), value, betas)
    for member, beta in enumerate((0.5, 0.9, 0.98)):
        alone = weighted_average(torch.ones(5, dtype=torch.float64), value[member], beta)
        torch.testing.assert_close(ours[member], alone, rtol=1e-14, atol=0)


def test_member_betas_lose_no_digits_in_float32() -> None:
    beta = torch.tensor([[0.9999]], dtype=torch.float64)
    ours = weighted_average(torch.zeros(1, 1), torch.ones(1, 1), beta)
    assert ours.item() == pytest.approx(1e-4, rel=1e-6)


def test_correction_is_the_weight_of_the_values_seen() -> None:
    assert bias_correction(0.9, 1) == pytest.approx(0.1)
    assert bias_correction(0.0, 1) == 1.0
    betas = torch.tensor([[0.9], [0.999]])
    correction = bias_correction(betas.double(), 3)
    assert isinstance(correction, torch.Tensor)
    assert correction.shape == (2, 1)
    assert correction[1].item() == pytest.approx(1 - 0.999**3, rel=1e-4)


def test_window() -> None:
    assert window(0.9) == pytest.approx(10)
    assert window(0.98) == pytest.approx(50)
