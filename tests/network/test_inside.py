"""Seeing inside a network: filters, activation maps, and what part of an image a unit sees."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch

from leadline.architectures import cifar_resnet, lenet5
from leadline.network import (
    AveragePool,
    BatchNorm,
    Convolution,
    Dense,
    GlobalAveragePool,
    Image,
    Layer,
    MaxPool,
    Network,
    Residual,
)
from leadline.network.inside import (
    ReceptiveField,
    activations,
    filters,
    image_layers,
    receptive_field,
    strongest_places,
)

SMALL = Network(
    [
        Image(12, 14, 3),
        Convolution(4, 3, padding="same", activation="relu"),
        MaxPool(2),
        Residual([Convolution(4, 3, padding="same"), BatchNorm()], activation="relu"),
        Convolution(5, (3, 1), stride=(2, 1)),
        AveragePool(2, 1),
        GlobalAveragePool(),
        Dense(3),
    ]
)
INPUT = (12 * 14 * 3,)


def test_filters_are_those_of_every_convolution_in_order() -> None:
    found = filters(SMALL.initialize(INPUT))
    assert {name: tuple(weight.shape) for name, weight in found.items()} == {
        "layers.1.weight": (4, 3, 3, 3),
        "layers.3.body.0.weight": (4, 4, 3, 3),
        "layers.4.weight": (5, 4, 3, 1),
    }


def test_layers_that_compute_images() -> None:
    assert image_layers(SMALL, INPUT) == [1, 2, 3, 4, 5]
    assert image_layers(Network([Dense(3), Dense(2)]), (4,)) == []


def test_activations_are_what_the_next_layers_are_given() -> None:
    """Also where a layer overwrites what it was given, and with running statistics."""
    x = torch.rand(5, *INPUT, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    parameters = SMALL.initialize(INPUT, dtype=torch.float64)
    found = activations(SMALL, parameters, x, [1, 3, 7])
    assert list(found) == [1, 3, 7]
    for i, output in found.items():
        front = Network(SMALL.layers[: i + 1])
        theta = front.initialize(INPUT, dtype=torch.float64)
        for name, tensor in theta.named().items():
            tensor.copy_(parameters.named()[name])
        torch.testing.assert_close(output, front.forward(theta, x), rtol=0, atol=1e-12)
    assert activations(SMALL, parameters, x, []) == {}


@dataclass(frozen=True)
class Overwriting(Layer):
    """A layer that writes its output over what it is given, as it may behind one that does not need it any more."""

    def output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        return input_shape

    def forward(self, p, x: torch.Tensor, memory) -> torch.Tensor:
        return x.neg_()

    def backward(self, p, g, d_y: torch.Tensor, memory) -> torch.Tensor:
        return d_y.neg_()


def test_activations_stay_as_they_were() -> None:
    network = Network([Convolution(2, 3), BatchNorm(), Overwriting()])
    found = activations(network, network.initialize((1, 6, 6)), torch.rand(2, 1, 6, 6), [1, 2])
    assert torch.equal(found[1], -found[2])


def seen_by(network: Network, shape: tuple[int, ...], layer: int, row: int, column: int) -> tuple[int, int, int, int]:
    """The pixels that change a unit, found by changing each: top, bottom, left, right of those inside the image."""
    height, width = shape[1:]
    parameters = network.initialize(shape, dtype=torch.float64)
    parameters.theta.fill_(0.5)  # every pixel counts
    x = torch.ones(1, *shape, dtype=torch.float64)
    changed = x.repeat(height * width, 1, 1, 1)
    for place in range(height * width):
        changed[place, :, place // width, place % width] += 1.0
    base = activations(network, parameters, x, [layer])[layer][0, :, row, column]
    other = activations(network, parameters, changed, [layer])[layer][:, :, row, column]
    moved = (other - base).abs().amax(1).view(height, width) > 1e-12
    rows, columns = torch.where(moved.any(1))[0], torch.where(moved.any(0))[0]
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


@pytest.mark.parametrize(
    ("network", "shape", "layer", "place"),
    [
        (Network([Convolution(2, 5, stride=2, padding=2)]), (3, 15, 15), 0, (3, 0)),
        (Network([Convolution(2, 3, padding=(0, 2, 1, 0), dilation=2)]), (1, 15, 15), 0, (2, 1)),
        (Network([Convolution(2, 3, padding="same_upper", stride=2), AveragePool(3, 2)]), (1, 16, 16), 1, (1, 2)),
        (Network(SMALL.layers[1:]), (3, 12, 14), 4, (0, 4)),
        (Network(SMALL.layers[1:]), (3, 12, 14), 2, (2, 3)),
        (cifar_resnet(20), (3, 16, 16), 3, (4, 15)),
    ],
)
def test_the_receptive_field_is_where_pixels_change_the_unit(network, shape, layer, place) -> None:
    field = receptive_field(network, shape, layer)
    assert field is not None
    top, bottom, left, right = field.at(*place)
    inside = (max(top, 0), min(bottom, shape[1]), max(left, 0), min(right, shape[2]))
    assert seen_by(network, shape, layer, *place) == inside


def test_receptive_fields_of_well_known_networks() -> None:
    assert receptive_field(lenet5(), (1, 32, 32), 2) == ReceptiveField((14, 14), (2, 2), (0, 0))
    deepest = receptive_field(cifar_resnet(20), (3, 32, 32), 10)
    assert deepest is not None and deepest.size == (81, 81) and deepest.stride == (4, 4)
    assert receptive_field(SMALL, INPUT, 7) is None, "after the global average, all of the image"


def test_strongest_places_are_those_of_a_search_through_all() -> None:
    maps = torch.rand(20, 6, 5, 7, generator=torch.Generator().manual_seed(1))
    maps[:, 4] += 2
    found = strongest_places(maps, channels=3, count=4)
    assert int(found.channels[0]) == 4 and found.values.shape == (3, 4)
    for k, channel in enumerate(found.channels.tolist()):
        best = sorted(maps[:, channel].flatten(1).max(1).values.tolist(), reverse=True)[:4]
        assert found.values[k].tolist() == best
        assert len(set(found.images[k].tolist())) == 4
        for i, r, c, value in zip(found.images[k], found.rows[k], found.columns[k], found.values[k], strict=True):
            assert maps[i, channel, r, c] == value
    assert strongest_places(maps[:2], 100, 100).values.shape == (6, 2)
