"""The mean of what the members of an ensemble predict, as the output of one network (Hansen and Salamon, 1990).

Members' outputs ``z`` are (P, m, k): logits or values, as a loss takes them; so is the mean's output, (m, k). What is
averaged are the predictions, probabilities for cross-entropies, whose mean is given back as logits. It is taken with
logarithms throughout, so that no probability underflows.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional


def mean_of_values(z: Tensor) -> Tensor:
    """``z̄ = 1/P Σₚ zₚ``."""
    return z.mean(0)


def mean_of_values_backward(d_mean: Tensor, z: Tensor) -> Tensor:
    """``d_zₚ = d_z̄ / P``."""
    return (d_mean / len(z)).expand_as(z).contiguous()


def mean_of_softmaxes(z: Tensor) -> Tensor:
    """``log(1/P Σₚ softmax(zₚ))``: logits whose softmax is the members' mean probability."""
    return torch.logsumexp(torch.log_softmax(z, -1), 0) - math.log(len(z))


def mean_of_softmaxes_backward(d_mean: Tensor, z: Tensor) -> Tensor:
    """``d_zₚⱼ = rₚⱼ d_j − sₚⱼ Σₖ rₚₖ d_k``, with sₚ = softmax(zₚ) and rₚ = sₚ / (P s̄), a member's share of the mean.

    The output is log s̄ₖ, and ∂s̄ₖ/∂zₚⱼ = sₚₖ (1[j = k] − sₚⱼ)/P.
    """
    log_s = torch.log_softmax(z, -1)
    weighted = torch.softmax(log_s, 0).mul_(d_mean)  # rₚ is the softmax over members of log sₚ
    total = weighted.sum(-1, keepdim=True)
    return weighted.sub_(log_s.exp_().mul_(total))


def mean_of_sigmoids(z: Tensor) -> Tensor:
    """``log ā − log(1 − ā)`` with ``ā = 1/P Σₚ σ(zₚ)``: the logit of the members' mean probability."""
    return torch.logsumexp(functional.logsigmoid(z), 0) - torch.logsumexp(functional.logsigmoid(-z), 0)


def mean_of_sigmoids_backward(d_mean: Tensor, z: Tensor) -> Tensor:
    """``d_zₚ = σ(zₚ)(1 − σ(zₚ)) / (P ā (1 − ā)) d``, since the logit's derivative by ā is 1/(ā (1 − ā))."""
    log_slopes = functional.logsigmoid(z) + functional.logsigmoid(-z)
    log_means = torch.logsumexp(functional.logsigmoid(z), 0) + torch.logsumexp(functional.logsigmoid(-z), 0)
    return log_slopes.sub_(log_means).exp_().mul_(len(z)).mul_(d_mean)


class Mean(NamedTuple):
    """A mean of predictions and its backward form, which takes the derivative by the mean and the members' outputs."""

    forward: Callable[[Tensor], Tensor]
    backward: Callable[[Tensor, Tensor], Tensor]


MEANS: dict[str, Mean] = {
    "linear": Mean(mean_of_values, mean_of_values_backward),
    "softmax": Mean(mean_of_softmaxes, mean_of_softmaxes_backward),
    "sigmoid": Mean(mean_of_sigmoids, mean_of_sigmoids_backward),
}
"""By the name of what makes predictions of outputs (`leadline.equations.losses.Loss.prediction`)."""
