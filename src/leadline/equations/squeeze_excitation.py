"""Scaling channels by numbers that come from the image itself: the end of squeeze-and-excitation (Hu et al., 2018).

``x (m, channels, height, width)``, ``scale (m, channels)``: every example and channel has a scale of its own.
"""

from __future__ import annotations

import torch
from torch import Tensor


def scale_channels(x: Tensor, scale: Tensor, out: Tensor | None = None) -> Tensor:
    """``y = x · s``, the same s for all pixels of a channel."""
    return torch.mul(x, scale[:, :, None, None], out=out)


def scale_channels_backward(d_y: Tensor, x: Tensor, scale: Tensor, out: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """``d_x = d_y · s`` and ``d_s = Σ d_y · x`` over the pixels; ``out`` is for d_x."""
    d_scale = (d_y * x).sum((2, 3))
    return torch.mul(d_y, scale[:, :, None, None], out=out), d_scale
