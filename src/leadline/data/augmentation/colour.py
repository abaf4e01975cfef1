"""Colours varied by one linear map of each image's pixels, whatever is done to them.

Brightness and contrast scale, saturation mixes with grey, and hue turns around the grey axis: each is a matrix on
(red, green, blue), so their product and one offset do it all. Pixels are in [0, 1].
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

LUMA = (0.299, 0.587, 0.114)
"""How much red, green and blue contribute to grey (ITU-R BT.601)."""


def grey_of(x: Tensor) -> Tensor:
    """The grey value of colours (…, c): luma for three channels, else their mean; (…,)."""
    return x @ x.new_tensor(LUMA) if x.shape[-1] == 3 else x.mean(-1)


def saturation_matrix(saturation: Tensor) -> Tensor:
    """Mixes each colour with its grey: (m, 3, 3) for factors (m,); 0 is grey, 1 the colour itself."""
    identity = torch.eye(3, dtype=saturation.dtype, device=saturation.device)
    grey = saturation.new_tensor(LUMA).expand(3, 3)
    s = saturation[:, None, None]
    return s * identity + (1 - s) * grey


def hue_matrix(turn: Tensor) -> Tensor:
    """Turns colours around the grey axis: (m, 3, 3) for shares of the colour circle (m,); ⅓ makes red green.

    Rodrigues' formula for the axis (1, 1, 1)/√3.
    """
    angle = 2 * math.pi * turn[:, None, None]
    identity = torch.eye(3, dtype=turn.dtype, device=turn.device)
    cross = turn.new_tensor([[0.0, -1.0, 1.0], [1.0, 0.0, -1.0], [-1.0, 1.0, 0.0]]) / math.sqrt(3)
    return torch.cos(angle) * identity + (1 - torch.cos(angle)) / 3 + torch.sin(angle) * cross


def principal_colours(pixels: Tensor) -> Tensor:
    """The principal axes of colours (n, 3), each as long as the standard deviation along it: columns of (3, 3)."""
    values, vectors = torch.linalg.eigh(torch.cov(pixels.to(torch.float64).t(), correction=0))
    return vectors * values.clamp(min=0).sqrt()


def recoloured(
    x: Tensor,
    brightness: Tensor | None = None,
    contrast: Tensor | None = None,
    matrix: Tensor | None = None,
    offset: Tensor | None = None,
) -> Tensor:
    """Pixels (m, h·w, c) brightened, contrasted around their mean grey, mapped and shifted, within [0, 1].

    ``x`` may be overwritten. ``brightness`` and ``contrast`` are factors (m,); ``matrix`` (m, 3, 3) keeps grey as it
    is; ``offset`` is (m, c).
    """
    scale = None if brightness is None else brightness[:, None, None]
    shift = None if offset is None else offset[:, None, :]
    if contrast is not None:
        factor = contrast[:, None, None]
        grey = grey_of(x.mean(1))[:, None, None]
        grey = grey if scale is None else grey * scale
        shift = (1 - factor) * grey + (0 if shift is None else shift)
        scale = factor if scale is None else factor * scale
    if matrix is not None:
        x = torch.bmm(x, (matrix if scale is None else matrix * scale).mT)
    elif scale is not None:
        x.mul_(scale)
    if shift is not None:
        x.add_(shift)
    return x.clamp_(0, 1)
