"""What is chosen for series where no network is given: convolutions over time, and a training that ends within the run.

The network is one of the kind of Wang et al. (2017): three convolutions over time and the mean and largest response of
each filter. Layer normalization, which hides how large a step's values are, was worse.
"""

from __future__ import annotations

from typing import Any

from leadline.data import Dataset, Preparation, Split
from leadline.data.series_encoder import SeriesEncoder
from leadline.experiment import Experiment
from leadline.network import (
    Concatenate,
    Convolution1D,
    Dense,
    Dropout,
    Layer,
    Network,
    PoolOverTime,
    Series,
)
from leadline.session.defaults import output_units

FILTERS, SIZES = (64, 128, 64), (8, 5, 3)
KEEP_PROB, LAST_KEEP_PROB = 0.8, 0.5
RATE, WEIGHT_DECAY, LABEL_SMOOTHING = 0.003, 0.01, 0.1
BATCH_SIZE, FEWEST_EPOCHS, MOST_EPOCHS, SERIES_SEEN = 16, 40, 400, 20_000


def chooses(experiment: Experiment, data: Dataset) -> bool:
    """Whether series come without a network."""
    network = experiment.network
    return data.is_series and network.layers is None and network.from_ is None and network.architecture is None


def with_series_defaults(experiment: Experiment, data: Dataset, preparation: Preparation, split: Split) -> Experiment:
    """The experiment with the network, and what else it leaves open of the training, filled in."""
    section, m = experiment.training, len(split.train)
    assert isinstance(preparation.encoders, SeriesEncoder)
    batch_size = BATCH_SIZE if section.batch_size is None else m if section.batch_size == "full" else section.batch_size
    epochs = section.epochs or min(max(SERIES_SEEN // m, FEWEST_EPOCHS), MOST_EPOCHS)
    chosen: dict[str, Any] = {"network.layers": series_network(preparation.encoders, output_units(data)).config()}
    open_keys: dict[str, Any] = {"epochs": epochs, "batch_size": min(batch_size, m), "schedule": {"type": "cosine"}}
    if section.optimizer is None and section.learning_rate is None:
        open_keys |= {"optimizer": {"type": "adamw", "weight_decay": WEIGHT_DECAY}, "learning_rate": RATE}
    if data.classes and section.loss is None:
        open_keys["label_smoothing"] = LABEL_SMOOTHING
    if len(split.dev):
        usual = experiment.goal.optimizing in (None, data.task.usual_metric)
        open_keys["early_stopping"] = {"patience": epochs, "monitor": "dev_cost" if usual else "goal"}
    given = experiment.to_dict().get("training", {})
    chosen |= {f"training.{key}": value for key, value in open_keys.items() if key not in given}
    return experiment.replace(chosen)


def series_network(encoder: SeriesEncoder, outputs: int) -> Network:
    """Convolutions with dropout, then the mean and the largest response of each filter over time."""
    steps, channels = encoder.shape
    layers: list[Layer] = [Series(steps, channels, encoder.ragged)]
    for filters, size in zip(FILTERS, SIZES, strict=True):
        layers += [Convolution1D(filters, min(size, steps), activation="relu"), Dropout(keep_prob=KEEP_PROB)]
    pools: list[list[Layer]] = [[PoolOverTime("mean")], [PoolOverTime("max")]]
    return Network([*layers, Concatenate(pools), Dropout(keep_prob=LAST_KEEP_PROB), Dense(outputs)])
