"""Softmax with cross-entropy where examples, not classes, lie next to each other in memory.

Torch's kernels go through memory in order: along a short class axis that means a start-up cost for every example, and
10 to 100 times the time of the same formula along the axis of examples. A population's outputs are therefore kept as
(…, k, m); these functions take the transposed view (…, m, k) and compute what `leadline.equations.losses` says.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from leadline.equations.averages import Number
from leadline.equations.losses import LOSSES, subtract_labels, total_weight

Costs = tuple[Tensor, Tensor]


def softmax_measure(z: Tensor, y: Tensor, weights: Tensor | None = None) -> Costs:
    """J = 1/m Σᵢ −log softmax(zᵢ)[yᵢ] by log-sum-exp, and 1 for each example whose largest logit is not its label's.

    Of equal logits the first counts, as for argmax. ``y (…, m)``; returns (…,) and (…, m).
    """
    z, y = z.transpose(-1, -2), y.unsqueeze(-2)
    largest, chosen = z.amax(-2, keepdim=True), z.gather(-2, y)
    log_sum = (z - largest).exp_().sum(-2, keepdim=True).log_().add_(largest)
    cost = log_sum.sub_(chosen).squeeze(-2)
    cost = cost.mean(-1) if weights is None else (cost * weights).sum(-1) / total_weight(weights)
    # Without ties it is much faster to compare than to look for the index; comparisons that write numbers of the same
    # type are several times faster than those that write truth values.
    largest_of_all = torch.eq(z, largest, out=torch.empty_like(z)).sum(-1).sum(dtype=torch.float64)
    if int(largest_of_all) == y.numel():
        return cost, torch.lt(chosen, largest, out=torch.empty_like(chosen)).squeeze(-2)
    return cost, (z.max(-2).indices != y.squeeze(-2)).to(z.dtype)


def softmax_cross_entropy_backward(
    z: Tensor, y: Tensor, weights: Tensor | None = None, out: Tensor | None = None, smoothing: Number = 0.0
) -> Tensor:
    """d_z = (softmax(z) − one_hot(y))/m, one_hot(y) smoothed."""
    z, y = z.transpose(-1, -2), y.unsqueeze(-2)
    a = torch.softmax(z, -2) if out is None else torch.softmax(z, -2, out=out.transpose(-1, -2))
    subtract_labels(a, y, -2, smoothing)
    a.mul_(1.0 / z.shape[-1] if weights is None else (weights / total_weight(weights, keepdim=True)).unsqueeze(-2))
    return a.transpose(-1, -2)


class PopulationLoss(NamedTuple):
    """The derivative of the members' costs, and what is measured: their costs, and the error of each example."""

    backward: Callable[..., Tensor]
    measure: Callable[..., Costs]


def population_loss(name: str) -> PopulationLoss:
    """The loss of that name for outputs that lie as (…, k, m)."""
    if name == "softmax_cross_entropy":
        return PopulationLoss(softmax_cross_entropy_backward, softmax_measure)
    loss = LOSSES[name]

    def measure(z: Tensor, y: Tensor, weights: Tensor | None = None) -> Costs:
        return loss.cost(z, y, weights), loss.error(z, y)

    return PopulationLoss(loss.backward, measure)
