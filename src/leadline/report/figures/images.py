"""Example images as PNG data URIs, so that a page carries them itself."""

from __future__ import annotations

from base64 import b64encode
from io import BytesIO

import numpy as np
from PIL import Image

MOST_SIDE = 256
"""Longest side kept, in pixels; larger images are scaled down."""

FEW_PIXELS = 48
"""Images whose longest side is at most this are shown with sharp pixels."""


def png_data_uri(image: np.ndarray, most_side: int | None = MOST_SIDE) -> str:
    """The image as ``data:image/png;base64,…`` (`png_bytes`)."""
    return "data:image/png;base64," + b64encode(png_bytes(image, most_side)).decode("ascii")


def png_bytes(image: np.ndarray, most_side: int | None = MOST_SIDE) -> bytes:
    """The image (h, w), (h, w, 1), (h, w, 3) or (h, w, 4) as a PNG file, scaled down to ``most_side`` pixels.

    uint8 is taken as it is; numbers in [0, 1] are scaled by 255; any other range is stretched to black and white.
    """
    pixels = _bytes(np.asarray(image))
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[:, :, 0]
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    if most_side is not None and max(picture.size) > most_side:
        picture.thumbnail((most_side, most_side))
    buffer = BytesIO()
    picture.save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


def is_pixelated(image: np.ndarray) -> bool:
    """True for small images, which a browser would otherwise blur when it enlarges them."""
    return max(image.shape[:2]) <= FEW_PIXELS


def _bytes(image: np.ndarray) -> np.ndarray:
    if image.dtype == np.uint8:
        return image
    values = np.nan_to_num(image.astype(np.float64))
    low, high = float(values.min()), float(values.max())
    if low < 0 or high > 1:
        values = (values - low) / ((high - low) or 1.0)
    return np.rint(values * 255).astype(np.uint8)
