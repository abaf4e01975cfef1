"""Softmax with cross-entropy where examples, not classes, lie next to each other in memory.

Torch's kernels go through memory in order: along a short class axis that means a start-up cost for every example, and
10 to 100 times the time of the same formula along the axis of examples. A population's outputs are therefore kept as
(…, k, m); these functions take the transposed view (…, m, k) and compute what `leadline.equations.losses` says.
"""

from __future__ import annotations

import torch
from torch import Tensor

from leadline.equations.losses import LOSSES, Loss


def softmax_cross_entropy(z: Tensor, y: Tensor, weights: Tensor | None = None) -> Tensor:
    """J = 1/m Σᵢ −log softmax(zᵢ)[yᵢ] by log-sum-exp; ``y (…, m)``."""
    z, y = z.transpose(-1, -2), y.unsqueeze(-2)
    largest = z.amax(-2, keepdim=True)
    log_sum = (z - largest).exp_().sum(-2, keepdim=True).log_().add_(largest)
    per_example = log_sum.sub_(z.gather(-2, y)).squeeze(-2)
    if weights is None:
        return per_example.mean(-1)
    return (per_example * weights).sum(-1) / weights.sum(-1)


def softmax_cross_entropy_backward(
    z: Tensor, y: Tensor, weights: Tensor | None = None, out: Tensor | None = None
) -> Tensor:
    """d_z = (softmax(z) − one_hot(y))/m."""
    z, y = z.transpose(-1, -2), y.unsqueeze(-2)
    a = torch.softmax(z, -2) if out is None else torch.softmax(z, -2, out=out.transpose(-1, -2))
    a.scatter_add_(-2, y, a.new_full((1,), -1.0).expand(y.shape))
    a.mul_(1.0 / z.shape[-1] if weights is None else (weights / weights.sum(-1, keepdim=True)).unsqueeze(-2))
    return a.transpose(-1, -2)


def wrong_class(z: Tensor, y: Tensor) -> Tensor:
    """1 where the largest logit is not the label's; the first of equal ones counts, as for argmax."""
    return (z.transpose(-1, -2).max(-2).indices != y).to(z.dtype)


def population_loss(name: str) -> Loss:
    """The loss of that name, in the form that is fast for populations."""
    if name != "softmax_cross_entropy":
        return LOSSES[name]
    return LOSSES[name]._replace(cost=softmax_cross_entropy, backward=softmax_cross_entropy_backward, error=wrong_class)
