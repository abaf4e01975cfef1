"""What an architecture is: a function that makes a network, and how its publishers name the weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from leadline.network import Network, Shape


@dataclass(frozen=True)
class Publication:
    """One publisher's model of an architecture.

    ``prefixes`` are its names for the layers with weights, in the order of ours (`leadline.architectures.weights`);
    ``options`` are the arguments with which our network computes the same: its padding and batch-norm ε.
    """

    publisher: str
    prefixes: tuple[str, ...]
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Architecture:
    """``build(outputs, **options)`` makes the network; ``input_shape`` and ``outputs`` are those of the publication."""

    name: str
    build: Callable[..., Network]
    input_shape: Shape
    outputs: int
    publications: tuple[Publication, ...] = ()
