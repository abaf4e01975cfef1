"""T5.01 to T5.12: the worked numbers of section 5; the proofs of the equations are in ``tests/equations``."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from leadline.equations.attention import attention
from leadline.equations.convolution import convolution
from leadline.equations.ctc import ctc
from leadline.equations.layer_norm import layer_norm
from leadline.equations.recurrence import gru, lstm, simple_recurrent
from leadline.equations.tokens import sinusoids


def tensor(*values: object) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def test_t5_02_simple_recurrent_unit():
    """T5.02."""
    x = tensor(1.0, 2.0, -1.0).view(1, 3, 1)
    y, _, _ = simple_recurrent(x, tensor([0.5]), tensor([0.8]), tensor(0.1))
    torch.testing.assert_close(y.flatten(), tensor(0.537050, 0.910363, 0.316984), rtol=0, atol=5e-7)


def test_t5_03_gru():
    """T5.03: the values, and 1 920 parameters from 10 to 20 units as torch stores them."""
    half, none = torch.full((3, 1), 0.5, dtype=torch.float64), torch.zeros(3, dtype=torch.float64)
    y, _, _ = gru(tensor(1.0, -1.0).view(1, 2, 1), half, half, none, none)
    torch.testing.assert_close(y.flatten(), tensor(0.174468, -0.191895), rtol=0, atol=5e-7)
    assert 60 * 10 + 60 * 20 + 60 + 60 == 1920 == sum(p.numel() for p in torch.nn.GRU(10, 20).parameters())


def test_t5_04_lstm():
    """T5.04."""
    half, none = torch.full((4, 1), 0.5, dtype=torch.float64), torch.zeros(4, dtype=torch.float64)
    y, _, _ = lstm(tensor(1.0, -1.0).view(1, 2, 1), half, half, none)
    torch.testing.assert_close(y.flatten(), tensor(0.174270, -0.016365), rtol=0, atol=5e-7)


def test_t5_06_convolution_along_one_axis():
    """T5.06: an image of one row."""
    x, weight = tensor(1, 2, 3, 4, 5).view(1, 1, 1, 5), tensor(-1, 0, 1).view(1, 1, 1, 3)
    assert convolution(x, weight, None).flatten().tolist() == [2, 2, 2]


def test_t5_07_layer_normalization():
    """T5.07."""
    y, _, _ = layer_norm(tensor(1, 2, 3, 4), torch.ones(4, dtype=torch.float64), torch.zeros(4, dtype=torch.float64))
    torch.testing.assert_close(y, tensor(-1.341635, -0.447212, 0.447212, 1.341635), rtol=0, atol=5e-7)


def test_t5_08_attention():
    """T5.08."""
    q, k, v = tensor([1, 0]), tensor([1, 0], [0, 1], [1, 1]), tensor([1, 2], [3, 4], [5, 6])
    y, weights = attention(q, k, v)
    torch.testing.assert_close(weights, tensor([0.4011, 0.1978, 0.4011]), rtol=0, atol=5e-5)
    torch.testing.assert_close(y, tensor([3, 4]), rtol=0, atol=1e-12)


def test_t5_09_positions():
    """T5.09."""
    made = sinusoids(2, 4, torch.zeros(0, dtype=torch.float64))[1]
    torch.testing.assert_close(made, tensor(0.841471, 0.540302, 0.01, 0.99995), rtol=0, atol=5e-7)


@pytest.mark.parametrize(("labels", "cost"), [([1, 2], 0.811931), ([1, 1], 3.324236)])
def test_t5_12_connectionist_temporal_classification(labels: list[int], cost: float):
    """T5.12: "ab" and "aa" from probabilities of (blank, a, b)."""
    logits = tensor([0.2, 0.6, 0.2], [0.3, 0.3, 0.4], [0.2, 0.2, 0.6]).log()[None]
    got, _ = ctc(logits, torch.tensor([3]), torch.tensor([labels]), torch.tensor([2]))
    assert got.item() == pytest.approx(cost, abs=5e-7)
