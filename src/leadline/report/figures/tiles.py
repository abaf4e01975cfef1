"""Many small pictures in one: rows of tiles with clear gaps, so that a page's own colour shows between them."""

from __future__ import annotations

import numpy as np

GAP = 2
"""Pixels between tiles of 32 pixels; more between larger ones."""


def mosaic(images: np.ndarray, columns: int, gap: int | None = None) -> np.ndarray:
    """Pictures (n, h, w) or (n, h, w, c) with 1 or 3 channels, uint8, in rows of ``columns``: one picture with alpha.

    The result is uint8 (H, W, 4); gaps and places without a picture are transparent.
    """
    tiles = _with_alpha(images)
    n, height, width, _ = tiles.shape
    columns = max(1, min(columns, n))
    rows = -(-n // columns)
    gap = max(1, round(GAP * max(height, width) / 32)) if gap is None else gap
    canvas = np.zeros((rows * (height + gap) - gap, columns * (width + gap) - gap, 4), np.uint8)
    for k, tile in enumerate(tiles):
        top, left = k // columns * (height + gap), k % columns * (width + gap)
        canvas[top : top + height, left : left + width] = tile
    return canvas


def _with_alpha(images: np.ndarray) -> np.ndarray:
    """(n, h, w, 4), opaque; grey pictures become colours."""
    if images.ndim == 3:
        images = images[..., None]
    channels = images.shape[3]
    if channels not in (1, 3):  # more than colours: their mean
        images, channels = images.mean(axis=3, keepdims=True), 1
    colours = np.repeat(images, 3, axis=3) if channels == 1 else images
    opaque = np.full((*images.shape[:3], 1), 255)
    return np.concatenate([colours, opaque], axis=3).astype(np.uint8)
