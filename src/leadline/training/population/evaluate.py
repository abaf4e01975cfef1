"""Outputs, cost and error of every member over one shared set, in chunks that fit in memory."""

from __future__ import annotations

import math

from torch import Tensor

from leadline.equations.losses import LOSSES
from leadline.network import Network, Parameters
from leadline.training.class_weights import weights_by_label
from leadline.training.evaluate import CHUNK_VALUES
from leadline.training.population.losses import population_loss


def population_outputs(network: Network, parameters: Parameters, x: Tensor) -> Tensor:
    """Every member's outputs for the examples ``x`` (m, n), in prediction mode: a view (P, m, k) of memory (P, k, m).

    ``x`` is not copied for the members; (P, m, n) holds examples of their own.
    """
    shapes, m = network.shapes(tuple(x.shape[-1:])), x.shape[-2]
    p = len(parameters.theta)
    chunk = max(1, min(m, CHUNK_VALUES // (p * max(math.prod(shape) for shape in shapes))))
    result = parameters.theta.new_empty(p, *shapes[-1], m).transpose(1, 2)
    memories = network.memories(parameters)
    for start in range(0, m, chunk):
        part = x[..., start : start + chunk, :].to(result.dtype)
        result[:, start : start + chunk] = network.forward(parameters, part.expand(p, *part.shape[-2:]), memories)
    return result


def population_cost_and_error(
    loss: str, z: Tensor, y: Tensor, class_weights: Tensor | None = None
) -> tuple[list[float], list[float]]:
    """Every member's mean cost and error of its outputs ``z`` (P, m, k): the fraction wrong, or for regression RMSE.

    Targets are the same for all, or the members' own (P, m, k). ``class_weights`` (P, k) weigh the costs by class.
    """
    y = y if y.dim() == 3 else y.expand(len(z), *y.shape)
    weights = None if class_weights is None else weights_by_label(y, class_weights)
    cost, errors = population_loss(loss).measure(z, y, weights)
    error = errors.mean(-1)
    return cost.tolist(), (error ** (1 / LOSSES[loss].error_power)).tolist()
