"""What is chosen for images where nothing is given: a small residual network, how they are varied, how it trains.

The network is that of He et al. (2016) for small images with one block in each stage. Images larger than it needs are
made smaller when they are read. Batches and epochs follow from how many steps a training needs and how many images
may be seen in some minutes on two cores. The numbers were chosen on 600 images of five of CIFAR-10's classes.

All of it becomes ordinary keys of the experiment. A key that is given stays, and layers that are given are trained as
they were meant: then only `fitted_network` looks at them, for the shape of the images is known from the data.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from leadline.architectures.resnet import basic_block
from leadline.data import Dataset, Split
from leadline.errors import UsageError
from leadline.experiment import Experiment
from leadline.network import BatchNorm, Convolution, Dense, Flatten, GlobalAveragePool, Image, Layer, Network
from leadline.network.layer import ShapeError
from leadline.session.defaults import output_units

SMALLEST_SIDE = 16
"""Below this many pixels, as for the digits of 8×8, dense layers see all there is to see."""
LARGEST_SIDE, LONGEST_SIDE = 64, 128
"""The shorter side of larger images is made so long, the longer one at most twice that."""
HALVED_FROM = 48
"""From this shorter side on, the first convolution goes in steps of two."""
WIDTH, MOST_STAGES, LAST_MAP = 16, 4, 8
BATCH_SIZE, SMALLEST_BATCH, STEPS_PER_EPOCH = 128, 16, 8
EPOCHS, MOST_EPOCHS, FEWEST_EPOCHS, STEPS = 60, 200, 10, 600
"""Sixty epochs; more where that would be fewer steps; fewer where more pixels than these would be seen."""
PIXELS_SEEN = 250_000 * 32 * 32
RATE, WEIGHT_DECAY = 0.003, 0.05


def chooses(experiment: Experiment, data: Dataset) -> bool:
    """Whether the default for images holds: there is something to convolve, and no network is given."""
    network = experiment.network
    given = (network.layers, network.architecture, network.from_, network.head)
    return has_images(data) and all(value is None for value in given)


def trains_convolutions(experiment: Experiment, data: Dataset) -> bool:
    """Whether a convolutional network that is given trains on images from its start: batches and epochs fit it, too."""
    network = experiment.network
    given = network.architecture or any(_convolves(table) for table in network.layers or ())
    return has_images(data) and bool(given) and network.from_ is None


def _convolves(table: dict[str, Any]) -> bool:
    """Whether a layer's table is that of a convolution, or holds one."""
    inner = [each for value in table.values() if isinstance(value, list | tuple) for each in _tables(value)]
    return table.get("type") == "convolution" or any(map(_convolves, inner))


def _tables(values: Sequence[Any]) -> Iterator[dict[str, Any]]:
    for value in values:
        if isinstance(value, Mapping):
            yield dict(value)
        elif isinstance(value, list | tuple):
            yield from _tables(value)


def has_images(data: Dataset) -> bool:
    """Whether the examples are images that are worth convolving."""
    return data.image_shape is not None and min(data.image_shape[:2]) >= SMALLEST_SIDE


def smaller_size(experiment: Experiment, data: Dataset) -> tuple[int, int] | None:
    """The size to read image files in again, where they are larger than the network needs and none was asked for."""
    if not chooses(experiment, data) or experiment.data.size is not None or not _is_read_in_size(data):
        return None
    assert data.image_shape is not None
    height, width = data.image_shape[:2]
    if min(height, width) <= LARGEST_SIDE:
        return None
    factor = max(min(height, width) / LARGEST_SIDE, max(height, width) / LONGEST_SIDE)
    return round(height / factor), round(width / factor)


def _is_read_in_size(data: Dataset) -> bool:
    """Whether the images come from files of their own, which are decoded in any size."""
    return isinstance(data.inputs, np.ndarray) and data.inputs.dtype == np.uint8 and bool(data.names)


def with_image_defaults(experiment: Experiment, data: Dataset, split: Split) -> tuple[Experiment, str]:
    """The experiment with what it leaves open filled in, by the images and their number; and a line about it."""
    assert data.image_shape is not None
    m, has_dev = len(split.train), len(split.dev) > 0
    chosen = {f"training.{key}": value for key, value in _steps(experiment, data.image_shape, m).items()}
    if chooses(experiment, data):
        epochs = chosen["training.epochs"]
        chosen |= {f"training.{key}": value for key, value in _optimization(experiment, data, epochs, has_dev).items()}
        chosen["network.layers"] = residual_network(data.image_shape, output_units(data)).config()
        chosen |= {f"augment.{key}": value for key, value in _augmentation(experiment, data.image_shape).items()}
    given = experiment.to_dict()
    changes = {}
    for key, value in chosen.items():
        section, name = key.split(".")
        if name not in given.get(section, {}):
            changes[key] = value
    return experiment.replace(changes), _remark(data.image_shape, changes)


def residual_network(image_shape: tuple[int, int, int], outputs: int) -> Network:
    """One residual block in each stage, whose maps are half as large and twice as many as those of the stage before."""
    height, width, channels = image_shape
    halved = min(height, width) >= HALVED_FROM
    side = min(height, width) // (2 if halved else 1)
    stages = min(max(round(math.log2(side / LAST_MAP)) + 1, 2), MOST_STAGES)
    first = Convolution(WIDTH, 3, stride=2 if halved else 1, padding="same")
    layers: list[Layer] = [Image(height, width, channels), first, BatchNorm(activation="relu")]
    filters = [WIDTH << stage for stage in range(stages)]
    for before, after in zip([WIDTH, *filters], filters, strict=False):
        layers.append(basic_block(before, after, 1 if after == before else 2))
    return Network([*layers, GlobalAveragePool(), Dense(outputs)])


def batch_size_for(m: int) -> int:
    """A power of two that makes about ten steps of an epoch; never a last batch of a single image."""
    size = min(max(1 << max(m // STEPS_PER_EPOCH, 1).bit_length() - 1, SMALLEST_BATCH), BATCH_SIZE)
    while size < m and m % size == 1:  # on which batch normalization cannot train
        size += 1
    return min(size, m)


def epochs_for(m: int, batch_size: int, image_shape: tuple[int, int, int]) -> int:
    """As many as are usual, more for few images, fewer where all that is computed would take too long."""
    height, width = image_shape[:2]
    pixels = height * width / (4 if min(height, width) >= HALVED_FROM else 1)
    enough = min(max(EPOCHS, -(-STEPS * batch_size // m)), MOST_EPOCHS)
    return min(enough, max(int(PIXELS_SEEN / (m * pixels)), FEWEST_EPOCHS))


def _augmentation(experiment: Experiment, image_shape: tuple[int, int, int]) -> dict[str, Any]:
    """Shifts by up to an eighth; colour images are mirrored, too, grey ones, which may be signs, are not."""
    if experiment.augment.model_dump(exclude_none=True):
        return {}
    height, width, channels = image_shape
    shifts: dict[str, Any] = {"crop": max(min(height, width) // 8, 1)}
    return shifts | ({"flip": "horizontal"} if channels == 3 else {})


def _steps(experiment: Experiment, image_shape: tuple[int, int, int], m: int) -> dict[str, Any]:
    """Keys of ``[training]`` that say how many steps are made; for any network with convolutions."""
    section = experiment.training
    asked = section.batch_size
    batch_size = batch_size_for(m) if asked is None else m if asked == "full" else min(asked, m)
    return {"epochs": section.epochs or epochs_for(m, batch_size, image_shape), "batch_size": batch_size}


def _optimization(experiment: Experiment, data: Dataset, epochs: int, has_dev: bool) -> dict[str, Any]:
    """The other keys; the schedule ends with the epochs, and the best epoch is kept without stopping early."""
    chosen: dict[str, Any] = {"schedule": {"type": "cosine"}}
    if experiment.training.optimizer is None:
        chosen["optimizer"] = {"type": "adamw", "weight_decay": WEIGHT_DECAY}
        chosen["learning_rate"] = RATE
    if has_dev:
        usual = experiment.goal.optimizing in (None, data.task.usual_metric)
        chosen["early_stopping"] = {"patience": epochs, "monitor": "dev_cost" if usual else "goal"}
    return chosen


def _remark(image_shape: tuple[int, int, int], changes: dict[str, Any]) -> str:
    if "network.layers" not in changes:
        return ""
    height, width, _ = image_shape
    text = f"Images of {height}×{width} pixels train a small residual network"
    if "augment.crop" in changes:
        text += f", shifted by up to {changes['augment.crop']} pixels"
    if "augment.flip" in changes:
        text += " and mirrored at random; where left and right make a difference, set augment.crop alone"
    return text + "."


# --- layers that are given ----------------------------------------------------------------------------------------


def with_fitted_layers(experiment: Experiment, data: Dataset) -> tuple[Experiment, tuple[str, ...]]:
    """The experiment with what its layers lack for these images, and a line about each layer that is put in.

    Their shape goes in front, and `Flatten` where maps meet a dense layer. Layers that fit as they are stay.
    `leadline.network.ShapeError`, before any data are prepared: there are layers that do not fit.
    """
    given, shape = experiment.network.layers, data.image_shape
    if given is None or shape is None or experiment.network.from_ is not None:
        return experiment, ()
    try:
        layers = list(Network.from_config(given).layers)
    except UsageError:
        return experiment, ()  # which is said where the network is built
    tables, rows, notes = list(given), (math.prod(shape),), []

    def put(place: int, layer: Layer, why: str) -> None:
        notes.append(f"{layer} is put before {layers[place]}: {why}.")
        layers.insert(place, layer)
        tables.insert(place, layer.config())

    if _unfit(layers, rows) == 0 and not isinstance(layers[0], Image):
        put(0, Image(*shape), "that is the images' shape")
    while (place := _unfit(layers, rows)) and isinstance(layers[place], Dense) and not _is_flat(layers[place - 1]):
        put(place, Flatten(), "a dense layer takes rows, not maps")
    Network(layers).shapes(rows)
    return (experiment.replace({"network.layers": tables}) if notes else experiment), tuple(notes)


def _is_flat(layer: Layer) -> bool:
    return isinstance(layer, Flatten | Dense)


def _unfit(layers: list[Layer], shape: tuple[int, ...]) -> int | None:
    """The first layer that does not take what comes before it; None where all do."""
    for place, layer in enumerate(layers):
        try:
            shape = layer.output_shape(shape)
        except ShapeError:
            return place
    return None
