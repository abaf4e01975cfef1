from __future__ import annotations

import torch

from leadline.network import Network
from leadline.soundings.architecture import deeper, scaled_width, with_batch_norm, with_dropout

DENSE = [
    {"type": "dense", "units": 8, "activation": "relu"},
    {"type": "dense", "units": 6, "activation": "tanh"},
    {"type": "dense", "units": 3},
]
IMAGES = [
    {"type": "convolution", "filters": 4, "padding": "same", "activation": "relu"},
    {"type": "residual", "body": [{"type": "convolution", "filters": 4, "padding": "same"}], "activation": "relu"},
    {"type": "max_pool"},
    {"type": "flatten"},
    {"type": "dense", "units": 5},
]


def outputs(layers: list[dict], shape: tuple[int, ...]) -> tuple[int, ...]:
    network = Network.from_config(layers)
    return tuple(network.forward(network.initialize(shape), torch.zeros(2, *shape)).shape)


def test_wider_everywhere_but_in_the_output():
    assert [layer["units"] for layer in scaled_width(DENSE, 2.0) or []] == [16, 12, 3]
    assert [layer["units"] for layer in scaled_width(DENSE, 0.5) or []] == [4, 3, 3]
    assert DENSE[0]["units"] == 8
    wider = scaled_width(IMAGES, 2.0)
    assert wider is not None
    assert wider[0]["filters"] == wider[1]["body"][0]["filters"] == 8
    assert outputs(wider, (1, 8, 8)) == (2, 5)


def test_networks_without_room_are_left_alone():
    assert scaled_width(DENSE[-1:], 2.0) is None
    grouped = [{"type": "convolution", "filters": 4, "groups": 4}, *IMAGES[3:]]
    assert scaled_width(grouped, 2.0) is None
    assert deeper(DENSE[-1:]) is None
    assert with_batch_norm(DENSE[-1:]) is None
    assert with_dropout(DENSE[-1:], 0.8) is None


def test_deeper_repeats_the_last_hidden_layer():
    assert [layer["units"] for layer in deeper(DENSE) or []] == [8, 6, 6, 3]
    assert outputs(deeper(DENSE) or [], (4,)) == (2, 3)


def test_batch_norm_goes_between_linear_part_and_activation():
    layers = with_batch_norm(DENSE)
    assert layers is not None
    assert [layer["type"] for layer in layers] == ["dense", "batch_norm", "dense", "batch_norm", "dense"]
    assert layers[0] == {"type": "dense", "units": 8, "initializer": "he"}
    assert layers[1] == {"type": "batch_norm", "activation": "relu"}
    assert layers[3]["activation"] == "tanh"
    assert outputs(layers, (4,)) == (2, 3)
    assert with_batch_norm(layers) is None
    images = with_batch_norm(IMAGES)
    assert images is not None
    assert outputs(images, (1, 8, 8)) == (2, 5)


def test_dropout_after_every_hidden_layer_or_none():
    layers = with_dropout(DENSE, 0.8) or []
    assert [layer["type"] for layer in layers] == ["dense", "dropout", "dense", "dropout", "dense"]
    assert with_dropout(layers, 1.0) == DENSE
