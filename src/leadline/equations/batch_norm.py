"""Batch normalization (course 2, batch norm; Ioffe and Szegedy, 2015), its derivative worked out by hand.

The channel axis follows the batch axis; each channel is normalized over all other axes: ``x`` is (m, c), or
(m, c, height, width) for images. ``gamma`` and ``beta`` are (c,). A population has γ and β (P, c) and x
(P, m, c) or (P, m, c, height, width), and each member is normalized by itself.

**Forward.** With N values in a channel, μ = 1/N Σ xᵢ, σ² = 1/N Σ (xᵢ − μ)², s = √(σ² + ε)::

    x̂ᵢ = (xᵢ − μ)/s        yᵢ = γ x̂ᵢ + β

**Backward.** dγ = Σ dyᵢ x̂ᵢ and dβ = Σ dyᵢ, since y is linear in both. Every x̂ⱼ depends on xᵢ in three ways,
directly, through μ and through s. With ∂μ/∂xᵢ = 1/N, and ∂s/∂xᵢ = (xᵢ − μ)/(N s) = x̂ᵢ/N::

    ∂x̂ⱼ/∂xᵢ = ([i = j] − 1/N)/s − (xⱼ − μ)/s² · x̂ᵢ/N = ([i = j] − 1/N − x̂ⱼ x̂ᵢ/N)/s

Multiply by γ dyⱼ and sum over j::

    dxᵢ = γ/s (dyᵢ − (dβ + x̂ᵢ dγ)/N)

The two subtracted terms take out of dy its mean and its component along x̂: shifting or stretching the batch
cannot change the cost, because normalization undoes it. That is also why a bias just before is redundant.

**Weights.** Where rows only pad a short batch of a population, ``weights`` (m,) or (P, m) is 0 for these and
1 for the others; then N = Σ wᵢ, the sums for μ and σ² are weighted, and 1/N becomes wᵢ/N in the last formula.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from leadline.equations.averages import weighted_average

# Looked up once. The backward kernel has no form that writes into given tensors without a copy of its own.
_kernel = torch.ops.aten.native_batch_norm.out
_backward_kernel = torch.ops.aten.native_batch_norm_backward.default


class BatchStatistics(NamedTuple):
    """What training mode measured in a batch, each shaped as γ.

    ``variance`` is the unbiased one, Σ (x − μ)²/(N − 1), as the running average wants it; the batch itself is
    normalized by the biased one, and ``inverse_deviation`` is 1/√(σ² + ε) of that.
    """

    mean: Tensor
    inverse_deviation: Tensor
    variance: Tensor
    n_values: int | Tensor


def batch_norm(
    x: Tensor,
    gamma: Tensor,
    beta: Tensor,
    epsilon: float = 1e-5,
    weights: Tensor | None = None,
    out: Tensor | None = None,
) -> tuple[Tensor, BatchStatistics]:
    """``y = γ (x − μ)/√(σ² + ε) + β`` by the batch's own μ and σ², and these statistics.

    Uses torch's kernel where that applies, `batch_norm_equation` elsewhere.
    """
    if not _kernel_applies(x, gamma, weights):
        return batch_norm_equation(x, gamma, beta, epsilon, weights, out)
    if out is not None and out.stride() != x.stride():  # the kernel would write in the order of x
        y, statistics = batch_norm(x, gamma, beta, epsilon)
        return out.copy_(y), statistics
    out = torch.empty_like(x) if out is None else out
    mean, variance, saved_mean, inverse = torch.zeros((4, *gamma.shape), dtype=x.dtype, device=x.device)
    # A running average that forgets everything at once (momentum 1) is how the kernel gives out the variance.
    _kernel(x, gamma, beta, mean, variance, True, 1.0, epsilon, out=out, save_mean=saved_mean, save_invstd=inverse)
    return out, BatchStatistics(saved_mean, inverse, variance, x.numel() // gamma.numel())


def batch_norm_equation(
    x: Tensor,
    gamma: Tensor,
    beta: Tensor,
    epsilon: float = 1e-5,
    weights: Tensor | None = None,
    out: Tensor | None = None,
) -> tuple[Tensor, BatchStatistics]:
    """The formulas above, one by one."""
    count, w = _count(x, gamma, weights)
    mean = _sum(x if w is None else x * w, gamma) / count
    centred = torch.sub(x, _broadcast(mean, x), out=out)
    square = centred.square()
    total = _sum(square if w is None else square.mul_(w), gamma)
    inverse = (total / count + epsilon).rsqrt_()
    y = centred.mul_(_broadcast(gamma * inverse, x)).add_(_broadcast(beta, x))
    return y, BatchStatistics(mean, inverse, total / _at_least_one(count - 1), count)


def batch_norm_backward(
    d_y: Tensor,
    x: Tensor,
    gamma: Tensor,
    statistics: BatchStatistics,
    epsilon: float = 1e-5,
    weights: Tensor | None = None,
    out: Tensor | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """``(dx, dγ, dβ)`` of `batch_norm`, whose ``statistics`` these are; ``out`` is for dx."""
    if not _kernel_applies(x, gamma, weights):
        return batch_norm_backward_equation(d_y, x, gamma, statistics, weights, out)
    mean, inverse = statistics.mean, statistics.inverse_deviation
    fixed = (None, None, mean, inverse, True, epsilon, (True, True, True))
    d_x, d_gamma, d_beta = _backward_kernel(d_y, x, gamma, *fixed)
    return (d_x if out is None else out.copy_(d_x)), d_gamma, d_beta


def batch_norm_backward_equation(
    d_y: Tensor,
    x: Tensor,
    gamma: Tensor,
    statistics: BatchStatistics,
    weights: Tensor | None = None,
    out: Tensor | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """The formulas above, one by one."""
    mean, inverse, _, count = statistics
    _, w = _count(x, gamma, weights)
    x_hat = torch.sub(x, _broadcast(mean, x)).mul_(_broadcast(inverse, x))
    d_beta = _sum(d_y, gamma)
    d_gamma = _sum(d_y * x_hat, gamma)
    through_statistics = x_hat.mul_(_broadcast(d_gamma / count, x)).add_(_broadcast(d_beta / count, x))
    if w is not None:
        through_statistics.mul_(w)
    d_x = torch.sub(d_y, through_statistics, out=out).mul_(_broadcast(gamma * inverse, x))
    return d_x, d_gamma, d_beta


def batch_norm_at_test(
    x: Tensor,
    gamma: Tensor,
    beta: Tensor,
    mean: Tensor,
    variance: Tensor,
    epsilon: float = 1e-5,
    out: Tensor | None = None,
) -> Tensor:
    """``y = γ (x − μ)/√(σ² + ε) + β`` by the running μ and σ² of training; any batch, also of one example."""
    scale = gamma * (variance + epsilon).rsqrt_()
    shift = beta - mean * scale
    return torch.addcmul(_broadcast(shift, x), x, _broadcast(scale, x), out=out)


def batch_norm_at_test_backward(d_y: Tensor, gamma: Tensor, variance: Tensor, epsilon: float = 1e-5) -> Tensor:
    """``d_x = γ/√(σ² + ε) d_y``: the running statistics do not depend on x."""
    return d_y * _broadcast(gamma * (variance + epsilon).rsqrt_(), d_y)


def update_running_statistics(mean: Tensor, variance: Tensor, statistics: BatchStatistics, decay: float = 0.9) -> None:
    """``running = decay · running + (1 − decay) · batch`` in place, for the mean and the unbiased variance.

    They start at 0 and 1. Torch does the same and calls 1 − decay the momentum. Where a member of a
    population had no more than one value, its averages stay as they are.
    """
    count = statistics.n_values
    member_decay = torch.where(count > 1, mean.new_tensor(decay), 1.0) if isinstance(count, Tensor) else decay
    weighted_average(mean, statistics.mean, member_decay, out=mean)
    weighted_average(variance, statistics.variance, member_decay, out=variance)


def _kernel_applies(x: Tensor, gamma: Tensor, weights: Tensor | None) -> bool:
    """Torch's kernel knows one member, no weights, and at least two values per channel."""
    return gamma.dim() == 1 and weights is None and x.numel() > gamma.numel()


def _count(x: Tensor, gamma: Tensor, weights: Tensor | None) -> tuple[int | Tensor, Tensor | None]:
    """How many values a channel has, (1,) or (P, 1) if weighted, and the weights with all axes of x."""
    if weights is None:
        return x.numel() // gamma.numel(), None
    positions = x[0].numel() // gamma.numel() if gamma.dim() == 1 else x[0, 0].numel() // gamma[0].numel()
    count = _at_least_one(weights.sum(-1, keepdim=True) * positions)
    return count, weights.reshape(*weights.shape, *(1,) * (x.dim() - weights.dim()))


def _at_least_one(count: int | Tensor) -> int | Tensor:
    return count.clamp(min=1) if isinstance(count, Tensor) else max(count, 1)


def _sum(values: Tensor, gamma: Tensor) -> Tensor:
    """Sum over all axes but the population and the channels, to γ's shape."""
    batch = gamma.dim() - 1
    return values.sum([batch, *range(batch + 2, values.dim())])


def _broadcast(channels: Tensor, x: Tensor) -> Tensor:
    """(…, c) with an axis for the batch before c and one for each position after it."""
    positions = x.dim() - channels.dim() - 1
    return channels.reshape(*channels.shape[:-1], 1, channels.shape[-1], *(1,) * positions)
