"""Frozen layers as one layer: nothing in them moves, and they compute as in prediction."""

from __future__ import annotations

import torch

from leadline.network import BatchNorm, Convolution, Dense, Dropout, Flatten, Network, Residual
from leadline.network.frozen import Frozen
from leadline.training import Examples, TrainingSettings, fit, outputs

BODY = Network(
    (
        Convolution(4, 3, padding="same"),
        BatchNorm(activation="relu"),
        Residual((Convolution(4, 3, padding="same"), BatchNorm()), activation="relu"),
        Dropout(keep_prob=0.5),
        Flatten(),
    )
).layers


def test_training_leaves_frozen_layers_as_they_are() -> None:
    """T3.13: weights, γ, β and running statistics are no part of θ, and neither batches nor dropout reach them."""
    random = torch.Generator().manual_seed(0)
    x = torch.randn(40, 2, 5, 5, generator=random) * 3 + 1
    y = (torch.rand(40, 1, generator=random) > 0.5).float()
    network = Network([Frozen(BODY), Dense(1)])
    parameters = network.initialize((2, 5, 5), seed=1)
    assert {slot.layer for slot in parameters.layout.slots} == {1}
    for tensor in parameters.statistics[0].values():
        tensor.copy_(torch.rand(tensor.shape, generator=random) + 0.1)
    before = {name: tensor.clone() for name, tensor in parameters.statistics[0].items()}
    body = Network(BODY)
    alone = body.initialize((2, 5, 5))
    for i in range(len(BODY)):
        for tensors in (alone.layers[i], alone.statistics[i]):
            for name, tensor in tensors.items():
                tensor.copy_(before[f"body.{i}.{name}"])

    features = outputs(body, alone, x)
    memories = network.memories(parameters, training=True, generator=random)
    torch.testing.assert_close(network.layers[0].forward({}, x, memories[0]), features)
    start = parameters.layers[1]["weight"].clone()
    fit(
        network,
        "binary_cross_entropy",
        Examples(x, y),
        None,
        TrainingSettings(epochs=3, batch_size=8, l2=1.0),
        parameters,
    )
    assert {name: tensor.numpy().tobytes() for name, tensor in parameters.statistics[0].items()} == {
        name: tensor.numpy().tobytes() for name, tensor in before.items()
    }
    assert not torch.equal(parameters.layers[1]["weight"], start)
    assert network.depth == 3
