from __future__ import annotations

import pytest

from leadline.errors import UsageError
from leadline.variants.architecture import reshaped

LAYERS = [
    {"type": "flatten"},
    {"type": "dense", "units": 8, "activation": "linear"},
    {"type": "batch_norm"},
    {"type": "dense", "units": 4, "activation": "tanh"},
    {"type": "dropout", "keep_prob": 0.5},
    {"type": "dense", "units": 1},
]


def kinds(layers: list[dict[str, object]]) -> list[object]:
    return [layer.get("units", layer["type"]) for layer in layers]


def test_units_of_every_hidden_layer() -> None:
    changed = reshaped(LAYERS, {"network.units": 9})
    assert kinds(changed) == ["flatten", 9, "batch_norm", 9, "dropout", 1]
    assert changed[3]["activation"] == "tanh"
    assert LAYERS[1]["units"] == 8


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (1, ["flatten", 8, "batch_norm", 1]),
        (2, ["flatten", 8, "batch_norm", 4, "dropout", 1]),
        (4, ["flatten", 8, "batch_norm", 4, "dropout", 4, "dropout", 4, "dropout", 1]),
    ],
)
def test_blocks_are_repeated_or_left_out(count: int, expected: list[object]) -> None:
    assert kinds(reshaped(LAYERS, {"network.hidden_layers": count})) == expected


def test_keep_prob_is_every_blocks() -> None:
    changed = reshaped(LAYERS, {"network.keep_prob": 0.9})
    assert kinds(changed) == ["flatten", 8, "batch_norm", "dropout", 4, "dropout", 1]
    assert changed[-2] == {"type": "dropout", "keep_prob": 0.9}
    assert kinds(reshaped(LAYERS, {"network.keep_prob": 1.0})) == ["flatten", 8, "batch_norm", 4, 1]


def test_a_network_without_hidden_dense_layers() -> None:
    with pytest.raises(UsageError, match=r"network\.units: the network has no hidden dense layer"):
        reshaped([{"type": "dense", "units": 1}], {"network.units": 3})
