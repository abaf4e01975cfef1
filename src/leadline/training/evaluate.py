"""Outputs, cost and error of a network over a whole set, in chunks that fit in memory."""

from __future__ import annotations

import torch
from torch import Tensor

from leadline.equations.losses import LOSSES
from leadline.network import Network, Parameters

CHUNK_VALUES = 1 << 24  # about 64 MiB of float32 for the widest layer's output
KEPT_VALUES = 1 << 26  # about 256 MiB for the outputs of all layers, those inside of layers included


def outputs(network: Network, parameters: Parameters, x: Tensor) -> Tensor:
    """The network's outputs (logits or values) for every example, dropout off and running statistics used: (m, k).

    Examples are taken in chunks: every layer keeps its output until the last chunk is done. Sequences of about the same
    length are taken together.
    """
    input_shape = tuple(x.shape[1:])
    network.check_input(x, input_shape)
    shapes = network.shapes(input_shape)
    widest = max(_size(shape) for shape in shapes)
    kept = sum(layer.activation_values(shape) for layer, shape in zip(network.layers, shapes, strict=False))
    chunk = max(1, min(len(x), CHUNK_VALUES // widest, KEPT_VALUES // max(1, kept)))
    result = x.new_empty((len(x), *shapes[-1]), dtype=parameters.theta.dtype)
    memories = network.memories(parameters)
    lengths = network.lengths(x)
    if lengths is not None:
        for rows in torch.argsort(lengths).split(chunk):
            result[rows] = network.forward(parameters, x[rows].to(result.dtype), memories)
        return result
    for start in range(0, len(x), chunk):
        part = x[start : start + chunk].to(result.dtype)
        result[start : start + chunk] = network.forward(parameters, part, memories)
    return result


def cost_and_error(loss: str, z: Tensor, y: Tensor, weights: Tensor | None = None) -> tuple[float, float]:
    """The mean cost, by ``weights`` (m,), and the error of outputs: the fraction wrong, or for regression the RMSE."""
    cost = float(LOSSES[loss].cost(z, y, weights))
    error = float(LOSSES[loss].error(z, y).mean())
    return cost, error ** (1 / LOSSES[loss].error_power)


def _size(shape: tuple[int, ...]) -> int:
    return int(torch.Size(shape).numel())
