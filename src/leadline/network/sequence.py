"""What a network and a layer made of layers have in common: layers one after another."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import zip_longest

from leadline.errors import UsageError
from leadline.network.layer import Layer, Shape, ShapeError


def as_sequence(layers: Iterable[Layer], place: str) -> tuple[Layer, ...]:
    """The layers as a tuple, without redundant biases; `UsageError` names the one that is no layer."""
    given = tuple(layers)
    for i, layer in enumerate(given):
        if not isinstance(layer, Layer):
            raise UsageError(f"{place}[{i}]: expected a layer such as Dense(64, 'relu'), got {layer!r}")
    return without_redundant_biases(given)


def shapes_through(layers: Iterable[Layer], input_shape: Shape, place: str) -> list[Shape]:
    """The shape of one example before the first layer and after each; `ShapeError` names the layer."""
    shapes = [tuple(input_shape)]
    for i, layer in enumerate(layers):
        try:
            shapes.append(layer.output_shape(shapes[-1]))
        except ShapeError as error:
            raise ShapeError(f"{place}[{i}] {layer}: {error}") from None
    return shapes


def takes_any_length(layers: Iterable[Layer]) -> bool:
    """Whether the layers, up to one that leaves no steps, take sequences of any length."""
    for layer in layers:
        if layer.over_steps != "any":
            return layer.over_steps == "removed"
    return False


def without_redundant_biases(layers: tuple[Layer, ...]) -> tuple[Layer, ...]:
    """Drop the bias of a linear layer right before batch normalization: subtracting the mean removes it."""
    return tuple(
        layer.without_bias()
        if after is not None and after.adds_bias and getattr(layer, "activation", "linear") == "linear"
        else layer
        for layer, after in zip_longest(layers, layers[1:])
    )
