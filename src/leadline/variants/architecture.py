"""The shape of a network as numbers that a search can vary: hidden units, hidden layers, keep_prob."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from leadline.errors import UsageError
from leadline.network import edits, layer_from_config

LayerTable = dict[str, Any]
EDITS = {
    "network.hidden_layers": edits.with_blocks,
    "network.units": edits.with_units,
    "network.keep_prob": edits.with_dropout,
}
"""What each key of a network's shape does to its layers, in the order in which they are applied."""
SHAPE_KEYS = tuple(EDITS)


def reshaped(layers: Sequence[Mapping[str, Any]], shape: Mapping[str, Any]) -> list[LayerTable]:
    """The layers with other hidden dense layers; `shape` has keys of `SHAPE_KEYS`.

    ``network.units`` is the width of every hidden dense layer, ``network.hidden_layers`` how many there are: a block
    begins with a dense layer and takes along what follows it (batch normalization, an activation, dropout); blocks are
    left out at the end, or the last one is repeated. ``network.keep_prob`` below 1 gives every block a dropout layer of
    that keep_prob. What comes before the first dense layer, and the output layer, stay as they are. `UsageError`: the
    network has no hidden dense layer to vary.
    """
    edited = [layer_from_config(dict(layer)) for layer in layers]
    try:
        for key, edit in EDITS.items():
            if key in shape:
                edited = edit(edited, shape[key])
    except edits.EditError as error:
        raise UsageError(f"{next(iter(shape))}: {error}.") from None
    return [layer.config() for layer in edited]
