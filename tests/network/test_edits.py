from __future__ import annotations

import pytest
import torch

import leadline as ll
from leadline.architectures import network_for
from leadline.network import Image, Network, edits
from leadline.network.layer import Layer
from leadline.network.torch_module import TorchModule

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


def scaled_width(layers: list[dict], factor: float) -> list[dict] | None:
    return edits.edited(layers, edits.widened, factor)


def deeper(layers: list[dict]) -> list[dict] | None:
    return edits.edited(layers, edits.deepened)


def with_batch_norm(layers: list[dict]) -> list[dict] | None:
    return edits.edited(layers, edits.with_batch_norm)


def with_dropout(layers: list[dict], keep_prob: float) -> list[dict] | None:
    return edits.edited(layers, edits.with_dropout, keep_prob)


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
    unknown = [{"type": "of_another_package", "units": 4}, *DENSE]
    assert scaled_width(unknown, 2.0) is None
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


def shapes(layers: list[Layer], shape: tuple[int, ...]) -> list[tuple[int, ...]]:
    return Network(layers).shapes(shape)


@pytest.mark.parametrize(("factor", "wide"), [(2.0, (12, 16)), (0.5, (3, 4)), (1.5, (9, 12))])
def test_groups_stay_as_large_as_they_were(factor: float, wide: tuple[int, int]):
    depthwise = ll.Convolution(6, padding="same", groups=6)
    block = [ll.Convolution(6), depthwise, ll.SqueezeExcitation(2), ll.Convolution(8, 1)]
    layers = [*block, ll.GlobalAveragePool(), ll.Dense(3)]
    wider = edits.widened(layers, factor, (3, 8, 8))
    assert [shape[0] for shape in shapes(wider, (3, 8, 8))[1:5]] == [wide[0], wide[0], wide[0], wide[1]]
    assert wider[1] == ll.Convolution(wide[0], padding="same", groups=wide[0])
    assert wider[2] == ll.SqueezeExcitation(max(1, round(2 * factor)))


def test_groups_on_the_input_stay_for_it_keeps_its_channels():
    layers = [ll.Convolution(6, padding="same", groups=3), ll.Flatten(), ll.Dense(2)]
    wider = edits.widened(layers, 2.0, (3, 4, 4))
    assert wider[0] == ll.Convolution(12, padding="same", groups=3)
    assert shapes(wider, (3, 4, 4))[1] == (12, 4, 4)


def test_residual_blocks_stay_sums_of_equal_shapes():
    """On the network's input, whose channels stay, a block with nothing around it ends as wide as it was."""
    inner = ll.Residual([ll.Convolution(5, padding="same", activation="relu"), ll.Convolution(3, padding="same")])
    around = ll.Residual([ll.Convolution(4, padding="same"), inner_like(4)], [ll.Convolution(4, 1)])
    layers = [inner, around, inner_like(4), ll.GlobalAveragePool(), ll.Dense(2)]
    wider = edits.widened(layers, 2.0, (3, 6, 6))
    assert [shape[0] for shape in shapes(wider, (3, 6, 6))[1:4]] == [3, 8, 8]
    assert isinstance(wider[0], ll.Residual) and wider[0].body[0] == ll.Convolution(
        10, padding="same", activation="relu"
    )
    assert isinstance(wider[1], ll.Residual) and wider[1].shortcut[0] == ll.Convolution(8, 1)


def inner_like(channels: int) -> Layer:
    return ll.Residual([ll.Convolution(channels, padding="same"), ll.BatchNorm()], activation="relu")


@pytest.mark.parametrize("name", ["resnet20", "mobilenet_v2", "efficientnet_b0"])
@pytest.mark.parametrize("factor", [2.0, 0.5])
def test_published_architectures_are_widened_as_a_whole(name: str, factor: float):
    network = network_for(name, (64, 64, 3), 10)
    assert isinstance(network.layers[0], Image)
    wider = edits.widened(network.layers, factor, (64, 64, 3))
    pairs = zip(shapes(list(network.layers), (64, 64, 3)), shapes(wider, (64, 64, 3)), strict=True)
    widths = [(before[0], after[0]) for before, after in pairs]
    assert widths[1] == (3, 3) and widths[-1] == (10, 10)
    first = next(i for i, layer in enumerate(network.layers) if layer.depth)
    assert all(after == round(factor * before) for before, after in widths[first + 1 : -1])


def test_a_layer_of_ones_own_is_widened_as_soon_as_it_says_how():
    layers: list[Layer] = [ll.Dense(4, "relu"), TorchModule(torch.nn.Linear(4, 4)), ll.Dense(2)]
    with pytest.raises(edits.EditError, match=r"layers\[1\] TorchModule"):
        edits.widened(layers, 2.0)
    layers[1] = Wider(4)
    assert edits.widened(layers, 2.0) == [ll.Dense(8, "relu"), Wider(8), ll.Dense(2)]
    assert edits.with_units(layers, 5) == [ll.Dense(5, "relu"), Wider(5), ll.Dense(2)]
    assert len(edits.deepened(layers)) == 4


class Wider(ll.Dense):
    """What a user may write: a dense layer that is one of theirs."""


def test_a_hidden_layer_goes_in_front_of_the_output():
    layers = [ll.Flatten(), ll.Dense(3)]
    assert edits.with_hidden_layer(layers) == [ll.Flatten(), ll.Dense(64, "relu"), ll.Dense(3)]
    with pytest.raises(edits.EditError):
        edits.with_hidden_layer([ll.Dense(3), ll.Dense(3)])


def test_the_output_layer_gets_other_units():
    assert edits.with_outputs([ll.Dense(4), ll.Dense(3, "sigmoid")], 1) == [ll.Dense(4), ll.Dense(1, "sigmoid")]
    with pytest.raises(edits.EditError, match="the output layer must be dense"):
        edits.with_outputs([ll.Convolution(4), ll.GlobalAveragePool()], 1)


def test_inner_layers_are_seen():
    assert [type(layer).__name__ for layer in edits.inner_layers([inner_like(2)])] == [
        "Residual",
        "Convolution",
        "BatchNorm",
    ]
