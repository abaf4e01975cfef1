"""What an architecture is: a function that makes a network, and how its publishers name the weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from leadline.network import Network, Shape


class Pixels(NamedTuple):
    """How a publisher normalizes colour images: (x/255 − mean)/deviation, for red, green and blue."""

    mean: tuple[float, float, float]
    deviation: tuple[float, float, float]


IMAGENET = Pixels((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
"""Mean and standard deviation of ImageNet's pixels, with which most publishers train."""


@dataclass(frozen=True)
class Publication:
    """One publisher's model of an architecture.

    ``prefixes`` are its names for the layers with weights, in the order of ours (`leadline.architectures.weights`);
    ``options`` are the arguments with which our network computes the same: its padding and batch-norm ε. ``pixels`` is
    the normalization of the images that it was trained on.
    """

    publisher: str
    prefixes: tuple[str, ...]
    options: dict[str, Any] = field(default_factory=dict)
    pixels: Pixels = IMAGENET


@dataclass(frozen=True)
class Architecture:
    """``build(outputs, **options)`` makes the network; ``input_shape`` and ``outputs`` are those of the publication."""

    name: str
    build: Callable[..., Network]
    input_shape: Shape
    outputs: int
    publications: tuple[Publication, ...] = ()
