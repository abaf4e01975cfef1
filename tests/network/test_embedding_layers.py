from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from leadline.errors import UsageError
from leadline.network import (
    Dense,
    Flatten,
    Layer,
    LayerContext,
    Network,
    PeriodicEmbedding,
    PiecewiseEmbedding,
    ShapeError,
    gradient_check,
    layer_from_config,
)

EMBEDDINGS = [
    PeriodicEmbedding(scale=0.5),
    PeriodicEmbedding((2, 0), frequencies=3, scale=0.4, units=2),
    PiecewiseEmbedding(bins=3),
    PiecewiseEmbedding((1,), units=2, edges=(-1.0, 0.2, 0.9)),
]


@pytest.mark.parametrize("layer", EMBEDDINGS)
@pytest.mark.parametrize("between", [False, True])
def test_gradients(layer: Layer, between: bool) -> None:
    x = torch.randn(12, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    first = [Dense(3, "tanh")] if between else []
    network = Network([*first, layer, Dense(5, "mish"), Dense(3)])
    check = gradient_check(network, x, torch.arange(12) % 3, "softmax_cross_entropy", l2=0.3)
    assert check.passed, str(check)


@pytest.mark.parametrize("layer", EMBEDDINGS)
def test_the_numbers_stay_and_their_embeddings_come_behind(layer: PeriodicEmbedding | PiecewiseEmbedding) -> None:
    x = torch.randn(6, 3, dtype=torch.float64)
    parameters = Network([layer]).initialize((3,), dtype=torch.float64)
    y = layer.forward(parameters.layers[0], x, LayerContext())
    assert tuple(y.shape[1:]) == layer.output_shape((3,)) == (3 + layer.n_columns((3,)) * layer.units,)
    assert torch.equal(y[:, :3], x)
    columns = layer.columns or (0, 1, 2)
    for place, column in enumerate(columns):  # an embedding depends on its own column alone
        moved = x.clone()
        moved[:, column] += 0.3
        change = (layer.forward(parameters.layers[0], moved, LayerContext()) - y)[:, 3:].unflatten(1, (-1, layer.units))
        assert [bool(change[:, c].abs().max() > 1e-3) for c in range(len(columns))] == [
            c == place for c in range(len(columns))
        ]


def test_embeddings_are_not_penalized() -> None:
    slots = Network([PeriodicEmbedding(), Dense(2)]).layout((3,)).slots
    assert [slot.key for slot in slots if slot.parameter.penalized] == ["layers.1.weight"]


@pytest.mark.parametrize("layer", EMBEDDINGS)
def test_written_and_read(layer: Layer) -> None:
    assert layer_from_config(layer.config()) == layer


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PeriodicEmbedding((1, 1)), "columns must be different"),
        (lambda: PeriodicEmbedding((-1,)), "columns must be different"),
        (lambda: PeriodicEmbedding(frequencies=0), "frequencies must be"),
        (lambda: PeriodicEmbedding(scale=0.0), "scale must be"),
        (lambda: PiecewiseEmbedding(bins=0), "bins must be"),
        (lambda: PiecewiseEmbedding(edges=(1.0, 1.0)), "ascending"),
        (lambda: PiecewiseEmbedding(units=True), "units must be"),
    ],
)
def test_wrong_values(make: Callable[[], Layer], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make()


def test_a_column_that_is_not_there() -> None:
    with pytest.raises(ShapeError, match=r"layers\[0\].*column 3 is not there; the inputs have 3"):
        Network([PeriodicEmbedding((0, 3))]).shapes((3,))
    with pytest.raises(ShapeError, match=r"put Flatten"):
        Network([PeriodicEmbedding()]).shapes((3, 2))
    assert Network([Flatten(), PeriodicEmbedding()]).shapes((3, 2))[-1] == (24,)
