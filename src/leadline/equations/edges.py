"""Edge filters: 3×3 filters designed by hand, the forerunners of learnt ones (course 4, edge detection).

Each is a difference across the edge and a smoothing along it. A vertical edge, bright on the left and dark on the
right, gives positive values; the horizontal filter is its transpose and wants bright above dark.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from leadline.equations.convolution import convolution

SMOOTHING = {"prewitt": (1.0, 1.0, 1.0), "sobel": (1.0, 2.0, 1.0), "scharr": (3.0, 10.0, 3.0)}


def vertical(smoothing: str = "prewitt") -> Tensor:
    """Finds vertical edges: columns of [1 0 −1], their rows weighted by ``smoothing``; float64 (3, 3)."""
    return torch.outer(_double(SMOOTHING[smoothing]), _double((1.0, 0.0, -1.0)))


def horizontal(smoothing: str = "prewitt") -> Tensor:
    """Finds horizontal edges: the vertical filter, transposed."""
    return vertical(smoothing).t().contiguous()


def at_angle(degrees: float, smoothing: str = "sobel") -> Tensor:
    """Finds edges that run at an angle, counted counterclockwise from horizontal: 90 is vertical, 0 horizontal.

    A difference in any direction is a mixture of the differences across and down, by the sine and cosine of the
    angle: ``sin θ · vertical + cos θ · horizontal``.
    """
    angle = math.radians(degrees)
    return math.sin(angle) * vertical(smoothing) + math.cos(angle) * horizontal(smoothing)


def edges(image: Tensor, kernel: Tensor, padded: bool = False) -> Tensor:
    """Cross-correlate each channel of ``image`` (channels, height, width) with a ``kernel`` (f, f).

    Without padding, the result is f − 1 pixels smaller; with it, the margin repeats the outermost pixels, because a
    margin of zeros would be an edge itself.
    """
    channels = image.unsqueeze(1).to(torch.float64)
    if padded:
        margin = kernel.shape[-1] // 2
        channels = torch.nn.functional.pad(channels, (margin,) * 4, mode="replicate")
    return convolution(channels, kernel.to(channels)[None, None]).squeeze(1)


def magnitude(image: Tensor, smoothing: str = "sobel") -> Tensor:
    """How steep the image is at each pixel, whatever the direction: ``√(across² + down²)``, of the image's size."""
    across = edges(image, vertical(smoothing), padded=True)
    return torch.hypot(across, edges(image, horizontal(smoothing), padded=True))


def _double(values: tuple[float, ...]) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)
