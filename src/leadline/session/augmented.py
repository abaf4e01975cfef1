"""Augmentation of an experiment's training images: random numbers from the run's seed, colours from their pixels.

`contact_sheet` shows what it does to some of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from leadline.data import Dataset, Preparation
from leadline.data.augmentation import Augmentation, Augmenter
from leadline.data.augmentation.augmenter import Pixels
from leadline.data.augmentation.colour import principal_colours
from leadline.data.normalization import ArrayEncoder
from leadline.errors import LeadlineError, UsageError
from leadline.report.contact_sheet import ContactSheet
from leadline.toml_text import toml_value
from leadline.training import Training

if TYPE_CHECKING:
    from leadline.session.plan import Plan

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


def contact_sheet(plan: Plan, rows: Sequence[int], versions: int) -> ContactSheet:
    """Images of the plan's data, by row, beside so many versions of each as training may see them.

    The first draws of the run's seed. Raises `UsageError` without augmentation, `LeadlineError` for rows there are not.
    """
    augment = plan.augmenter()
    if augment is None:
        raise UsageError("augment: nothing is varied; add an [augment] table, or give --set augment.crop=4.")
    n = plan.data.n
    missing = next((row for row in rows if not 0 <= row < n), None)
    if missing is not None:
        raise LeadlineError(f"{plan.data.name} has no row {missing}; its rows are 0 to {n - 1}.")
    chosen = np.asarray(rows, np.int64)
    inputs = plan.preparation.inputs(plan.data, chosen, dtype=plan.training.precision)
    x = torch.as_tensor(inputs).to(plan.training.device)
    varied = [augment.pictures(augment(x)).cpu().numpy() for _ in range(versions)]
    captions = [(_label(plan.data, row), f"row {row}") for row in rows]
    return ContactSheet(augment.pictures(x).cpu().numpy(), np.stack(varied, axis=1), captions, described(plan))


def some_training_rows(plan: Plan, count: int) -> list[int]:
    """Training rows to look at: evenly spaced ones, of different classes where there are classes."""
    train = plan.split.train
    if not plan.data.is_classification:
        return [int(row) for row in train[:: -(-len(train) // count)]][:count]
    labels = plan.data.target[train]
    by_class = [train[labels == k] for k in np.unique(labels)]
    rounds = -(-count // len(by_class))
    return [int(rows[turn]) for turn in range(rounds) for rows in by_class if turn < len(rows)][:count]


def described(plan: Plan) -> str:
    """What varies the images, in one line."""
    return ", ".join(f"{key} = {toml_value(value)}" for key, value in plan.augmentation.to_config().items())


def _label(data: Dataset, row: int) -> str:
    value = data.target[row]
    if data.is_classification:
        return str(data.classes[int(value)])
    if data.classes:
        return ", ".join(name for name, given in zip(data.classes, value, strict=True) if given == 1) or "–"
    return ", ".join(f"{number:.4g}" for number in np.ravel(value))


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
