"""Networks changed as soundings change them: wider, deeper, with batch normalization, from their layers' tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from leadline.errors import UsageError
from leadline.variants.architecture import reshaped

LayerTables = Sequence[dict[str, Any]]
WIDTH = {"dense": "units", "convolution": "filters"}
_NESTED = ("body", "shortcut", "layers")


def scaled_width(layers: LayerTables, factor: float) -> list[dict[str, Any]] | None:
    """Every hidden dense layer and convolution with ``factor`` times its units or filters; None where none can be.

    Grouped convolutions and layers of the user's own tie widths together in ways that only their author knows.
    """
    tables = list(_all_tables(layers))
    dense = [table for table in layers if table["type"] == "dense"]
    if len([table for table in tables if table["type"] in WIDTH]) < 2 or not dense:
        return None
    if any(table.get("groups", 1) != 1 or table["type"] not in _SCALABLE for table in tables):
        return None
    return _scaled(layers, factor, dense[-1])


_SCALABLE = {
    *WIDTH,
    *("image", "activation", "batch_norm", "dropout", "flatten", "residual"),
    *("max_pool", "average_pool", "global_average_pool"),
}


def _all_tables(layers: Any) -> Any:
    for table in layers:
        yield table
        for key in _NESTED:
            if isinstance(table.get(key), list | tuple):
                yield from _all_tables(table[key])


def _scaled(layers: LayerTables, factor: float, output: dict[str, Any]) -> list[dict[str, Any]]:
    found = []
    for table in layers:
        new = dict(table)
        key = WIDTH.get(table["type"])
        if key is not None and table is not output:
            new[key] = max(1, round(table[key] * factor))
        for name in _NESTED:
            if isinstance(table.get(name), list | tuple):
                new[name] = _scaled(table[name], factor, output)
        found.append(new)
    return found


def deeper(layers: LayerTables) -> list[dict[str, Any]] | None:
    """One more hidden dense layer, like the last one; None without a hidden dense layer."""
    hidden = len([table for table in layers if table["type"] == "dense"]) - 1
    return None if hidden < 1 else reshaped(layers, {"network.hidden_layers": hidden + 1})


def with_dropout(layers: LayerTables, keep_prob: float) -> list[dict[str, Any]] | None:
    """Dropout after every hidden dense layer; None without one."""
    try:
        return reshaped(layers, {"network.keep_prob": keep_prob})
    except UsageError:
        return None


def with_batch_norm(layers: LayerTables) -> list[dict[str, Any]] | None:
    """Batch normalization between the linear part and the activation of every hidden layer; None where some is."""
    if any(table["type"] == "batch_norm" for table in _all_tables(layers)):
        return None
    dense = [i for i, table in enumerate(layers) if table["type"] == "dense"]
    found: list[dict[str, Any]] = []
    for i, table in enumerate(layers):
        activation = table.get("activation", "linear")
        if table["type"] not in WIDTH or i == (dense[-1] if dense else None) or activation == "linear":
            found.append(dict(table))
            continue
        plain = {key: value for key, value in table.items() if key not in ("activation", "bias")}
        initializer = {"initializer": "he"} if activation in ("relu", "leaky_relu") else {}
        start = {} if plain.get("initializer", "auto") != "auto" else initializer
        found += [plain | start, {"type": "batch_norm", "activation": activation}]
    return found if len(found) > len(layers) else None
