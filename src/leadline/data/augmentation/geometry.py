"""Where each pixel of a varied image comes from.

Shifts by whole pixels and flips are index arithmetic: each pixel is copied as it is. Everything else is one grid of
source positions, so that an image is resampled once, whatever is done to it.
"""

from __future__ import annotations

import torch
from torch import Tensor


def shifted_index(length: int, shift: Tensor, flipped: Tensor | None, padding: str) -> tuple[Tensor, Tensor | None]:
    """For each place along an axis the place it is copied from, int64 (m, length), and where that is inside.

    ``shift`` int64 (m,) moves the content of an axis that was flipped first where ``flipped`` bool (m,) says so.
    The second tensor is None where ``padding`` finds a pixel for every place: "edge" or "reflect".
    """
    source = torch.arange(length, device=shift.device) - shift[:, None]
    inside = None
    if padding == "reflect":
        source = (length - 1 - (length - 1 - source.abs()).abs()) if length > 1 else torch.zeros_like(source)
    else:
        if padding != "edge":
            inside = (source >= 0) & (source < length)
        source = source.clamp(0, length - 1)
    if flipped is not None:
        source = torch.where(flipped[:, None], length - 1 - source, source)
    return source, inside


def copied(x: Tensor, rows: Tensor, columns: Tensor, out: Tensor) -> Tensor:
    """Pixels of ``x`` (m, h, w, c), contiguous, copied from these rows (m, h) and columns (m, w) into ``out``."""
    m, height, width, channels = x.shape
    first = torch.arange(0, m * height, height, device=x.device)[:, None]
    index = ((first + rows) * width)[:, :, None] + columns[:, None, :]
    torch.index_select(x.view(-1, channels), 0, index.view(-1), out=out.view(-1, channels))
    return out


def inverse_linear(
    rotation: Tensor | float, shear: Tensor | float, zoom: Tensor | float, mirror: tuple[Tensor | float, Tensor | float]
) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """The matrix that takes a place of the varied image back to the original, relative to the centre.

    The image is mirrored (−1 or 1 for across and down), zoomed, sheared and then rotated, angles in radians; so the
    way back is ``mirror · 1/zoom · shear⁻¹ · rotation⁻¹``. Coordinates are (across, down), and a positive angle turns
    counterclockwise as seen.
    """
    rotation, shear, zoom = (torch.as_tensor(value, dtype=torch.float64) for value in (rotation, shear, zoom))
    cos, sin, slant = torch.cos(rotation), torch.sin(rotation), torch.tan(shear)
    across, down = mirror[0] / zoom, mirror[1] / zoom
    return (across * (cos - slant * sin), -across * (sin + slant * cos)), (down * sin, down * cos)


def sampling_grid(
    size: tuple[int, int],
    matrix: tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]],
    shift: tuple[Tensor, Tensor],
    displacement: Tensor | None = None,
) -> Tensor:
    """Source positions for ``grid_sample``, (m, h, w, 2) with −1 and 1 at the centres of the outermost pixels.

    ``matrix`` holds its entries as tensors (m,); ``shift`` is the movement of the content across and down, in pixels;
    ``displacement`` (m, 2, h, w), in pixels, bends the varied image.
    """
    height, width = size
    m, like = len(shift[0]), shift[0]
    across = torch.arange(width, device=like.device, dtype=like.dtype) - (width - 1) / 2 - shift[0][:, None]
    down = torch.arange(height, device=like.device, dtype=like.dtype) - (height - 1) / 2 - shift[1][:, None]
    grid = like.new_empty(m, height, width, 2)
    for axis, (length, (a, b)) in enumerate(zip((width, height), matrix, strict=True)):
        scale = 2 / max(length - 1, 1)
        a, b = (scale * a).reshape(-1, 1), (scale * b).reshape(-1, 1)
        torch.add((a * across)[:, None, :], (b * down)[:, :, None], out=grid[..., axis])
        if displacement is not None:
            grid[..., axis].addcmul_(a[:, :, None], displacement[:, 0]).addcmul_(b[:, :, None], displacement[:, 1])
    return grid


def gaussian_band(length: int, sigma: float, like: Tensor) -> Tensor:
    """The matrix that smooths a line of length + 2r values to ``length`` ones, r = ⌈3σ⌉: its rows sum to 1."""
    radius = gaussian_radius(sigma)
    offsets = torch.arange(-radius, radius + 1, device=like.device, dtype=like.dtype)
    weights = torch.exp(-0.5 * (offsets / sigma) ** 2)
    band = like.new_zeros(length, length + 2 * radius)
    for row in range(length):
        band[row, row : row + len(offsets)] = weights / weights.sum()
    return band


def gaussian_radius(sigma: float) -> int:
    """How far a Gaussian of σ reaches, in pixels."""
    return max(1, -int(-3 * sigma // 1))


def elastic_displacement(noise: Tensor, bands: tuple[Tensor, Tensor], alpha: float) -> Tensor:
    """Smooth displacements (m, 2, h, w) in pixels from ``noise`` (m, 2, h + 2r, w + 2r), uniform in [−1, 1).

    ``bands`` smooth down and across. Source: Simard et al., 2003.
    """
    return alpha * (bands[0] @ noise @ bands[1].t())
