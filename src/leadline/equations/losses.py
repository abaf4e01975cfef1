"""Loss functions: the cost J of a batch and its derivative by the network's output.

The output is what the last linear part computes: logits ``z`` for classification, values for regression, of shape
``(m, k)`` or ``(P, m, k)`` for a population, whose members then have a cost each. Taking logits keeps cost and
gradient finite for any z: exponential and logarithm are never taken apart. ``weights`` of shape ``(m,)`` or ``(P,
m)`` weighs the examples (0 leaves one out; J is then the weighted mean).

J is a mean over examples and the backward functions return its derivative, so the factor 1/m enters here and
nowhere else: ``d_z = (a − y)/m`` for every loss, with a = z, σ(z) or softmax(z). Nothing is ever divided by a.

Cross-entropies take a ``smoothing`` ε of the labels, one number or (P, 1) with one for each member: of the probability
1 of its label, an example keeps 1 − ε, and ε is shared by all classes alike (Szegedy et al., 2016).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from leadline.equations import activations
from leadline.equations.averages import Number


def squared_error(z: Tensor, y: Tensor, weights: Tensor | None = None) -> Tensor:
    """J = 1/(2m) Σᵢ ‖zᵢ − yᵢ‖², ``y`` shaped as ``z``. The factor ½ makes the derivative plain z − y."""
    return _mean((z - y).square_().sum(-1).mul_(0.5), weights)


def squared_error_backward(z: Tensor, y: Tensor, weights: Tensor | None = None, out: Tensor | None = None) -> Tensor:
    """d_z = (z − y)/m."""
    return _over_examples(torch.sub(z, y, out=out), weights)


def smoothed(y: Tensor, smoothing: Number) -> Tensor:
    """Labels 0 and 1 as ε/2 and 1 − ε/2: what ``smoothing`` makes of the probability of the second of two classes."""
    if not isinstance(smoothing, Tensor):
        return y if smoothing == 0 else y * (1.0 - smoothing) + smoothing / 2
    smoothing = smoothing.to(y).unsqueeze(-1)
    return y * (1.0 - smoothing) + smoothing / 2


def binary_cross_entropy(z: Tensor, y: Tensor, weights: Tensor | None = None, smoothing: Number = 0.0) -> Tensor:
    """J = 1/m Σᵢ −[y log σ(z) + (1−y) log(1−σ(z))] for labels ``y`` in [0, 1] of the shape of ``z``.

    Computed as max(z, 0) − z y + log(1 + e^−|z|).
    """
    return _mean(_logistic_loss(z, smoothed(y, smoothing)).sum(-1), weights)


def binary_cross_entropy_backward(
    z: Tensor, y: Tensor, weights: Tensor | None = None, out: Tensor | None = None, smoothing: Number = 0.0
) -> Tensor:
    """d_z = (σ(z) − y)/m."""
    return _over_examples(activations.sigmoid(z, out=out).sub_(smoothed(y, smoothing)), weights)


def multi_label_cross_entropy(z: Tensor, y: Tensor, weights: Tensor | None = None, smoothing: Number = 0.0) -> Tensor:
    """Binary cross-entropy summed over k labels, one sigmoid each; a label that is NaN is missing and adds nothing."""
    return _mean(_logistic_loss(z, smoothed(y, smoothing)).masked_fill_(torch.isnan(y), 0.0).sum(-1), weights)


def multi_label_cross_entropy_backward(
    z: Tensor, y: Tensor, weights: Tensor | None = None, out: Tensor | None = None, smoothing: Number = 0.0
) -> Tensor:
    """d_z = (σ(z) − y)/m, and 0 where the label is missing."""
    d_z = activations.sigmoid(z, out=out).sub_(smoothed(y, smoothing)).masked_fill_(torch.isnan(y), 0.0)
    return _over_examples(d_z, weights)


def softmax_cross_entropy(z: Tensor, y: Tensor, weights: Tensor | None = None, smoothing: Number = 0.0) -> Tensor:
    """J = 1/m Σᵢ −log softmax(zᵢ)[yᵢ] for class indices ``y (m,)``, by log-sum-exp.

    Smoothed, what is subtracted from the log-sum-exp is (1 − ε) z[y] + ε mean(z).
    """
    chosen = z.gather(-1, y.unsqueeze(-1)).squeeze(-1)
    if isinstance(smoothing, Tensor) or smoothing != 0:
        share = smoothing.to(z) if isinstance(smoothing, Tensor) else smoothing
        chosen = (1.0 - share) * chosen + share * z.mean(-1)
    return _mean(torch.logsumexp(z, -1).sub_(chosen), weights)


def softmax_cross_entropy_backward(
    z: Tensor, y: Tensor, weights: Tensor | None = None, out: Tensor | None = None, smoothing: Number = 0.0
) -> Tensor:
    """d_z = (softmax(z) − one_hot(y))/m; smoothed, one_hot(y) becomes (1 − ε) one_hot(y) + ε/k."""
    a = activations.softmax(z, out=out)
    subtract_labels(a, y.unsqueeze(-1), -1, smoothing)
    return _over_examples(a, weights)


def subtract_labels(a: Tensor, index: Tensor, axis: int, smoothing: Number = 0.0) -> None:
    """``a − (1 − ε) one_hot(y) − ε/k`` in place, with the classes of ``a`` and the labels' ``index`` along ``axis``."""
    if isinstance(smoothing, Tensor):
        share = smoothing.to(a).unsqueeze(-1)
        a.scatter_add_(axis, index, (share - 1.0).expand(index.shape)).sub_(share / a.shape[axis])
        return
    a.scatter_add_(axis, index, _one_number(smoothing - 1.0, a.dtype, a.device).expand(index.shape))
    if smoothing != 0:
        a.sub_(smoothing / a.shape[axis])


@lru_cache(maxsize=64)
def _one_number(value: float, dtype: torch.dtype, device: torch.device) -> Tensor:
    """A number as a tensor (1,), kept: losses are computed at every step."""
    return torch.full((1,), value, dtype=dtype, device=device)


def _logistic_loss(z: Tensor, y: Tensor) -> Tensor:
    return z.clamp_min(0).sub_(z * y).add_(functional.softplus(z.abs().neg_()))


def _mean(per_example: Tensor, weights: Tensor | None) -> Tensor:
    """The mean over the batch axis; one value per member of a population."""
    if weights is None:
        return per_example.mean(-1)
    return (per_example * weights).sum(-1) / _total(weights)


def _over_examples(d_z: Tensor, weights: Tensor | None) -> Tensor:
    """Divide by the number of examples, in place; with weights, by their sum."""
    if weights is None:
        return d_z.mul_(_reciprocal(d_z.shape[-2], d_z.dtype, d_z.device))
    return d_z.mul_((weights / _total(weights, keepdim=True)).unsqueeze(-1))


@lru_cache(maxsize=64)
def _reciprocal(m: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """1/m as a tensor, kept: making one from a number anew takes longer than scaling a small batch by it."""
    return torch.tensor(1.0 / m, dtype=dtype, device=device)


def _total(weights: Tensor, keepdim: bool = False) -> Tensor:
    """The sum of the weights; where all are 0, the least positive number, so that cost and derivative are 0."""
    return weights.sum(-1, keepdim=keepdim).clamp_min_(torch.finfo(weights.dtype).tiny)


def _wrong_class(z: Tensor, y: Tensor) -> Tensor:
    return (z.argmax(-1) != y).to(z.dtype)


def _wrong_side(z: Tensor, y: Tensor) -> Tensor:
    return ((z > 0) != (y > 0.5)).to(z.dtype).squeeze(-1)


def _wrong_labels(z: Tensor, y: Tensor) -> Tensor:
    present = ~torch.isnan(y)
    wrong = ((z > 0) != (y > 0.5)) & present
    return wrong.sum(-1).to(z.dtype) / present.sum(-1).clamp_min(1)


def _squared_distance(z: Tensor, y: Tensor) -> Tensor:
    return (z - y).square_().mean(-1)


class Loss(NamedTuple):
    """A cost, its derivative, what turns outputs into predictions, and the error of each example (0/1, or squared).

    ``smooths``: cost and derivative take a ``smoothing`` of the labels.
    """

    cost: Callable[..., Tensor]
    backward: Callable[..., Tensor]
    prediction: Callable[..., Tensor]
    error: Callable[[Tensor, Tensor], Tensor]
    smooths: bool = True


LOSSES: dict[str, Loss] = {
    "squared_error": Loss(squared_error, squared_error_backward, activations.linear, _squared_distance, smooths=False),
    "binary_cross_entropy": Loss(binary_cross_entropy, binary_cross_entropy_backward, activations.sigmoid, _wrong_side),
    "multi_label_cross_entropy": Loss(
        multi_label_cross_entropy, multi_label_cross_entropy_backward, activations.sigmoid, _wrong_labels
    ),
    "softmax_cross_entropy": Loss(
        softmax_cross_entropy, softmax_cross_entropy_backward, activations.softmax, _wrong_class
    ),
}
