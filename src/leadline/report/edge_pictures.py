"""The edges of a photo, as filters designed by hand see them (course 4, edge detection)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from leadline.data.sources.images import read_photo
from leadline.equations.edges import at_angle, edges, horizontal, magnitude, vertical
from leadline.report.contact_sheet import save_png

LUMA = (0.299, 0.587, 0.114)


def write_edges(photo: Path, filters: Mapping[Path, str | float]) -> tuple[int, int]:
    """Write a picture of the photo's size for each filter to its path; returns the height and width.

    Filters are named as in `edge_picture`; a folder that is not there yet is made. `LeadlineError` for a photo that
    cannot be read, or a picture that cannot be written.
    """
    grey = grey_photo(read_photo(photo))
    for path, name in filters.items():
        path.parent.mkdir(exist_ok=True)
        save_png(Image.fromarray(edge_picture(grey, name)), path)
    return grey.shape[0], grey.shape[1]


def grey_photo(pixels: np.ndarray) -> np.ndarray:
    """Pixels uint8 (h, w, 1 or 3) as brightness, float64 (h, w) from 0 to 255."""
    return pixels[:, :, 0].astype(np.float64) if pixels.shape[2] == 1 else pixels @ np.array(LUMA)


def edge_picture(grey: np.ndarray, name: str | float) -> np.ndarray:
    """What a filter finds in brightness (h, w), as a picture uint8 (h, w) scaled to the strongest edge.

    "sobel" and "scharr" tell the steepness: bright on black. "vertical", "horizontal" and an angle in degrees are
    signed: white falls from bright to dark, black rises, mid-grey is even.
    """
    image = torch.as_tensor(grey)[None]
    if name in ("sobel", "scharr"):
        strengths = magnitude(image, str(name))[0].numpy()
        return np.rint(255 * strengths / (strengths.max() or 1.0)).astype(np.uint8)
    kernels = {"vertical": vertical, "horizontal": horizontal}
    kernel = at_angle(float(name)) if name not in kernels else kernels[str(name)]()
    strengths = edges(image, kernel, padded=True)[0].numpy()
    # Differences below what rounding leaves are none: an even photo stays grey.
    largest = max(float(np.abs(strengths).max()), 1e-6)
    return np.rint(127.5 + 127.5 * strengths / largest).astype(np.uint8)
