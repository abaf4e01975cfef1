"""T4.04, T4.08 and T4.10: a learnt filter, one layer, and the example network."""

from __future__ import annotations

import torch

from leadline.equations.edges import edges, vertical
from leadline.network import Convolution, Dense, Flatten, Network, Residual
from leadline.optimize import Adam
from leadline.training import Examples, TrainingSettings, fit


def test_t4_04_a_learnt_filter_becomes_sobels() -> None:
    """T4.04: Nine weights, started at random and trained on images and their Sobel edges alone."""
    images = torch.rand(64, 1, 10, 10, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    targets = torch.stack([edges(image, vertical("sobel")).flatten() for image in images])
    network = Network([Convolution(1, 3, bias=False), Flatten()])
    settings = TrainingSettings(epochs=150, batch_size=16, optimizer=Adam(0.05), precision="float64")
    found = fit(network, "squared_error", Examples.of(images, targets, settings), None, settings)
    learnt = found.parameters.named()["layers.0.weight"][0, 0]
    torch.testing.assert_close(learnt, vertical("sobel"), rtol=0, atol=1e-4)


def test_t4_08_one_layer() -> None:
    """T4.08: Ten 3×3×3 filters: 280 parameters, whatever the size of the image."""
    for n in (6, 39, 1000):
        assert Network([Convolution(10, 3, activation="relu")]).summary((3, n, n)).parameters == 280
    network = Network([Convolution(2, 3, activation="relu")])
    parameters = network.initialize((3, 6, 6), dtype=torch.float64)
    x = torch.randn(1, 3, 6, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    named = parameters.named()
    named["layers.0.bias"].copy_(torch.tensor([0.5, -0.5]))
    a = network.forward(parameters, x)
    assert a.shape == (1, 2, 4, 4)
    by_hand = (x[0, :, 1:4, 2:5] * named["layers.0.weight"][1]).sum() - 0.5
    torch.testing.assert_close(a[0, 1, 1, 2], by_hand.clamp(min=0), rtol=0, atol=1e-12)
    assert (a >= 0).all()


def test_t4_10_example_network() -> None:
    """T4.10."""
    network = Network(
        [
            Convolution(10, 3, activation="relu"),
            Convolution(20, 5, stride=2, activation="relu"),
            Convolution(40, 5, stride=2, activation="relu"),
            Flatten(),
            Dense(1),
        ]
    )
    assert network.shapes((3, 39, 39)) == [(3, 39, 39), (10, 37, 37), (20, 17, 17), (40, 7, 7), (1960,), (1,)]
    assert network.depth == 4
    assert network.summary((3, 39, 39)).parameters == 280 + (250 * 20 + 20) + (500 * 40 + 40) + 1961


def test_t4_12_a_residual_layer_starts_near_the_identity() -> None:
    """T4.12: With weights of zero the body adds nothing: x itself comes out, and the derivative passes unchanged."""
    network = Network([Residual([Convolution(3, 3, padding="same", initializer="zeros")])])
    parameters = network.initialize((3, 5, 5))
    x = torch.randn(2, 3, 5, 5, generator=torch.Generator().manual_seed(0))
    memories = network.memories(parameters, training=True)
    memories[0].needs_input_gradient = True
    assert torch.equal(network.forward(parameters, x, memories), x)
    d_y = torch.randn(2, 3, 5, 5, generator=torch.Generator().manual_seed(1))
    d_x = network.layers[0].backward(parameters.layers[0], parameters.zeros_like().layers[0], d_y, memories[0])
    assert d_x is not None
    torch.testing.assert_close(d_x, d_y, rtol=0, atol=0)
