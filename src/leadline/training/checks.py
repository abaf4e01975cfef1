"""What can be known to go wrong before training starts."""

from __future__ import annotations

import math

from torch import Tensor

from leadline.network import BatchNorm, Network
from leadline.network.layer import ShapeError
from leadline.network.targets import check_targets


def check_problem(network: Network, loss: str, x: Tensor, y: Tensor, batch_size: int) -> None:
    """Raise one clear error unless ``network`` can be trained with ``loss`` on ``x`` (m, …) and ``y`` in such batches.

    Looks at shapes, at labels outside the classes, and at batches of one example that would reach batch normalization.
    """
    check_targets(network, loss, x, y)
    _check_batches_of_one(network, tuple(x.shape[1:]), len(x), batch_size)


def _check_batches_of_one(network: Network, input_shape: tuple[int, ...], m: int, batch_size: int) -> None:
    batch_size = min(batch_size, m)
    if batch_size > 1 and m % batch_size != 1:
        return
    for i, (layer, shape) in enumerate(zip(network.layers, network.shapes(input_shape), strict=False)):
        if isinstance(layer, BatchNorm) and math.prod(shape[1:]) == 1:
            raise ShapeError(
                f"layers[{i}] {layer}: cannot train on a batch of one example, which has no variance; "
                f"{m} examples in batches of {batch_size} give one.{_advice(m, batch_size)}"
            )


def _advice(m: int, batch_size: int) -> str:
    """The nearest batch size that leaves no example alone."""
    fitting = [size for size in range(2, m + 1) if m % size != 1]
    if not fitting:
        return " Use more examples."
    return f" Use a batch_size of {min(fitting, key=lambda size: abs(size - batch_size))}."
