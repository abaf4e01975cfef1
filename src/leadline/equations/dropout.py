"""Inverted dropout (course 2, regularization; Srivastava et al., 2014).

``x`` has any shape, (m, n) or (P, m, n) for a population. ``keep_prob`` in (0, 1] is one number, or a tensor
(P, 1, 1) with one for each member. At test time there is no dropout: the scale of the mask has kept the mean
of the activations where it was.
"""

from __future__ import annotations

import torch
from torch import Tensor

Number = float | Tensor


def dropout_mask(draws: Tensor, keep_prob: Number, out: Tensor | None = None) -> Tensor:
    """1/keep_prob where a uniform draw from [0, 1) is less than keep_prob, else 0; ``draws`` is shaped as x.

    A draw is always less than a keep_prob of 1, and the mask is then exactly 1. ``out`` may be ``draws``.
    """
    keep_prob = keep_prob.to(draws) if isinstance(keep_prob, Tensor) else keep_prob
    out = torch.empty_like(draws) if out is None else out
    return torch.lt(draws, keep_prob, out=out).mul_(1.0 / keep_prob)


def draw_dropout_mask(out: Tensor, keep_prob: Number, generator: torch.Generator | None = None) -> Tensor:
    """Fill ``out``, shaped as x, with a fresh mask; the generator lives on the device of ``out``."""
    draws = torch.rand(out.shape, generator=generator, out=out)
    return dropout_mask(draws, keep_prob, out=draws)


def dropout(x: Tensor, mask: Tensor, out: Tensor | None = None) -> Tensor:
    """``y = x ∘ mask``."""
    return torch.mul(x, mask, out=out)


def dropout_backward(d_y: Tensor, mask: Tensor, out: Tensor | None = None) -> Tensor:
    """``d_x = d_y ∘ mask``.

    Each yᵢ is xᵢ times a number that does not depend on x, so the derivative is that same number: the
    mask and the scale of the forward pass, once each.
    """
    return torch.mul(d_y, mask, out=out)
