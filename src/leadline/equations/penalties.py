"""Penalties on the size of the weights, and their gradients (course 2, regularization).

``weights`` is the flat vector of all penalized parameters, (n,), or one such vector per member, (P, n). λ is
``strength``, m the number of ``examples`` that the cost is a mean over; for a population each is one number
or one per member, (P, 1). Biases and norm parameters are left out by passing a θ without them.
"""

from __future__ import annotations

import torch
from torch import Tensor

Number = float | Tensor


def l2_penalty(weights: Tensor, strength: Number, examples: Number) -> Tensor:
    """``λ/(2m) Σ w²``, a scalar, or (P,) for a population."""
    return _scaled(torch.linalg.vecdot(weights, weights), strength, examples)


def l2_penalty_backward(weights: Tensor, strength: Number, examples: Number, gradient: Tensor) -> Tensor:
    """Add ``λ/m w`` to ``gradient`` in place.

    Plain descent then multiplies w by ``1 − αλ/m`` at each step, hence the name weight decay.
    """
    return _add_scaled(gradient, weights, strength / examples)


def l1_penalty(weights: Tensor, strength: Number, examples: Number) -> Tensor:
    """``λ/(2m) Σ |w|``, a scalar, or (P,) for a population."""
    return _scaled(torch.linalg.vector_norm(weights, 1, dim=-1), strength, examples)


def l1_penalty_backward(weights: Tensor, strength: Number, examples: Number, gradient: Tensor) -> Tensor:
    """Add the subgradient ``λ/(2m) sign(w)`` to ``gradient`` in place; it is 0 at w = 0."""
    return _add_scaled(gradient, torch.sign(weights), strength / (2.0 * examples))


def sparsity(weights: Tensor, tolerance: float = 1e-3) -> Tensor:
    """The fraction of weights with |w| ≤ ``tolerance``, a scalar, or (P,) for a population.

    Descent on the L1 penalty swings around 0 in steps of about αλ/(2m), so that few weights are 0 exactly.
    """
    return (weights.abs() <= tolerance).to(weights.dtype).mean(-1)


def _scaled(size: Tensor, strength: Number, examples: Number) -> Tensor:
    factor = strength / (2.0 * examples)
    return size * (factor.reshape(-1).to(size) if isinstance(factor, Tensor) else factor)


def _add_scaled(gradient: Tensor, direction: Tensor, factor: Number) -> Tensor:
    if isinstance(factor, Tensor):
        return gradient.addcmul_(direction, factor.to(gradient))
    return gradient.add_(direction, alpha=factor)
