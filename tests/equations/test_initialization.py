from __future__ import annotations

import numpy as np
import pytest
import torch

from leadline.equations.initialization import STANDARD_DEVIATIONS, fan_in, fill_normal


def test_standard_deviations() -> None:
    shape = (7, 50)
    found = {name: std(shape) for name, std in STANDARD_DEVIATIONS.items()}
    assert found == pytest.approx({"zeros": 0, "normal": 0.01, "xavier": 50**-0.5, "he": 0.2})


@pytest.mark.parametrize(("shape", "n"), [((7, 50), 50), ((8, 3, 5, 5), 75), ((7,), 1), ((7, 0), 1)])
def test_fan_in_is_all_axes_but_the_first(shape: tuple[int, ...], n: int) -> None:
    assert fan_in(shape) == n


def test_the_same_seed_draws_the_same() -> None:
    first, second = (fill_normal(torch.empty(40, 30), 0.5, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(first, second)
    assert not torch.equal(first, fill_normal(torch.empty(40, 30), 0.5, torch.Generator().manual_seed(4)))


def test_numpy_repeats_published_starts() -> None:
    random = np.random.RandomState(1)
    weight = fill_normal(torch.empty(7, 12288, dtype=torch.float64), 0.01, random)
    again = fill_normal(torch.empty(1, 7, dtype=torch.float64), 0.01, random)
    np.random.seed(1)
    assert np.array_equal(weight.numpy(), np.random.randn(7, 12288) * 0.01)
    assert np.array_equal(again.numpy(), np.random.randn(1, 7) * 0.01)


def test_zero_deviation_gives_zeros_and_draws_nothing() -> None:
    random = torch.Generator().manual_seed(0)
    before = random.get_state()
    assert not fill_normal(torch.ones(3, 4), 0.0, random).any()
    assert torch.equal(random.get_state(), before)
