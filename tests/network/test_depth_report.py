from __future__ import annotations

import pytest
import torch

from leadline.network import BatchNorm, Dense, Dropout, Network

X = torch.randn(64, 50, generator=torch.Generator().manual_seed(0))


def test_scales_are_root_mean_squares() -> None:
    network = Network([Dense(50, "relu"), Dense(50, "tanh"), Dense(3)])
    report = network.depth_report(X, seed=2)
    parameters = network.initialize((50,), 2, torch.float64)
    a = torch.relu(X.double() @ parameters.named()["layers.0.weight"].t())
    assert report.layers[0].activation == pytest.approx(a.square().mean().sqrt().item(), rel=1e-12)
    assert report.layers[-1].gradient == pytest.approx(1.0)
    assert [row.name for row in report.layers] == ["layers.0", "layers.1", "layers.2"]


def test_factor_is_the_gain_of_linear_layers() -> None:
    report = Network([Dense(200, gain=1.5) for _ in range(12)]).depth_report(X)
    assert report.factor() == pytest.approx(1.5, rel=0.05)


def test_batch_norm_holds_what_a_small_gain_lets_die() -> None:
    small = [Dense(50, "tanh", gain=0.1) for _ in range(20)]
    assert Network([*small, Dense(3)]).depth_report(X).verdict == "dies"
    mended = [layer for _ in range(20) for layer in (Dense(50, gain=0.1), BatchNorm())]
    assert Network([*mended, Dense(3)]).depth_report(X).activations == "holds"


def test_signals_that_vanish_entirely_or_leave_the_numbers() -> None:
    dead = Network([Dense(5, "relu", initializer="zeros"), Dense(5, "relu"), Dense(3)]).depth_report(X)
    assert dead.activations == "dies"
    assert "0" in str(dead)
    huge = Network([Dense(50, gain=1e60) for _ in range(4)]).depth_report(X)
    assert huge.activations == "grows"


@pytest.mark.parametrize("layers", [[Dense(3)], [Dense(4, "relu"), Dropout(keep_prob=0.5), Dense(3)]])
def test_shallow_networks_hold(layers: list) -> None:
    report = Network(layers).depth_report(X)
    assert report.verdict == "holds"
    assert len(str(report).splitlines()) == len(layers) + 4
