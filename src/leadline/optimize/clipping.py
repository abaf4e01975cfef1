"""Clipping: a gradient that is too long keeps its direction and loses its excess length."""

from __future__ import annotations

import torch
from torch import Tensor

from leadline.equations.averages import Number


def clip_by_norm(gradient: Tensor, limit: Number, out: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """``g min(1, limit / ‖g‖)`` over all parameters, and the norm ‖g‖ before clipping.

    ``gradient`` is (n,) or (P, n); each member of a population is clipped by its own norm. The norm is (1,)
    or (P, 1), the limit a float or (P, 1). ``out=gradient`` clips in place. An infinite element becomes
    NaN, never 0. Pascanu et al. (2013), "On the difficulty of training recurrent neural networks".
    """
    norm = torch.linalg.vector_norm(gradient, dim=-1, keepdim=True)
    limit = limit.to(norm) if isinstance(limit, Tensor) else limit
    return torch.mul(gradient, (limit / norm).clamp_(max=1.0), out=out), norm
