"""Augmentation at work: prepared inputs of a batch in, the same examples varied out."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from leadline.data.augmentation import colour, geometry
from leadline.data.augmentation.settings import COLOUR, RESAMPLING, Augmentation, Elastic

MODES = {"edge": "border", "reflect": "reflection", "mean": "zeros", "zero": "zeros"}
"""What `grid_sample` calls the paddings; the mean is taken off before and put back after."""


@dataclass(frozen=True, eq=False)
class Pixels:
    """What is known about the pixels of training images: how inputs of the network become numbers in [0, 1].

    ``pixel = input · scale + black``, with one pair for all or one for each value, (h·w·c,). ``mean`` (c,) is the
    mean colour, and ``axes`` (3, 3) are the principal axes of the colours; None where nothing asks for them.
    """

    scale: Tensor | None = None
    black: Tensor | None = None
    mean: Tensor | None = None
    axes: Tensor | None = None


class Augmenter:
    """Varies batches of images (m, h·w·c), pixel by pixel in rows, as `Augmentation` says; each call draws anew.

    All randomness comes from ``generator``, so its state repeats a batch. What a call returns is valid until the next
    call. Every image is resampled once at most, and not at all for flips and crops alone, which copy whole pixels.
    """

    def __init__(
        self,
        augmentation: Augmentation,
        image_shape: tuple[int, int, int],
        generator: torch.Generator,
        pixels: Pixels | None = None,
    ) -> None:
        augmentation.check_images(image_shape, "the data set")
        self.augmentation, self.image_shape, self.generator = augmentation, image_shape, generator
        self.pixels = pixels or Pixels()
        active = self._active = augmentation.active
        self._resamples = any(name in active for name in RESAMPLING)
        self._moves = self._resamples or "crop" in active or "flip" in active
        self._recolours = any(name in active for name in COLOUR)
        self._mirrors = tuple(augmentation.flip in (axis, "both") for axis in ("horizontal", "vertical"))
        self._n_draws = sum(self._mirrors) + 2 * ("crop" in active) + 2 * ("translation" in active)
        self._n_draws += sum(name in active for name in ("rotation", "shear", "zoom", *COLOUR[:4]))
        scale = self.pixels.scale
        # A value that was constant in training has scale 0 and is 0 as an input, whatever comes to lie there.
        self._per_scale = None if scale is None else torch.where(scale == 0, torch.zeros_like(scale), 1 / scale)
        self._buffers: dict[int, Tensor] = {}
        self._bands: tuple[Tensor, Tensor] | None = None

    def __call__(self, x: Tensor) -> Tensor:
        """The examples ``x`` (m, h·w·c) varied, in memory that the next call reuses; ``x`` stays as it is."""
        m = len(x)
        draws = self._uniform(self._n_draws, m, device=x.device).unbind()
        out = self._buffers.get(m)
        if out is None:
            out = self._buffers[m] = torch.empty_like(x)
        images = self._as_pixels(x).view(m, *self.image_shape)
        varied = out.view(m, *self.image_shape)
        rest = iter(draws)
        if self._resamples:
            self._resample(images, varied, rest)
        elif self._moves:
            self._copy(images, varied, rest)
        else:
            varied.copy_(images)
        if self._recolours:
            flat = varied.view(m, -1, self.image_shape[2])
            flat.copy_(self._recolour(flat, rest))
        return self._as_inputs(out)

    def pictures(self, x: Tensor) -> Tensor:
        """Prepared inputs (m, h·w·c) as pictures to look at, uint8 (m, h, w, c)."""
        shown = self._as_pixels(x).view(-1, *self.image_shape).clamp(0, 1)
        return shown.mul(255).round().to(torch.uint8)

    # ----- geometry

    def _copy(self, images: Tensor, out: Tensor, draws: Iterator[Tensor]) -> None:
        """Flips and shifts by whole pixels."""
        height, width, _ = self.image_shape
        padding = self.augmentation.padding
        flipped = self._flips(draws)
        across, down = self._crop_shift(draws, images)
        columns, columns_inside = geometry.shifted_index(width, across.long(), flipped[0], padding)
        rows, rows_inside = geometry.shifted_index(height, down.long(), flipped[1], padding)
        geometry.copied(images, rows, columns, out)
        if rows_inside is not None and columns_inside is not None and self.augmentation.crop:
            inside = (rows_inside[:, :, None] & columns_inside[:, None, :])[..., None]
            torch.where(inside, out, self._fill(out), out=out)

    def _resample(self, images: Tensor, out: Tensor, draws: Iterator[Tensor]) -> None:
        """All geometric changes as one grid, and the images resampled there."""
        height, width, _ = self.image_shape
        flipped = self._flips(draws)
        across, down = self._crop_shift(draws, images)
        share = self.augmentation.translation
        if share:
            across = across + share * width * (2 * next(draws) - 1)
            down = down + share * height * (2 * next(draws) - 1)
        rotation, shear = (math.pi / 180 * self._range(name, draws) for name in ("rotation", "shear"))
        zoom = self._range("zoom", draws)
        mirror = tuple(1.0 if flip is None else 1 - 2 * flip.double() for flip in flipped)
        matrix = geometry.inverse_linear(rotation, shear, zoom, (mirror[0], mirror[1]))
        (a, b), (c, d) = (tuple(entry.to(images) for entry in row) for row in matrix)
        shift = (across.to(images), down.to(images))
        grid = geometry.sampling_grid((height, width), ((a, b), (c, d)), shift, self._displacement(images))
        source = images.permute(0, 3, 1, 2)
        mode = MODES[self.augmentation.padding]
        fill = self._fill(out) if mode == "zeros" else None
        if fill is not None:
            source = source - fill[:, None, None]
        resampled = grid_sample(source, grid, "bilinear", mode, align_corners=True).permute(0, 2, 3, 1)
        if fill is None:
            out.copy_(resampled)
        else:
            torch.add(resampled, fill, out=out)

    def _flips(self, draws: Iterator[Tensor]) -> tuple[Tensor | None, Tensor | None]:
        """Whether each image is mirrored, left to right and upside down: bool (m,), None where never."""
        across, down = (next(draws) < 0.5 if mirrored else None for mirrored in self._mirrors)
        return across, down

    def _crop_shift(self, draws: Iterator[Tensor], images: Tensor) -> tuple[Tensor, Tensor]:
        """How far the content of each image moves across and down: whole numbers from −crop to crop, float64 (m,)."""
        crop = self.augmentation.crop
        if not crop:
            still = torch.zeros(len(images), dtype=torch.float64, device=images.device)
            return still, still
        across, down = (((2 * crop + 1) * next(draws)).floor().clamp(max=2 * crop) - crop for _ in range(2))
        return across, down

    def _displacement(self, images: Tensor) -> Tensor | None:
        elastic = self.augmentation.elastic
        if not isinstance(elastic, Elastic):
            return None
        height, width, _ = self.image_shape
        if self._bands is None:
            down, across = (geometry.gaussian_band(length, elastic.sigma, images) for length in (height, width))
            self._bands = (down, across)
        size = (len(images), 2, *(band.shape[1] for band in self._bands))
        noise = 2 * self._uniform(*size, dtype=images.dtype, device=images.device) - 1
        return geometry.elastic_displacement(noise, self._bands, elastic.alpha)

    def _fill(self, like: Tensor) -> Tensor:
        """The colour of what comes in from outside, (c,)."""
        if self.augmentation.padding == "mean" and self.pixels.mean is not None:
            return self.pixels.mean.to(like)
        return like.new_zeros(self.image_shape[2])

    # ----- colours

    def _recolour(self, flat: Tensor, draws: Iterator[Tensor]) -> Tensor:
        """Every change of colour as one linear map of the pixels (m, h·w, c)."""
        drawn = {name: self._range(name, draws).to(flat) for name in COLOUR[:3] if name in self._active}
        matrix = colour.saturation_matrix(drawn["saturation"]) if "saturation" in drawn else None
        if self.augmentation.hue:
            turn = colour.hue_matrix((self.augmentation.hue * (2 * next(draws) - 1)).to(flat))
            matrix = turn if matrix is None else turn @ matrix
        offset = None
        if self.augmentation.pca_colour and self.pixels.axes is not None:
            normal = torch.randn(len(flat), 3, generator=self.generator, dtype=flat.dtype, device=flat.device)
            offset = self.augmentation.pca_colour * normal @ self.pixels.axes.to(flat).t()
        return colour.recoloured(flat, drawn.get("brightness"), drawn.get("contrast"), matrix, offset)

    # ----- draws, and inputs as pixels

    def _range(self, name: str, draws: Iterator[Tensor]) -> Tensor:
        """Uniform draws of a range, float64 (m,); of one that is off, the value that changes nothing."""
        low, high = self.augmentation.bounds(name)
        if name not in self._active:
            return torch.tensor(low, dtype=torch.float64)
        return low + (high - low) * next(draws)

    def _uniform(
        self, *size: int, dtype: torch.dtype = torch.float64, device: torch.device | str | None = None
    ) -> Tensor:
        return torch.rand(size, generator=self.generator, dtype=dtype, device=device)

    def _as_pixels(self, x: Tensor) -> Tensor:
        scale, black = self.pixels.scale, self.pixels.black
        return x if scale is None or black is None else torch.addcmul(black, x, scale)

    def _as_inputs(self, pixels: Tensor) -> Tensor:
        """The pixels as inputs, in place."""
        if self._per_scale is None or self.pixels.black is None:
            return pixels
        return pixels.sub_(self.pixels.black).mul_(self._per_scale)
