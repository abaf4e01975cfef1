"""Layer normalization (Ba et al., 2016): each step of each example over its own features, ``x (…, n)``.

With μ and σ² the mean and the (biased) variance of a step's n features and s = √(σ² + ε)::

    x̂ = (x − μ)/s        y = γ x̂ + β

**Backward.** As batch normalization's, with the sums over the features of one step instead of over the batch, and γ
inside them, since it differs by feature: with v = γ dy, ``dx = (v − mean v − x̂ mean(v x̂))/s``. dγ and dβ are sums over
all steps, as there.
"""

from __future__ import annotations

import torch
from torch import Tensor


def layer_norm(x: Tensor, gamma: Tensor, beta: Tensor, epsilon: float = 1e-5) -> tuple[Tensor, Tensor, Tensor]:
    """``y``, and what backward needs: x̂ and 1/s (…, 1)."""
    centred = x - x.mean(-1, keepdim=True)
    inverse = torch.rsqrt(centred.square().mean(-1, keepdim=True) + epsilon)
    normalized = centred.mul_(inverse)
    return torch.addcmul(beta, normalized, gamma), normalized, inverse


def layer_norm_backward(
    d_y: Tensor, normalized: Tensor, inverse: Tensor, gamma: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """``(dx, dγ, dβ)``."""
    v = d_y * gamma
    along = (v * normalized).mean(-1, keepdim=True)
    d_x = (v - v.mean(-1, keepdim=True) - normalized * along).mul_(inverse)
    n = gamma.numel()
    d_gamma = (d_y * normalized).reshape(-1, n).sum(0)
    return d_x, d_gamma, d_y.reshape(-1, n).sum(0)
