"""A small search that several tests share."""

from __future__ import annotations

from typing import Any

import numpy as np

from leadline.data import Dataset, read
from leadline.experiment import Experiment

SPACE = {
    "training.learning_rate": {"log": [1e-3, 1.0]},
    "network.units": {"choice": [4, 8]},
    "training.l2": {"linear": [0.0, 1.0], "when": {"network.units": 8}},
}


def data(n: int = 200) -> Dataset:
    random = np.random.default_rng(0)
    x = random.normal(size=(n, 4))
    return read(x, (x[:, 0] * x[:, 1] > 0).astype(int))


def experiment(**search: Any) -> Experiment:
    """Nine epochs, so that there are two rungs."""
    layers = [{"type": "dense", "units": 8, "activation": "relu"}, {"type": "dense", "units": 1}]
    return Experiment.from_dict(
        {
            "network": {"layers": layers},
            "training": {"epochs": 9, "batch_size": 32, "early_stopping": False, "schedule": "constant"},
            "search": {"space": SPACE, "trials": 12, "finalists": 2, "seeds": 3} | search,
        }
    )
