"""How many threads a training gets: small products are finished before a second thread has woken up.

Measured on two cores, a second thread slows batches of some hundred megaflops down, and many times so when the machine
is busy with something else, because threads wait for each other spinning.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from leadline.network import Network

FLOPS_FOR_THREADS = 2e8


def threads_for(network: Network, input_shape: tuple[int, ...], batch_size: int) -> int:
    """One thread where a step (forward and twice that for backward) is small, else as many as torch has."""
    shapes = network.shapes(input_shape)
    forward = sum(layer.flops(shape) for layer, shape in zip(network.layers, shapes, strict=False))
    return 1 if 3 * forward * batch_size < FLOPS_FOR_THREADS else torch.get_num_threads()


@contextmanager
def limited_threads(count: int) -> Iterator[None]:
    """Within this, torch uses `count` threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
