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
from leadline.training import TrainingSettings

if TYPE_CHECKING:
    from leadline.experiment import Experiment
    from leadline.runs.run import Run
    from leadline.session.plan import Plan

STREAM = 1 << 32
"""Added to the seed: no other random numbers of a run are these, for seeds are smaller."""

SAMPLE = 4096
"""Training images from which mean and principal colours are taken, evenly spaced."""


def augmentation_of(experiment: Experiment) -> Augmentation:
    """How training images are varied; its ``active`` is empty where they are not."""
    return Augmentation.from_config(experiment.augment.model_dump(exclude_none=True))


def augmenter(
    augmentation: Augmentation, data: Dataset, train: np.ndarray, preparation: Preparation, settings: TrainingSettings
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
    inputs = plan.preparation.inputs(plan.data, np.asarray(rows, np.int64), dtype=plan.training.precision)
    return _sheet(augment, plan.data, inputs, rows, versions)


def sheet_of_run(run: Run, data: Dataset, count: int, versions: int) -> ContactSheet | None:
    """Some training images of a run as it varied them; None where it did not."""
    augmentation = augmentation_of(run.experiment)
    if not augmentation.active:
        return None
    training = run.experiment.training
    settings = TrainingSettings(precision=training.precision, seed=training.seed)
    rows = some_rows(data, run.split["train"], count)
    augment = augmenter(augmentation, data, run.split["train"], run.preparation, settings)
    inputs = run.preparation.inputs(data, np.asarray(rows, np.int64), dtype=training.precision)
    return _sheet(augment, data, inputs, rows, versions)


def _sheet(augment: Augmenter, data: Dataset, inputs: np.ndarray, rows: Sequence[int], versions: int) -> ContactSheet:
    x = torch.as_tensor(inputs).to(augment.generator.device)
    varied = [augment.pictures(augment(x)).cpu().numpy() for _ in range(versions)]
    captions = [(label_text(data, row), f"row {row}") for row in rows]
    note = ", ".join(f"{key} = {toml_value(value)}" for key, value in augment.augmentation.to_config().items())
    return ContactSheet(augment.pictures(x).cpu().numpy(), np.stack(varied, axis=1), captions, note)


def some_rows(data: Dataset, among: np.ndarray, count: int) -> list[int]:
    """Examples to look at: of different classes where there are classes, else evenly spaced."""
    if not data.is_classification:
        return [int(row) for row in among[:: -(-len(among) // count)]][:count]
    labels = data.target[among]
    by_class = [among[labels == k] for k in np.unique(labels)]
    rounds = -(-count // len(by_class))
    return [int(rows[turn]) for turn in range(rounds) for rows in by_class if turn < len(rows)][:count]


def label_text(data: Dataset, row: int) -> str:
    """An example's label as a person reads it."""
    value = data.target[row]
    if data.is_classification:
        return str(data.classes[int(value)])
    if data.classes:
        return ", ".join(name for name, given in zip(data.classes, value, strict=True) if given == 1) or "–"
    return ", ".join(f"{number:.4g}" for number in np.ravel(value))


def _pixels(
    augmentation: Augmentation, data: Dataset, train: np.ndarray, preparation: Preparation, settings: TrainingSettings
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
