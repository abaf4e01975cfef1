"""Augmentation of an experiment's training images: random numbers from the run's seed, colours from their pixels."""

from __future__ import annotations

import numpy as np
import torch

from leadline.data import Dataset, Preparation
from leadline.data.augmentation import Augmentation, Augmenter
from leadline.data.augmentation.augmenter import Pixels
from leadline.data.augmentation.colour import principal_colours
from leadline.data.normalization import ArrayEncoder
from leadline.training import Training

STREAM = 1 << 32
"""Added to the seed: no other random numbers of a run are these, for seeds are smaller."""

SAMPLE = 4096
"""Training images from which mean and principal colours are taken, evenly spaced."""


def augmenter(
    augmentation: Augmentation, data: Dataset, train: np.ndarray, preparation: Preparation, settings: Training
) -> Augmenter:
    """What varies the prepared training images of ``data``, the rows ``train``, seeded from the settings."""
    assert data.image_shape is not None and isinstance(data.inputs, np.ndarray)  # checked when the plan was made
    generator = torch.Generator(settings.device).manual_seed(settings.seed + STREAM)
    pixels = _pixels(augmentation, data, train, preparation, settings)
    return Augmenter(augmentation, data.image_shape, generator, pixels)


def _pixels(
    augmentation: Augmentation, data: Dataset, train: np.ndarray, preparation: Preparation, settings: Training
) -> Pixels:
    encoder = preparation.encoders
    assert isinstance(encoder, ArrayEncoder) and isinstance(data.inputs, np.ndarray)
    low, high = _value_range(data.inputs, train)
    size = (high - low) or 1.0
    scale = torch.as_tensor(encoder.scale / size, dtype=settings.dtype)
    black = torch.as_tensor((encoder.center - low) / size, dtype=settings.dtype)
    mean = axes = None
    if augmentation.padding == "mean" or augmentation.pca_colour:
        chosen = train[:: -(-len(train) // SAMPLE)]
        colours = torch.as_tensor(preparation.inputs(data, chosen, dtype=settings.precision)) * scale + black
        colours = colours.view(-1, data.image_shape[2] if data.image_shape else 1)
        mean = colours.mean(0).to(settings.device)
        axes = principal_colours(colours).to(settings.device) if augmentation.pca_colour else None
    if scale.ndim == 0 and scale == 1 and black == 0:
        return Pixels(mean=mean, axes=axes)
    return Pixels(scale.to(settings.device), black.to(settings.device), mean, axes)


def _value_range(inputs: np.ndarray, train: np.ndarray) -> tuple[float, float]:
    """The values of black and white."""
    if inputs.dtype == np.uint8:
        return 0.0, 255.0
    values = inputs[train]
    return min(float(values.min()), 0.0), float(values.max())
