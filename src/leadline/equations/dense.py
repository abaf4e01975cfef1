"""The linear part of a dense layer, z = x Wᵀ + b, and its backward form (course 1, deep networks).

Shapes: ``x (m, n_in)``, ``weight (n_out, n_in)``, ``bias (n_out,)``, ``z (m, n_out)``. Each may carry a leading
population axis P: ``x (P, m, n_in)``, ``weight (P, n_out, n_in)``, ``bias (P, n_out)``, and one kernel then serves
all P networks. Gradients are of the cost J, a mean over the batch: the factor 1/m is already inside ``d_z`` (see
``losses``).
"""

from __future__ import annotations

import torch
from torch import Tensor


def dense(x: Tensor, weight: Tensor, bias: Tensor | None = None, out: Tensor | None = None) -> Tensor:
    """z = x Wᵀ + b."""
    if weight.dim() == 2:
        if bias is None:
            return torch.mm(x, weight.t(), out=out)
        return torch.addmm(bias, x, weight.t(), out=out)
    if bias is None:
        return torch.bmm(x, weight.transpose(1, 2), out=out)
    return torch.baddbmm(bias.unsqueeze(1), x, weight.transpose(1, 2), out=out)


def dense_backward_weight(d_z: Tensor, x: Tensor, out: Tensor | None = None) -> Tensor:
    """dW = d_zᵀ x, shape (n_out, n_in)."""
    if d_z.dim() == 2:
        return torch.mm(d_z.t(), x, out=out)
    return torch.bmm(d_z.transpose(1, 2), x, out=out)


def dense_backward_bias(d_z: Tensor, out: Tensor | None = None) -> Tensor:
    """db = Σᵢ d_zᵢ over the batch, shape (n_out,)."""
    return torch.sum(d_z, -2, out=out)


def dense_backward_input(d_z: Tensor, weight: Tensor, out: Tensor | None = None) -> Tensor:
    """d_x = d_z W, shape (m, n_in): what the layer below receives."""
    if d_z.dim() == 2:
        return torch.mm(d_z, weight, out=out)
    return torch.bmm(d_z, weight, out=out)


def dense_transposed(x: Tensor, weight: Tensor, bias: Tensor | None, out: Tensor) -> Tensor:
    """zᵀ = W xᵀ + b for P networks, ``out (P, n_out, m)``: products with few columns are slow, and these have m."""
    x = x.transpose(1, 2)
    if bias is None:
        return torch.bmm(weight, x, out=out)
    return torch.baddbmm(bias.unsqueeze(2), weight, x, out=out)
