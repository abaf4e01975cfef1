"""T6.09: derivatives by the input."""

from __future__ import annotations

import pytest
import torch

from leadline.network import (
    BatchNorm,
    Concatenate,
    Convolution,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePool,
    MaxPool,
    Network,
    Residual,
)
from leadline.network.input_gradient import InputGradient

LAYERS = [
    Convolution(4, 3, padding="same", activation="tanh"),
    BatchNorm(),
    Residual([Convolution(4, 3, padding="same", activation="tanh")]),
    MaxPool(2, 2),
    Concatenate([[Convolution(3, 1, activation="tanh")], [Convolution(2, 3, padding="same", activation="tanh")]]),
    Dropout(keep_prob=0.5),
    Flatten(),
    Dense(5, "tanh"),
    Dense(3),
]


def test_t6_09_equals_finite_differences() -> None:
    """T6.09: of a sum over the outputs of three layers, in float64."""
    network = Network(LAYERS)
    parameters = network.initialize((2, 6, 6), 0, torch.float64)
    x = torch.randn(1, 2, 6, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    gradient = InputGradient(network, parameters, [0, 4, 8])
    weights = {
        i: torch.randn(output.shape, generator=torch.Generator().manual_seed(i), dtype=torch.float64)
        for i, output in gradient.outputs(x).items()
    }

    def value(x: torch.Tensor) -> float:
        return sum(float((output * weights[i]).sum()) for i, output in gradient.outputs(x).items())

    gradient.outputs(x)
    d_x = gradient.backward(weights)
    step = 1e-6
    for place in ((0, 0, 0, 0), (0, 1, 3, 2), (0, 0, 5, 5), (0, 1, 2, 4)):
        moved = torch.zeros_like(x)
        moved[place] = step
        slope = (value(x + moved) - value(x - moved)) / (2 * step)
        assert float(d_x[place]) == pytest.approx(slope, rel=1e-6, abs=1e-9)


def test_no_parameter_gets_a_gradient_and_calls_repeat() -> None:
    network = Network([Convolution(3, 3, activation="relu"), GlobalAveragePool(), Dense(2)])
    parameters = network.initialize((1, 5, 5))
    gradient, x = InputGradient(network, parameters, [2]), torch.randn(2, 1, 5, 5)
    before = parameters.theta.clone()
    results = []
    for _ in range(2):
        (output,) = gradient.outputs(x).values()
        results.append(gradient.backward({2: torch.ones_like(output)}).clone())
    assert torch.equal(*results) and results[0].shape == x.shape
    assert torch.equal(parameters.theta, before) and not gradient._gradients.theta.any()
