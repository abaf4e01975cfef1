"""What is chosen for a table where nothing is given: an ensemble, how its inputs are prepared, and how it trains.

The parts are those of RealMLP (Holzmüller et al., 2024) and TabM (Gorishniy et al., 2025): several networks that train
as one, robust scaling with smooth clipping, periodic embeddings beside the numbers, dropout and label smoothing that
fall to 0 as the learning rate does, decoupled weight decay, and the epoch with the least dev cost of the mean. The
numbers were chosen on one half of the tables of `benchmarks.tables` and are proved on the other.

All of it becomes ordinary keys of the experiment. A key that is given stays, and layers that are given are trained as
they were meant: then nothing is chosen here.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from leadline.data import Dataset, Preparation, Split
from leadline.data.encoders import CategoryEncoder
from leadline.experiment import Experiment
from leadline.network import Activation, Dense, Dropout, Layer, Network, PeriodicEmbedding
from leadline.session import text_defaults
from leadline.session.defaults import output_units

MEMBERS = 8
HIDDEN_LAYERS = 3
KEEP_PROB = 0.85
LABEL_SMOOTHING = 0.1
WEIGHT_DECAY, BETA2 = 0.02, 0.95
CLASS_RATE, NUMBER_RATE = 0.005, 0.01
WIDTH, SMALL_WIDTH, SMALL_BELOW = 256, 128, 2_000
SMALL_EPOCHS, MOST_EPOCHS, FEWEST_EPOCHS = 64, 128, 16
ROWS_SEEN = 640_000
"""Epochs end after so many rows were seen, so that time stays within limits however many rows there are."""
BATCH_SIZE, SMALLEST_BATCH, STEPS = 256, 32, 8
"""A table of few rows is cut into about so many batches: with one step an epoch the training ends before it fits."""
EMBEDDED_COLUMNS = 100
"""Of more numbers than this none is embedded: the first layer would be wider than all others."""


def chooses(experiment: Experiment, data: Dataset) -> bool:
    """Whether the default for tables holds: the data have columns, and no network is given."""
    network = experiment.network
    given = (network.layers, network.architecture, network.from_, network.head)
    return isinstance(data.inputs, tuple) and all(value is None for value in given)


def with_robust_numbers(data: Dataset) -> Dataset:
    """The data with numbers prepared robustly unless another normalization is asked for."""
    if data.settings.normalization != "auto":
        return data
    return replace(data, settings=replace(data.settings, normalization="robust"))


def with_table_defaults(experiment: Experiment, data: Dataset, preparation: Preparation, split: Split) -> Experiment:
    """The experiment with what it leaves open filled in, by the number of training examples."""
    if text_defaults.is_text_alone(data):
        chosen = text_defaults.text_choices(experiment, data, preparation, split)
    else:
        chosen = _choices(experiment, data, preparation, split)
    chosen["data.normalization"] = data.normalization
    given = experiment.to_dict()
    changes = {}
    for key, value in chosen.items():
        section, name = key.split(".")
        if name not in given.get(section, {}) or given[section][name] == "auto":
            changes[key] = value
    return experiment.replace(changes)


def _choices(experiment: Experiment, data: Dataset, preparation: Preparation, split: Split) -> dict[str, Any]:
    """Network and training, as keys of the experiment."""
    m = len(split.train)
    return {
        "network.layers": member_network(preparation, m, output_units(data)).config(),
        "network.members": MEMBERS,
        **{f"training.{key}": value for key, value in _training(experiment, data, m, len(split.dev) > 0).items()},
    }


def member_network(preparation: Preparation, m: int, outputs: int) -> Network:
    """One member: clipped inputs, embeddings beside the numbers, hidden layers with dropout, the output layer."""
    width = SMALL_WIDTH if m < SMALL_BELOW else WIDTH
    numbers = number_columns(preparation)
    layers: list[Layer] = [Activation("smooth_clip")]
    if 0 < len(numbers) <= EMBEDDED_COLUMNS:
        layers.append(PeriodicEmbedding(numbers))
    for _ in range(HIDDEN_LAYERS):
        layers += [Dense(width, "mish"), Dropout(keep_prob=KEEP_PROB)]
    return Network([*layers, Dense(outputs)])


def number_columns(preparation: Preparation) -> tuple[int, ...]:
    """The places of prepared numbers among the network's inputs: not those of categories, nor of missing values."""
    places, start = [], 0
    assert isinstance(preparation.encoders, tuple)
    for encoder in preparation.encoders:
        names = encoder.outputs
        if not isinstance(encoder, CategoryEncoder) and encoder.kind not in ("boolean", "text"):
            places += [start + i for i, name in enumerate(names) if not name.endswith(" missing")]
        start += len(names)
    return tuple(places)


def default_epochs(m: int) -> int:
    """As many as a budget of rows allows, within limits."""
    return SMALL_EPOCHS if m < SMALL_BELOW else min(max(ROWS_SEEN // m, FEWEST_EPOCHS), MOST_EPOCHS)


def batch_size_for(m: int) -> int:
    """A power of two."""
    return min(m, max(SMALLEST_BATCH, min(BATCH_SIZE, 1 << max(m // STEPS, 1).bit_length() - 1)))


def rate_for(batch_size: int, classes: bool) -> float:
    """Adam's rate grows with the square root of the batch, as the noise of the gradient falls with it."""
    rate = (CLASS_RATE if classes else NUMBER_RATE) * math.sqrt(min(batch_size / BATCH_SIZE, 1.0))
    return float(f"{rate:.2g}")


def _training(experiment: Experiment, data: Dataset, m: int, has_dev: bool) -> dict[str, Any]:
    """Keys of ``[training]``; the schedules end with the epochs, and the best epoch is kept without stopping early."""
    section, classes = experiment.training, bool(data.classes)
    epochs = section.epochs or default_epochs(m)
    asked = section.batch_size
    batch_size = batch_size_for(m) if asked is None else m if asked == "full" else min(asked, m)
    chosen: dict[str, Any] = {
        "epochs": epochs,
        "batch_size": batch_size,
        "schedule": {"type": "cosine"},
        "dropout_schedule": {"type": "cosine"},
    }
    if section.optimizer is None:
        chosen["optimizer"] = {"type": "adamw", "beta2": BETA2, "weight_decay": WEIGHT_DECAY}
        chosen["learning_rate"] = rate_for(batch_size, classes)
    if classes and section.loss is None:
        chosen |= {"label_smoothing": LABEL_SMOOTHING, "label_smoothing_schedule": {"type": "cosine"}}
    if data.task.one_class and has_dev:
        chosen["calibration"] = "temperature"
    if m < SMALL_BELOW and has_dev and experiment.data.dev is None and experiment.split.time is None:
        chosen["final"] = "train+dev" if (experiment.network.members or MEMBERS) > 1 else "none"
    if has_dev:
        usual = experiment.goal.optimizing in (None, data.task.usual_metric)
        chosen["early_stopping"] = {"patience": epochs, "monitor": "dev_cost" if usual else "goal"}
    return chosen
