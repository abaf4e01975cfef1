from __future__ import annotations

import pytest
import torch

from leadline.errors import UsageError
from leadline.network import (
    BatchNorm,
    Concatenate,
    Convolution,
    Dense,
    Flatten,
    GlobalAveragePool,
    Layer,
    MaxPool,
    Network,
    Residual,
    ShapeError,
    edits,
    gradient_check,
)

PARTS = [
    [Convolution(2, 1, activation="tanh")],
    [Convolution(3, 3, padding="same"), BatchNorm(activation="tanh")],
    [],
]


def test_the_parts_outputs_stand_one_after_another():
    network = Network([Concatenate(PARTS)])
    parameters = network.initialize((4, 5, 6), dtype=torch.float64)
    x = torch.randn(2, 4, 5, 6, dtype=torch.float64)
    y = network.forward(parameters, x)
    assert network.shapes((4, 5, 6))[-1] == (9, 5, 6)
    assert torch.equal(y[:, 5:], x)
    alone = Network([PARTS[0][0]])
    own = alone.initialize((4, 5, 6), dtype=torch.float64)
    own.named()["layers.0.weight"].copy_(parameters.named()["layers.0.parts.0.0.weight"])
    torch.testing.assert_close(y[:, :2], alone.forward(own, x), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    "layers",
    [
        [Convolution(3, 3, activation="relu"), Concatenate(PARTS), GlobalAveragePool(), Dense(1)],
        [Residual([Concatenate([[Convolution(2, 1)], [Convolution(2, 3, padding="same")]])]), Flatten(), Dense(1)],
    ],
)
def test_gradients(layers: list[Layer]):
    x = torch.randn(6, 4, 5, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    check = gradient_check(Network(layers), x, x[:, :1, 0, 0].clone(), "squared_error")
    assert check.passed, str(check)


def test_it_reads_from_and_writes_to_tables():
    network = Network([Concatenate(PARTS), Flatten(), Dense(2)])
    assert Network.from_config(network.config()) == network
    assert "Concatenate([[Convolution(2, size=1" in repr(network)


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ([[Dense(2)]], "two parts at least"),
        ([Dense(2), Dense(3)], "parts[0] is a list of layers"),
        ("ab", "list of lists"),
        ([[Dense(2)], [3]], "parts[1]"),
    ],
)
def test_what_is_no_list_of_lists(parts: object, words: str):
    with pytest.raises(UsageError, match=words.replace("[", r"\[").replace("]", r"\]")):
        Concatenate(parts)  # type: ignore[arg-type]


def test_parts_of_different_sizes():
    with pytest.raises(ShapeError, match="only shapes equal but for the first axis"):
        Network([Concatenate([[Convolution(2, 1)], [MaxPool(2)]])]).shapes((3, 4, 4))


@pytest.mark.parametrize("n", [7, 8, 9, 10])
def test_rounding_up_equals_torchs_ceil_mode(n: int):
    x = torch.randn(2, 3, n, n, dtype=torch.float64)
    network = Network([MaxPool(3, 2, "round_up")])
    expected = torch.nn.functional.max_pool2d(x, 3, 2, ceil_mode=True)
    torch.testing.assert_close(network.forward(network.initialize((3, n, n)), x), expected, rtol=0, atol=0)


def test_parts_are_widened():
    layers = [Concatenate([[Convolution(2, 1)], [Convolution(3, 3, padding="same")]]), Flatten(), Dense(2)]
    wide = edits.widened(layers, 2.0, (1, 4, 4))
    assert wide[0] == Concatenate([[Convolution(4, 1)], [Convolution(6, 3, padding="same")]])
