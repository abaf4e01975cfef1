"""What an architecture is: a function that makes a network, and how its publishers name the weights."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from leadline.extensions import Extension, Registry, registry
from leadline.network import Network, Shape


class PixelScaling(NamedTuple):
    """How a publisher normalizes colour images: (x/255 − mean)/deviation, for red, green and blue."""

    mean: tuple[float, float, float]
    deviation: tuple[float, float, float]


IMAGENET = PixelScaling((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
"""Mean and standard deviation of ImageNet's pixels, with which most publishers train."""


@dataclass(frozen=True)
class Publication:
    """One publisher's model of an architecture.

    ``prefixes`` are its names for the layers with weights, in the order of ours (`leadline.architectures.weights`);
    ``options`` are the arguments with which our network computes the same: its padding and batch-norm ε. ``pixels`` is
    the normalization of the images that it was trained on, and ``blue_first`` whether their channels were blue, green
    and red: the first layer's weights are turned round when they are read.
    """

    publisher: str
    prefixes: tuple[str, ...]
    options: dict[str, Any] = field(default_factory=dict)
    pixels: PixelScaling = IMAGENET
    blue_first: bool = False


class Architecture(Extension, ABC, kind="architecture"):
    """A well-known network by name. Subclass it, with `build`, to add one of your own.

    ``input_shape`` (channels, height, width) and ``outputs`` are those of the publication; ``publications`` say where
    there are trained weights of it.
    """

    name: str
    input_shape: Shape = (3, 224, 224)
    outputs: int = 1000
    publications: tuple[Publication, ...] = ()

    @abstractmethod
    def build(self, outputs: int = 1000, **options: Any) -> Network:
        """The network for images (channels, height, width), with so many outputs."""


@dataclass(frozen=True)
class FunctionArchitecture(Architecture, abstract=True):
    """An architecture made by a function, ``builder(outputs, **options)``."""

    name: str
    builder: Callable[..., Network]
    input_shape: Shape
    outputs: int
    publications: tuple[Publication, ...] = ()

    def build(self, outputs: int | None = None, **options: Any) -> Network:
        """By the function; without ``outputs``, as many as it makes itself."""
        return self.builder(**options) if outputs is None else self.builder(outputs, **options)


ARCHITECTURES: Registry[Architecture] = registry("architecture")
"""The architectures by their names in experiment files."""
