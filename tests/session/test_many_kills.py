"""Three hundred kills at random instants, over trainings of every kind: each ends with the same θ, bit for bit."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from pyarrow import parquet
from safetensors.torch import load_file

from leadline.experiment import Experiment
from leadline.runs.run import Run, load_run
from leadline.runs.store import RunStore
from leadline.runs.verification import problems
from leadline.session.training import run_experiment

sys.path.insert(0, str(Path(__file__).parent.parent))
from kills import killed_until_done, train_or_go_on

CONVOLUTIONAL = [
    {"type": "image", "height": 8, "width": 8, "channels": 1},
    {"type": "convolution", "filters": 4, "size": 3, "activation": "relu"},
    {"type": "batch_norm"},
    {"type": "max_pool", "size": 2},
    {"type": "flatten"},
    {"type": "dense", "units": 10},
]
DENSE = [
    {"type": "dense", "units": 16, "activation": "relu"},
    {"type": "dropout", "keep_prob": 0.8},
    {"type": "dense", "units": 1},
]


def table(folder: Path) -> Path:
    random = np.random.default_rng(0)
    x = random.normal(size=(2000, 3))
    columns = {name: x[:, k] for k, name in enumerate("abc")} | {"inside": x[:, 0] * x[:, 1] > 0}
    parquet.write_table(pa.table(columns), folder / "t.parquet", row_group_size=250)
    return folder / "t.parquet"


def dense(folder: Path) -> dict[str, Any]:
    return {
        "data": {"source": str(table(folder)), "target": "inside"},
        "network": {"layers": DENSE},
        "training": {"epochs": 120, "batch_size": 32, "schedule": "cosine", "early_stopping": {"patience": 60}},
    }


def streamed(folder: Path) -> dict[str, Any]:
    experiment = dense(folder)
    experiment["data"]["stream"] = True
    return experiment | {"training": {"epochs": 40, "batch_size": 32}}


def default(folder: Path) -> dict[str, Any]:
    """What a table is trained with where nothing else is asked for: an ensemble."""
    return {"data": {"source": str(table(folder)), "target": "inside"}, "training": {"epochs": 40}}


def convolutional(folder: Path) -> dict[str, Any]:
    training = {"epochs": 12, "batch_size": 64, "optimizer": "momentum"}
    return {"data": {"source": "digits"}, "network": {"layers": CONVOLUTIONAL}, "training": training}


def augmented(folder: Path) -> dict[str, Any]:
    return convolutional(folder) | {"augment": {"crop": 1, "rotation": 10}}


def transferred(folder: Path) -> dict[str, Any]:
    source = convolutional(folder) | {"training": {"epochs": 1, "batch_size": 64}}
    run_experiment(Experiment.from_dict(source), name="source", runs=folder / "runs")
    training = {"epochs": 60, "batch_size": 64}
    return {
        "data": {"source": "digits"},
        "network": {"from": str(folder / "runs" / "source"), "freeze": 2},
        "training": training,
    }


@pytest.mark.verify
@pytest.mark.parametrize(
    "kind", [dense, default, streamed, convolutional, augmented, transferred], ids=lambda kind: kind.__name__
)
def test_sixty_kills_of_each_kind_change_no_bit(tmp_path: Path, kind: Callable[[Path], dict[str, Any]]) -> None:
    torch.set_num_threads(1)
    experiment = kind(tmp_path)
    whole = load_file(
        run_experiment(Experiment.from_dict(experiment), name="whole", runs=tmp_path / "runs").checkpoint_path
    )
    kills, round_ = 0, 0
    while kills < 60:
        name = f"killed-{round_}"
        store = RunStore(tmp_path / "runs")

        def done(store: RunStore = store, name: str = name) -> bool:
            return (folder := store.folder(name)) is not None and Run(folder).status == "done"

        kills += killed_until_done(
            train_or_go_on, (experiment, name, tmp_path / "runs"), done, 60 - kills, 1.5, seed=round_
        )
        found = load_run(name, tmp_path / "runs")
        saved = load_file(found.checkpoint_path)
        assert saved.keys() == whole.keys() and all(torch.equal(saved[key], whole[key]) for key in saved)
        assert problems(found.folder) == []
        round_ += 1
