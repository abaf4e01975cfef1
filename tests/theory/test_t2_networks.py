"""Section 2 of the theory: how networks start, whether signals last, whether gradients are right."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch

from leadline.network import Activation, BatchNorm, Dense, Dropout, Flatten, LayerContext, Network, gradient_check
from leadline.network.layer import Tensors

INITIALIZERS = [
    ("zeros", 1.0, 0.0),
    ("normal", 1.0, 0.01**2),
    ("xavier", 1.0, 1 / 1000),
    ("he", 1.0, 2 / 1000),
    ("xavier", 1.5, 1.5**2 / 1000),
]


@pytest.mark.parametrize(("initializer", "gain", "variance"), INITIALIZERS)
def test_t2_01_variance_of_a_million_draws(initializer: str, gain: float, variance: float) -> None:
    """T2.01."""
    network = Network([Dense(1000, "relu", initializer=initializer, gain=gain)])
    named = network.initialize((1000,), dtype=torch.float64).named()
    assert named["layers.0.weight"].var().item() == pytest.approx(variance, rel=0.01)
    assert abs(named["layers.0.weight"].mean().item()) <= 4 * (variance / 1e6) ** 0.5
    assert not named["layers.0.bias"].any()


@pytest.mark.parametrize(("activation", "factor"), [("relu", 2), ("leaky_relu", 2), ("tanh", 1), ("linear", 1)])
def test_t2_01_he_for_relu_and_xavier_for_tanh_unless_told_otherwise(activation: str, factor: float) -> None:
    """T2.01."""
    weight = Network([Dense(500, activation)]).initialize((500,)).named()["layers.0.weight"]
    assert weight.var().item() == pytest.approx(factor / 500, rel=0.02)


@pytest.mark.parametrize(("gain", "verdict"), [(1.5, "grows"), (0.5, "dies"), (1.0, "holds")])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_t2_02_fifty_layers_grow_die_or_hold(gain: float, verdict: str, seed: int) -> None:
    """T2.02: Gain 1 is He; 1.5 and 0.5 multiply its standard deviation."""
    network = Network([*[Dense(100, "relu", gain=gain) for _ in range(50)], Dense(10)])
    report = network.depth_report(torch.randn(64, 100, generator=torch.Generator().manual_seed(seed)), seed)
    assert report.activations == report.gradients == report.verdict == verdict
    assert report.factor() == pytest.approx(gain, rel=0.06)
    assert len(report.layers) == 51
    assert verdict in str(report)


X = torch.randn(8, 2, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
Y = torch.arange(8) % 3
EVERY_LAYER = Network(
    [
        Flatten(),
        Dense(6, "sigmoid"),
        Dense(6, "tanh"),
        Dense(6, "leaky_relu"),
        Dropout(keep_prob=0.8),
        Dense(6),
        BatchNorm(),
        Activation("relu"),
        Dense(5, "softmax"),
        Dense(3),
    ]
)


def test_t2_03_every_layer_is_below_the_bound() -> None:
    """T2.03."""
    check = gradient_check(EVERY_LAYER, X, Y, "softmax_cross_entropy", l2=0.6, l1=0.3)
    assert check.passed
    assert all(row.difference < 1e-7 for row in check.rows)
    assert {row.name for row in check.rows} >= set(EVERY_LAYER.initialize((2, 3)).named())


@dataclass(frozen=True)
class TurnedSign(Dense):
    """Dense with a planted error: the bias learns in the wrong direction."""

    def backward(self, p: Tensors, g: Tensors, d_y: torch.Tensor, memory: LayerContext) -> torch.Tensor | None:
        d_x = super().backward(p, g, d_y, memory)
        g["bias"].neg_()
        return d_x


def test_t2_03_a_planted_sign_error_is_caught_and_named() -> None:
    """T2.03."""
    layers = [TurnedSign(6, "tanh") if layer == Dense(6, "tanh") else layer for layer in EVERY_LAYER]
    check = gradient_check(Network(layers), X, Y, "softmax_cross_entropy")
    assert not check.passed
    assert check.worst.name == "layers.2.bias"
    assert check.worst.difference == pytest.approx(1)
    assert [row.name for row in check.errors] == ["layers.2.bias"]
    assert "layers[2] TurnedSign" in str(check)
    assert "every sign is turned" in str(check)
