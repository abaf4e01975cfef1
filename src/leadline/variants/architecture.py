"""The shape of a network as numbers that a search can vary: hidden units, hidden layers, keep_prob."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from leadline.errors import UsageError

LayerTable = dict[str, Any]
SHAPE_KEYS = ("network.units", "network.hidden_layers", "network.keep_prob")


def reshaped(layers: Sequence[Mapping[str, Any]], shape: Mapping[str, Any]) -> list[LayerTable]:
    """The layers with other hidden dense layers; `shape` has keys of `SHAPE_KEYS`.

    ``network.units`` is the width of every hidden dense layer, ``network.hidden_layers`` how many there are: a block
    begins with a dense layer and takes along what follows it (batch normalization, an activation, dropout); blocks are
    left out at the end, or the last one is repeated. ``network.keep_prob`` below 1 gives every block a dropout layer of
    that keep_prob. What comes before the first dense layer, and the output layer, stay as they are. `UsageError`: the
    network has no hidden dense layer to vary.
    """
    head, blocks, output = _parts(layers)
    if not blocks:
        raise UsageError(f"{next(iter(shape))}: the network has no hidden dense layer that could vary.")
    count = shape.get("network.hidden_layers", len(blocks))
    if type(count) is not int or count < 1:
        raise UsageError(f"network.hidden_layers: got {count!r}, needs a whole number of at least 1.")
    blocks = [[dict(layer) for layer in blocks[min(i, len(blocks) - 1)]] for i in range(count)]
    if "network.units" in shape:
        for block in blocks:
            block[0]["units"] = shape["network.units"]
    if "network.keep_prob" in shape:
        blocks = [_with_dropout(block, shape["network.keep_prob"]) for block in blocks]
    return [*head, *(layer for block in blocks for layer in block), *output]


def _parts(
    layers: Sequence[Mapping[str, Any]],
) -> tuple[list[LayerTable], list[list[LayerTable]], list[LayerTable]]:
    """What comes before the first dense layer, the hidden blocks, and the output layer with what follows it."""
    tables = [dict(layer) for layer in layers]
    places = [i for i, layer in enumerate(tables) if layer["type"] == "dense"]
    if not places:
        return tables, [], []
    starts, last = places[:-1], places[-1]
    blocks = [tables[start:stop] for start, stop in zip(starts, places[1:], strict=True)]
    return tables[: places[0]], blocks, tables[last:]


def _with_dropout(block: list[LayerTable], keep_prob: float) -> list[LayerTable]:
    kept = [layer for layer in block if layer["type"] != "dropout"]
    return kept if keep_prob == 1 else [*kept, {"type": "dropout", "keep_prob": keep_prob}]
