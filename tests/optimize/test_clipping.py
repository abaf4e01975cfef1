from __future__ import annotations

import pytest
import torch

from leadline.optimize import clip_by_norm


def test_a_long_gradient_keeps_its_direction() -> None:
    gradient = torch.tensor([3.0, 4.0])
    clipped, norm = clip_by_norm(gradient, 1.0)
    torch.testing.assert_close(clipped, torch.tensor([0.6, 0.8]))
    assert norm.item() == 5.0
    assert gradient.tolist() == [3.0, 4.0]
    assert clip_by_norm(gradient, 1.0, out=gradient)[0] is gradient
    torch.testing.assert_close(gradient, torch.tensor([0.6, 0.8]))


@pytest.mark.parametrize("values", [[0.3, 0.4], [0.0, 0.0], [1e-40, 0.0]])
def test_a_short_gradient_stays_as_it_is(values: list[float]) -> None:
    gradient = torch.tensor(values)
    assert torch.equal(clip_by_norm(gradient, 1.0)[0], gradient)


def test_each_member_is_clipped_by_its_own_norm() -> None:
    gradient = torch.tensor([[3.0, 4.0], [0.3, 0.4], [30.0, 40.0]])
    clipped, norm = clip_by_norm(gradient, 1.0)
    assert norm.shape == (3, 1)
    torch.testing.assert_close(clipped, torch.tensor([[0.6, 0.8], [0.3, 0.4], [0.6, 0.8]]))
    limits = torch.tensor([[10.0], [0.25], [5.0]], dtype=torch.float64)
    torch.testing.assert_close(clip_by_norm(gradient, limits)[0], torch.tensor([[3.0, 4.0], [0.15, 0.2], [3.0, 4.0]]))


@pytest.mark.parametrize("bad", [torch.inf, torch.nan])
def test_divergence_is_not_hidden(bad: float) -> None:
    clipped, norm = clip_by_norm(torch.tensor([1.0, bad]), 1.0)
    assert not torch.isfinite(norm).any()
    assert clipped.isnan().any()
