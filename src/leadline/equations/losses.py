"""Loss functions: the cost J of a batch and its derivative by the network's output.

The output is what the last linear part computes: logits ``z`` for classification, values for regression, of shape
``(m, k)`` or ``(P, m, k)`` for a population, whose members then have a cost each. Taking logits keeps cost and
gradient finite for any z: exponential and logarithm are never taken apart. ``weights`` of shape ``(m,)`` or ``(P,
m)`` weighs the examples (0 leaves one out; J is then the weighted mean).

An equation here is that of one example: its cost, and the derivative of that by its outputs, which is ``a − y`` for
every one of these, with a = z, σ(z) or softmax(z). Nothing is ever divided by a. J is the mean over examples, so the
factor 1/m enters in `Loss` and nowhere else.

Cross-entropies take a ``smoothing`` ε of the labels, one number or (P, 1) with one for each member: of the probability
1 of its label, an example keeps 1 − ε, and ε is shared by all classes alike (Szegedy et al., 2016).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import lru_cache
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor
from torch.nn import functional
from typing_extensions import override

from leadline.equations import activations
from leadline.equations.activations import ACTIVATIONS
from leadline.equations.averages import Number
from leadline.extensions import Extension, Registry, registry


def squared_error(z: Tensor, y: Tensor) -> Tensor:
    """½ ‖z − y‖² of each example, ``y`` shaped as ``z``. The factor ½ makes the derivative plain z − y."""
    return (z - y).square_().sum(-1).mul_(0.5)


def squared_error_derivative(z: Tensor, y: Tensor, out: Tensor | None = None) -> Tensor:
    """d_z = z − y."""
    return torch.sub(z, y, out=out)


def smoothed(y: Tensor, smoothing: Number) -> Tensor:
    """Labels 0 and 1 as ε/2 and 1 − ε/2: what ``smoothing`` makes of the probability of the second of two classes."""
    if not isinstance(smoothing, Tensor):
        return y if smoothing == 0 else y * (1.0 - smoothing) + smoothing / 2
    smoothing = smoothing.to(y).unsqueeze(-1)
    return y * (1.0 - smoothing) + smoothing / 2


def binary_cross_entropy(z: Tensor, y: Tensor, smoothing: Number = 0.0) -> Tensor:
    """−[y log σ(z) + (1−y) log(1−σ(z))] of each example, for labels ``y`` in [0, 1] of the shape of ``z``.

    Computed as max(z, 0) − z y + log(1 + e^−|z|).
    """
    return _logistic_loss(z, smoothed(y, smoothing)).sum(-1)


def binary_cross_entropy_derivative(z: Tensor, y: Tensor, out: Tensor | None = None, smoothing: Number = 0.0) -> Tensor:
    """d_z = σ(z) − y."""
    return activations.sigmoid(z, out=out).sub_(smoothed(y, smoothing))


def multi_label_cross_entropy(z: Tensor, y: Tensor, smoothing: Number = 0.0) -> Tensor:
    """Binary cross-entropy summed over k labels, one sigmoid each; a label that is NaN is missing and adds nothing."""
    return _logistic_loss(z, smoothed(y, smoothing)).masked_fill_(torch.isnan(y), 0.0).sum(-1)


def multi_label_cross_entropy_derivative(
    z: Tensor, y: Tensor, out: Tensor | None = None, smoothing: Number = 0.0
) -> Tensor:
    """d_z = σ(z) − y, and 0 where the label is missing."""
    return activations.sigmoid(z, out=out).sub_(smoothed(y, smoothing)).masked_fill_(torch.isnan(y), 0.0)


def softmax_cross_entropy(z: Tensor, y: Tensor, smoothing: Number = 0.0) -> Tensor:
    """−log softmax(z)[y] of each example for class indices ``y (m,)``, by log-sum-exp.

    Smoothed, what is subtracted from the log-sum-exp is (1 − ε) z[y] + ε mean(z).
    """
    chosen = z.gather(-1, y.unsqueeze(-1)).squeeze(-1)
    if isinstance(smoothing, Tensor) or smoothing != 0:
        share = smoothing.to(z) if isinstance(smoothing, Tensor) else smoothing
        chosen = (1.0 - share) * chosen + share * z.mean(-1)
    return torch.logsumexp(z, -1).sub_(chosen)


def softmax_cross_entropy_derivative(
    z: Tensor, y: Tensor, out: Tensor | None = None, smoothing: Number = 0.0
) -> Tensor:
    """d_z = softmax(z) − one_hot(y); smoothed, one_hot(y) becomes (1 − ε) one_hot(y) + ε/k."""
    a = activations.softmax(z, out=out)
    subtract_labels(a, y.unsqueeze(-1), -1, smoothing)
    return a


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
    return (per_example * weights).sum(-1) / total_weight(weights)


def _over_examples(d_z: Tensor, weights: Tensor | None) -> Tensor:
    """Divide by the number of examples, in place; with weights, by their sum."""
    if weights is None:
        return d_z.mul_(_reciprocal(d_z.shape[-2], d_z.dtype, d_z.device))
    return d_z.mul_((weights / total_weight(weights, keepdim=True)).unsqueeze(-1))


@lru_cache(maxsize=64)
def _reciprocal(m: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """1/m as a tensor, kept: making one from a number anew takes longer than scaling a small batch by it."""
    return torch.tensor(1.0 / m, dtype=dtype, device=device)


def total_weight(weights: Tensor, keepdim: bool = False) -> Tensor:
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


Task = Literal["binary", "multiclass", "multilabel", "regression"]

_OUTPUTS = {"binary": "sigmoid", "multiclass": "softmax", "multilabel": "sigmoid", "regression": "linear"}
_ERRORS = {
    "binary": _wrong_side,
    "multiclass": _wrong_class,
    "multilabel": _wrong_labels,
    "regression": _squared_distance,
}


class Loss(Extension, ABC, kind="loss"):
    """What training minimizes: the mean of the examples' costs. Subclass it to add one of your own.

    ``task`` says which targets it compares outputs with: values (m, k) of a "regression", one label (m, 1) from 0 to 1
    for "binary", labels (m, k), NaN where missing, for "multilabel", or class indices (m,) for "multiclass". The
    ``output`` is the name of the activation that turns outputs into predictions; that of the task unless it says else.
    ``smooths``: costs and derivatives take a ``smoothing`` of the labels.
    """

    name: ClassVar[str]
    task: ClassVar[Task] = "regression"
    output: ClassVar[str | None] = None
    smooths: ClassVar[bool] = False

    @abstractmethod
    def costs(self, z: Tensor, y: Tensor) -> Tensor:
        """The cost of each example, (m,), or (P, m) for a population, from outputs (…, m, k) and targets."""

    @abstractmethod
    def derivatives(self, z: Tensor, y: Tensor, out: Tensor | None = None) -> Tensor:
        """The derivative of each example's cost by its outputs, as ``z``; in ``out``, or a tensor of its own."""

    def cost(self, z: Tensor, y: Tensor, weights: Tensor | None = None, **options: Any) -> Tensor:
        """J, the mean of the costs: one number, or (P,) for a population; ``options`` as `costs` takes them."""
        return _mean(self.costs(z, y, **options), weights)

    def backward(
        self, z: Tensor, y: Tensor, weights: Tensor | None = None, out: Tensor | None = None, **options: Any
    ) -> Tensor:
        """d_z, the derivative of J by the outputs, in ``out`` where that is given."""
        d_z = _over_examples(self.derivatives(z, y, out, **options), weights)
        return d_z if out is None or d_z is out else out.copy_(d_z)

    @property
    def activation(self) -> str:
        """The name of what turns outputs into predictions."""
        return self.output or _OUTPUTS[self.task]

    def prediction(self, z: Tensor) -> Tensor:
        """Predictions from outputs: values, or probabilities."""
        return ACTIVATIONS[self.activation].forward(z)

    def error(self, z: Tensor, y: Tensor) -> Tensor:
        """The error of each example, (m,): 0 or 1, the share of wrong labels, or the squared distance."""
        return _ERRORS[self.task](z, y)

    @property
    def error_power(self) -> int:
        """The error of a set is the mean of its examples' to the power of 1 over this: 2 for the root of squares."""
        return 2 if self.task == "regression" else 1


class SquaredError(Loss):
    """`squared_error`."""

    task = "regression"

    @override
    def costs(self, z: Tensor, y: Tensor) -> Tensor:
        return squared_error(z, y)

    @override
    def derivatives(self, z: Tensor, y: Tensor, out: Tensor | None = None) -> Tensor:
        return squared_error_derivative(z, y, out)


class BinaryCrossEntropy(Loss):
    """`binary_cross_entropy`."""

    task = "binary"
    smooths = True

    @override
    def costs(self, z: Tensor, y: Tensor, smoothing: Number = 0.0) -> Tensor:
        return binary_cross_entropy(z, y, smoothing)

    @override
    def derivatives(self, z: Tensor, y: Tensor, out: Tensor | None = None, smoothing: Number = 0.0) -> Tensor:
        return binary_cross_entropy_derivative(z, y, out, smoothing)


class MultiLabelCrossEntropy(Loss):
    """`multi_label_cross_entropy`."""

    task = "multilabel"
    smooths = True

    @override
    def costs(self, z: Tensor, y: Tensor, smoothing: Number = 0.0) -> Tensor:
        return multi_label_cross_entropy(z, y, smoothing)

    @override
    def derivatives(self, z: Tensor, y: Tensor, out: Tensor | None = None, smoothing: Number = 0.0) -> Tensor:
        return multi_label_cross_entropy_derivative(z, y, out, smoothing)


class SoftmaxCrossEntropy(Loss):
    """`softmax_cross_entropy`."""

    task = "multiclass"
    smooths = True

    @override
    def costs(self, z: Tensor, y: Tensor, smoothing: Number = 0.0) -> Tensor:
        return softmax_cross_entropy(z, y, smoothing)

    @override
    def derivatives(self, z: Tensor, y: Tensor, out: Tensor | None = None, smoothing: Number = 0.0) -> Tensor:
        return softmax_cross_entropy_derivative(z, y, out, smoothing)


LOSSES: Registry[Loss] = registry("loss")
"""The losses by name."""
