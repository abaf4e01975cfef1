"""Attention (Vaswani et al., 2017): each query takes a mean of the values, weighted by how well their keys fit it.

``q (…, steps_q, d)``, ``k (…, steps_k, d)``, ``v (…, steps_k, d_v)``; leading axes are examples and heads::

    S = Q Kᵀ / √d        A = softmax(S) by rows        Y = A V

``allowed (…, steps_q, steps_k)``, true where a query may look, leaves out padding and the future; a query that may look
nowhere gets 0. **Backward.** ``dV = Aᵀ dY``, ``dA = dY Vᵀ``; the softmax of a row a hands back
``dS = a ∘ (dA − Σ a dA)``; then ``dQ = dS K/√d`` and ``dK = dSᵀ Q/√d``.
"""

from __future__ import annotations

import torch
from torch import Tensor


def attention(q: Tensor, k: Tensor, v: Tensor, allowed: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """``Y`` (…, steps_q, d_v) and the weights A (…, steps_q, steps_k)."""
    scores = q @ k.mT / q.shape[-1] ** 0.5
    if allowed is None:
        weights = torch.softmax(scores, -1)
    else:
        scores = scores.masked_fill(~allowed, -torch.inf)
        highest = scores.amax(-1, keepdim=True).clamp_min(torch.finfo(scores.dtype).min)
        raised = torch.exp(scores - highest)
        weights = raised / raised.sum(-1, keepdim=True).clamp_min(torch.finfo(scores.dtype).tiny)
    return weights @ v, weights


def attention_backward(d_y: Tensor, q: Tensor, k: Tensor, v: Tensor, weights: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """``(dQ, dK, dV)``; where a query could not look its weight is 0, and so is what it hands back."""
    d_v = weights.mT @ d_y
    d_weights = d_y @ v.mT
    d_scores = weights * (d_weights - (weights * d_weights).sum(-1, keepdim=True))
    d_scores.div_(q.shape[-1] ** 0.5)
    return d_scores @ k, d_scores.mT @ q, d_v


def split_heads(x: Tensor, heads: int) -> Tensor:
    """(m, steps, n) as (m, heads, steps, n/heads)."""
    m, steps, n = x.shape
    return x.view(m, steps, heads, n // heads).transpose(1, 2)


def join_heads(x: Tensor) -> Tensor:
    """The inverse of `split_heads`."""
    return x.transpose(1, 2).flatten(2)


def looking_back(steps: int, device: torch.device | None = None) -> Tensor:
    """True where a step may look: at itself and at those before it, (steps, steps)."""
    return torch.ones(steps, steps, dtype=torch.bool, device=device).tril()
