"""Pictures of filters and activation maps: numbers as colours that tell their sign without red and green."""

from __future__ import annotations

import numpy as np

NEGATIVE, EVEN, POSITIVE = (0, 90, 160), (245, 245, 245), (200, 80, 0)
DARK, MIDDLE, BRIGHT = (0, 32, 77), (124, 123, 120), (255, 234, 70)
"""Ends and middle of two scales: Okabe and Ito's blue and vermilion around white, and cividis from dark to bright."""


def filter_pictures(weights: np.ndarray) -> np.ndarray:
    """Filters (n, c, f_h, f_w) as pictures uint8 (…, f_h, f_w, 3), each scaled to its own largest weight.

    Of colours (c = 3) the picture is (n, …) in these colours, mid-grey where the weight is 0; of one channel likewise
    in grey. Of more channels there is one for each, (n · c, …): blue below 0, orange above.
    """
    values = np.nan_to_num(np.asarray(weights, np.float64))
    n, channels = values.shape[:2]
    largest = np.abs(values).reshape(n, -1).max(1).reshape(n, 1, 1, 1)
    scaled = values / np.where(largest == 0, 1, largest)
    if channels in (1, 3):
        grey = np.rint(127.5 + 127.5 * scaled).astype(np.uint8).transpose(0, 2, 3, 1)
        return np.repeat(grey, 3 // channels, axis=3)
    return _between(scaled.reshape(n * channels, *values.shape[2:]), (NEGATIVE, EVEN, POSITIVE))


def map_pictures(maps: np.ndarray) -> np.ndarray:
    """Activation maps (c, h, w) as pictures uint8 (c, h, w, 3), each scaled to its own largest activation.

    Dark is none and bright the most; maps that also go below 0 are blue there, white at 0 and orange above.
    """
    values = np.nan_to_num(np.asarray(maps, np.float64))
    largest = np.abs(values).max(axis=(1, 2), keepdims=True)
    scaled = values / np.where(largest == 0, 1, largest)
    if values.min(initial=0) < 0:
        return _between(scaled, (NEGATIVE, EVEN, POSITIVE))
    return _between(2 * scaled - 1, (DARK, MIDDLE, BRIGHT))


def _between(values: np.ndarray, scale: tuple[tuple[int, int, int], ...]) -> np.ndarray:
    """Numbers from −1 to 1 as colours on a scale of three, (…, 3)."""
    channels = [np.interp(values, (-1, 0, 1), [colour[k] for colour in scale]) for k in range(3)]
    return np.rint(np.stack(channels, axis=-1)).astype(np.uint8)
