"""Seeing inside a network of convolutions: its filters, its activation maps, and what part of an image a unit sees.

Source: course 4, what deep networks are learning, after Zeiler and Fergus (2014), "Visualizing and understanding
convolutional networks".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from leadline.network.composite import Composite
from leadline.network.image import Image
from leadline.network.layer import Layer, Shape
from leadline.network.network import Network
from leadline.network.parameters import Parameters
from leadline.network.sequence import shapes_through


def filters(parameters: Parameters) -> dict[str, Tensor]:
    """The filters of every convolution by the name of their weights: (filters, channels, f_h, f_w), in layer order."""
    return {name: weight for name, weight in parameters.named().items() if weight.ndim == 4}


def image_layers(network: Network, input_shape: Shape) -> list[int]:
    """Which layers compute images (channels, height, width) of more than one pixel; rows seen as images are none."""
    shapes = network.shapes(input_shape)[1:]
    return [
        i
        for i, (layer, shape) in enumerate(zip(network.layers, shapes, strict=True))
        if len(shape) == 3 and shape[1] * shape[2] > 1 and not isinstance(layer, Image)
    ]


def activations(network: Network, parameters: Parameters, x: Tensor, layers: Sequence[int]) -> dict[int, Tensor]:
    """The outputs of some layers for a batch ``x`` (m, …), with dropout off and running statistics.

    Computes no further than the last of them. For convolutions an output is (m, channels, height, width).
    """
    memories, outputs = network.memories(parameters), {}
    for i in range(max(layers, default=-1) + 1):
        x = network.forward_layer(i, parameters, x, memories)
        if i in layers:
            outputs[i] = x.clone()  # the next layer may overwrite it
    return outputs


@dataclass(frozen=True)
class ReceptiveField:
    """The part of the input image that one unit of a layer sees: for rows and columns, in pixels.

    The unit at (i, j) sees ``size`` pixels from ``start + stride · (i, j)``; some may lie outside of the image.
    """

    size: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    start: tuple[int, int] = (0, 0)

    def then(self, size: tuple[int, int], stride: tuple[int, int], before: tuple[int, int]) -> ReceptiveField:
        """After one more window of that size, which moves by ``stride`` and begins ``before`` pixels outside."""
        grown = tuple(s + (f - 1) * j for s, f, j in zip(self.size, size, self.stride, strict=True))
        moved = tuple(j * s for j, s in zip(self.stride, stride, strict=True))
        start = tuple(a - p * j for a, p, j in zip(self.start, before, self.stride, strict=True))
        return ReceptiveField((grown[0], grown[1]), (moved[0], moved[1]), (start[0], start[1]))

    def at(self, row: int, column: int) -> tuple[int, int, int, int]:
        """What the unit at a place sees: top, bottom, left, right, the ends exclusive."""
        top, left = (a + j * i for a, j, i in zip(self.start, self.stride, (row, column), strict=True))
        return top, top + self.size[0], left, left + self.size[1]


def receptive_field(network: Network, input_shape: Shape, layer: int) -> ReceptiveField | None:
    """That of the units of a layer; None where it is unknown, or the whole image.

    Squeeze-and-excitation, which weighs channels by the whole image, is left out of account.
    """
    return _through(network.layers[: layer + 1], network.shapes(input_shape), ReceptiveField())


def _through(layers: Sequence[Layer], shapes: Sequence[Shape], field: ReceptiveField) -> ReceptiveField | None:
    for layer, shape, after in zip(layers, shapes, shapes[1:], strict=False):
        moved = layer.receptive_window(shape)
        if moved is not None:
            size, window = moved
            reach = tuple((f - 1) * d + 1 for f, d in zip(size, window.dilation, strict=True))
            field = field.then((reach[0], reach[1]), window.stride, (window.padding[0], window.padding[2]))
        elif isinstance(layer, Composite):
            inner = [
                _through(part, shapes_through(part, shape, name), field) for name, part in layer.branches().items()
            ]
            seen = [each for each in inner if each is not None]
            if len(seen) < len(inner):
                return None
            field = max(seen, key=lambda each: each.size)
        elif not isinstance(layer, Image) and after[1:] != shape[1:]:
            return None
    return field


@dataclass(frozen=True, eq=False)
class StrongestPlaces:
    """Where channels of a layer are most active among some images, the strongest first.

    ``channels`` (k,) are those looked at; ``images``, ``rows``, ``columns`` and ``values`` (k, n) say where each is, at
    most one place in an image, and how strong.
    """

    channels: Tensor
    images: Tensor
    rows: Tensor
    columns: Tensor
    values: Tensor


def strongest_places(maps: Tensor, channels: int, count: int) -> StrongestPlaces:
    """The ``count`` strongest places of the most active ``channels``, from maps (m, c, h, w).

    Channels that are most active somewhere come first.
    """
    m, c, _, width = maps.shape
    values, places = maps.flatten(2).max(2)  # (m, c)
    top, images = values.topk(min(count, m), dim=0)  # (n, c)
    chosen = top.mean(0).topk(min(channels, c)).indices
    where = places.gather(0, images)[:, chosen].t()
    return StrongestPlaces(chosen, images[:, chosen].t(), where // width, where % width, top[:, chosen].t())
