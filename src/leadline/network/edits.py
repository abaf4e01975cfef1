"""Networks changed as values: wider, deeper, with dropout or batch normalization, with another output layer.

Every function takes layers and returns new ones; what a layer can do is asked of the layer, so that dense layers,
convolutions and layers of a user's own take part alike. A change for which a network has no room is an `EditError`.
Hidden layers are those in front of the output layer, which is the last one with weights. A *block* is a hidden layer on
vectors, such as `Dense`, and what follows it up to the next one: batch normalization, an activation, dropout.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from leadline.errors import UsageError
from leadline.network.batch_norm import BatchNorm
from leadline.network.composite import Composite
from leadline.network.dense import Dense
from leadline.network.dropout import Dropout
from leadline.network.layer import Layer, Shape, ShapeError, layer_from_config
from leadline.network.sequence import shapes_through

Layers = Sequence[Layer]
LayerTable = Mapping[str, Any]


class EditError(UsageError):
    """A change for which the network has no room; the message names the layer that is in the way."""


def edited(tables: Iterable[LayerTable], edit: Callable[..., list[Layer]], *args: Any) -> list[dict[str, Any]] | None:
    """The layers' tables of an experiment after ``edit(layers, *args)``; None where there is no room for it.

    None too where the tables name a kind of layer that is not known here, whose form then is not known either.
    """
    layers = layers_of(tables)
    if layers is None:
        return None
    try:
        return [layer.config() for layer in edit(layers, *args)]
    except EditError:
        return None


def layers_of(tables: Iterable[LayerTable]) -> list[Layer] | None:
    """The layers that the tables of an experiment describe; None where one of them is not known here."""
    try:
        return [layer_from_config(dict(table)) for table in tables]
    except UsageError:
        return None


# --- what stands where ----------------------------------------------------------------------------------------


def output_layer(layers: Layers) -> int:
    """The position of the output layer; -1 in a network without weights."""
    return max((i for i, layer in enumerate(layers) if layer.depth), default=-1)


def hidden_layers(layers: Layers, axes: int | None = None) -> list[int]:
    """Positions of the hidden layers with units or filters, or of those among them that take so many ``axes``.

    Layers inside other layers are not among them.
    """
    last = output_layer(layers)
    places = [i for i, layer in enumerate(layers[: max(last, 0)]) if layer.n_outputs is not None]
    return [i for i in places if axes is None or layers[i].axes == axes]


def inner_layers(layers: Layers) -> Iterable[Layer]:
    """All layers, those inside other layers, too."""
    for layer in layers:
        yield layer
        if isinstance(layer, Composite):
            for branch in layer.branches().values():
                yield from inner_layers(branch)


# --- width ----------------------------------------------------------------------------------------------------


def widened(layers: Layers, factor: float, input_shape: Shape | None = None) -> list[Layer]:
    """Every hidden layer with ``factor`` times its units or filters, also inside residual layers.

    Groups of a convolution stay as large as they were. A sum of branches stays possible: where one of them is as wide
    as the network's input, the others end as wide as before. With an ``input_shape`` the result is checked against it.
    """
    last = output_layer(layers)
    hidden, _ = _widened(layers[: max(last, 0)], factor, input_widened=False)
    result = [*hidden, *layers[max(last, 0) :]]
    if list(layers) == result and factor != 1:
        raise EditError("the network has no hidden layer that could be widened")
    if input_shape is not None:
        try:
            shapes_through(result, input_shape, "layers")
        except ShapeError as error:
            raise EditError(f"the widened network does not fit together: {error}") from None
    return result


def _widened(layers: Layers, factor: float, input_widened: bool, keep_end: bool = False) -> tuple[list[Layer], bool]:
    """The layers widened, and whether what they compute is wider; with ``keep_end`` it is as wide as before."""
    ends = [i for i, layer in enumerate(layers) if layer.n_outputs is not None or isinstance(layer, Composite)]
    kept = ends[-1] if keep_end and ends else None
    made: list[Layer] = []
    wider = input_widened
    for i, layer in enumerate(layers):
        if i == kept and layer.n_outputs is not None:
            new, wider = layer, False
        elif isinstance(layer, Composite) and not layer.frozen:
            new, wider = _widened_branches(layer, factor, wider, keep_end=i == kept)
        else:
            widest = layer if layer.frozen and not wider else layer.widened(factor, wider)
            if widest is None or (layer.frozen and wider):
                raise EditError(f"layers[{i}] {layer} cannot be widened")
            new, wider = widest, wider or layer.n_outputs is not None
        made.append(new)
    return made, wider


def _widened_branches(layer: Composite, factor: float, input_widened: bool, keep_end: bool) -> tuple[Layer, bool]:
    """A layer of branches that are added up: all of them end alike."""
    branches = layer.branches()
    parts = {name: _widened(part, factor, input_widened, keep_end) for name, part in branches.items()}
    if len({wider for _, wider in parts.values()}) > 1:
        parts = {name: _widened(part, factor, input_widened, keep_end=True) for name, part in branches.items()}
    ends = {wider for _, wider in parts.values()}
    if len(ends) > 1:
        raise EditError(f"{layer} cannot be widened: its branches would no longer end alike")
    return layer.with_branches({name: tuple(part) for name, (part, _) in parts.items()}), ends == {True}


# --- blocks of hidden layers on vectors -----------------------------------------------------------------------


def with_units(layers: Layers, units: int) -> list[Layer]:
    """Every block with so many units."""
    head, blocks, output = _parts(layers)
    return _joined(head, [[block[0].with_outputs(units), *block[1:]] for block in blocks], output)


def with_blocks(layers: Layers, count: int) -> list[Layer]:
    """So many blocks: the last one is repeated, or blocks are left out at the end."""
    if type(count) is not int or count < 1:
        raise UsageError(f"network.hidden_layers: got {count!r}, needs a whole number of at least 1.")
    head, blocks, output = _parts(layers)
    return _joined(head, [blocks[min(i, len(blocks) - 1)] for i in range(count)], output)


def deepened(layers: Layers) -> list[Layer]:
    """One more block, like the last one."""
    return with_blocks(layers, len(_parts(layers)[1]) + 1)


def with_hidden_layer(layers: Layers, units: int = 64, activation: str = "relu") -> list[Layer]:
    """A hidden layer in front of the output layer of a network that has none."""
    last = max(output_layer(layers), 0)
    if any(layer.depth for layer in layers[:last]):
        raise EditError("the network has hidden layers")
    return [*layers[:last], Dense(units, activation), *layers[last:]]


ROOMY_UNITS = (64, 32)
"""Units of the first and of the later hidden layers of a network that has room for most functions of a table."""


def much_bigger(layers: Layers) -> list[Layer]:
    """Four times the units, at least `ROOMY_UNITS`, and at least two hidden layers on vectors."""
    if not hidden_layers(layers, axes=1):
        layers = with_hidden_layer(layers, ROOMY_UNITS[0])
    head, blocks, output = _parts(layers if len(hidden_layers(layers, axes=1)) > 1 else deepened(layers))
    made = []
    for k, block in enumerate(blocks):
        least = ROOMY_UNITS[min(k, 1)]
        made.append([block[0].with_outputs(max(4 * (block[0].n_outputs or 1), least)), *block[1:]])
    return _joined(head, made, output)


def with_dropout(layers: Layers, keep_prob: float) -> list[Layer]:
    """Dropout with this keep_prob at the end of every block, in place of what there is; none where it is 1."""
    head, blocks, output = _parts(layers)
    ends = [] if keep_prob == 1 else [Dropout(keep_prob=keep_prob)]
    return _joined(head, [[*without_dropout(block), *ends] for block in blocks], output)


def without_dropout(layers: Layers) -> list[Layer]:
    """The layers without dropout."""
    return [layer for layer in layers if not isinstance(layer, Dropout)]


def _parts(layers: Layers) -> tuple[list[Layer], list[list[Layer]], list[Layer]]:
    """What comes before the blocks, the blocks, and the output layer with what follows it."""
    last, starts = output_layer(layers), hidden_layers(layers, axes=1)
    if not starts:
        raise EditError("the network has no hidden dense layer that could vary")
    blocks = [list(layers[start:stop]) for start, stop in zip(starts, [*starts[1:], last], strict=True)]
    return list(layers[: starts[0]]), blocks, list(layers[last:])


def _joined(head: list[Layer], blocks: Iterable[list[Layer]], output: list[Layer]) -> list[Layer]:
    return [*head, *(layer for block in blocks for layer in block), *output]


# --- single layers --------------------------------------------------------------------------------------------


def with_batch_norm(layers: Layers) -> list[Layer]:
    """Batch normalization between the linear part and the activation of every hidden layer with units or filters."""
    if any(isinstance(layer, BatchNorm) for layer in inner_layers(layers)):
        raise EditError("the network has batch normalization")
    hidden, made = hidden_layers(layers), list[Layer]()
    for i, layer in enumerate(layers):
        activation = getattr(layer, "activation", "linear")
        normalized = i in hidden and activation != "linear"
        made += [*layer.without_activation(), BatchNorm(activation=activation)] if normalized else [layer]
    if len(made) == len(layers):
        raise EditError("the network has no hidden layer whose sums could be normalized")
    return made


def with_outputs(layers: Layers, n: int) -> list[Layer]:
    """The same hidden layers with an output layer of ``n`` units."""
    last = output_layer(layers)
    if last < 0 or layers[last].axes != 1 or layers[last].n_outputs is None:
        place = layers[last] if layers else "none"
        raise EditError(f"the output layer must be dense, so that its units can be changed; got {place}")
    return [*layers[:last], layers[last].with_outputs(n), *layers[last + 1 :]]
