"""What is chosen for a table where nothing is given, and what stays as it is where something is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import leadline as ll
from leadline.experiment import Experiment
from leadline.session.plan import Plan, make_plan
from leadline.session.table_defaults import batch_size_for, default_epochs, rate_for
from leadline.session.training import run_experiment
from leadline.variants.variants import PreparedExperiment


def written(folder: Path, m: int = 200) -> Path:
    random = np.random.default_rng(0)
    lines = ["size,note,flag,colour,day,price,kind"]
    for i in range(m):
        size, price = random.normal(), random.lognormal()
        missing = "" if i % 9 == 0 else f"{price:.4f}"
        colour, day = random.choice(["red", "green", "blue"]), f"2024-0{1 + i % 9}-1{i % 7}"
        kind = "big" if size + 0.3 * random.normal() > 0 else "small"
        lines.append(f"{size:.4f},{random.integers(9)},{random.choice(['yes', 'no'])},{colour},{day},{missing},{kind}")
    path = folder / "table.csv"
    path.write_text("\n".join(lines))
    return path


def plan(folder: Path, target: str = "kind", **keys: Any) -> Plan:
    values = {"data.source": str(written(folder)), "data.target": target}
    return make_plan(Experiment().replace({**values, **{key.replace("__", "."): v for key, v in keys.items()}}))


def test_a_table_gets_an_ensemble_that_anneals(tmp_path: Path) -> None:
    chosen = plan(tmp_path)
    experiment = chosen.experiment
    assert experiment.network.members == chosen.network.members == 8
    assert experiment.data.normalization == chosen.preparation.normalization == "robust"
    kinds = [layer["type"] for layer in experiment.network.layers or ()]
    assert kinds == ["activation", "periodic_embedding", *["dense", "dropout"] * 3, "dense"]
    training = experiment.training
    assert training.optimizer is not None and training.optimizer["type"] == "adamw"
    assert training.schedule == {"type": "cosine", "epochs": training.epochs, "floor": 0.0}
    assert training.dropout_schedule == training.label_smoothing_schedule == {"type": "cosine"}
    stopping = training.early_stopping
    assert stopping is not None and stopping.monitor == "dev_cost"
    assert stopping.patience == training.epochs  # the schedule's end lies inside the run


def test_numbers_are_embedded_and_what_is_none_is_not(tmp_path: Path) -> None:
    chosen = plan(tmp_path)
    embedded = list(chosen.experiment.network.layers or ())[1]["columns"]
    names = [chosen.preparation.feature_names[i] for i in embedded]
    assert "size" in names and "price" in names and "day month" in names
    assert not any("=" in name or name.endswith("missing") or name.startswith("flag") for name in names)


def test_numbers_are_not_smoothed_and_learn_faster(tmp_path: Path) -> None:
    training = plan(tmp_path, "price").experiment.training
    assert training.label_smoothing is None and training.label_smoothing_schedule is None
    assert training.learning_rate == pytest.approx(
        2 * (plan(tmp_path).experiment.training.learning_rate or 0), rel=0.05
    )


def test_what_is_given_stays(tmp_path: Path) -> None:
    given = plan(
        tmp_path,
        network__members=1,
        data__normalization="standardize",
        training__epochs=7,
        training__batch_size="full",
        training__label_smoothing=0.0,
        training__early_stopping={"patience": 0},
    )
    training = given.experiment.training
    assert given.network.members == 1 and given.preparation.normalization == "standardize"
    assert (training.epochs, training.batch_size, training.label_smoothing) == (7, "full", 0.0)
    assert given.training.early_stopping is None and training.schedule == {"type": "cosine", "epochs": 7, "floor": 0.0}
    other = plan(tmp_path, training__optimizer="momentum", training__learning_rate=0.3).experiment.training
    assert other.optimizer is not None and other.optimizer["type"] == "momentum" and other.learning_rate == 0.3


def test_layers_that_are_given_are_trained_as_they_were_meant(tmp_path: Path) -> None:
    given = plan(tmp_path, network__layers=[{"type": "dense", "units": 1}])
    assert given.network.members == 1 and given.preparation.normalization == "standardize"
    assert given.experiment.training.dropout_schedule is None
    assert (given.experiment.training.optimizer or {})["type"] == "adam"


def test_the_epoch_is_chosen_by_the_goal_where_one_is_given(tmp_path: Path) -> None:
    stopping = plan(tmp_path, goal__optimizing="f1").experiment.training.early_stopping
    assert stopping is not None and stopping.monitor == "goal"


def test_a_resolved_experiment_is_resolved(tmp_path: Path) -> None:
    chosen = plan(tmp_path).experiment
    assert make_plan(chosen).experiment == chosen


def test_arrays_keep_their_default() -> None:
    chosen = make_plan(Experiment(), ll.read(np.random.default_rng(0).normal(size=(90, 3)), np.arange(90) % 2))
    assert chosen.network.members == 1 and chosen.experiment.training.dropout_schedule is None


def test_variants_keep_what_was_chosen(tmp_path: Path) -> None:
    """A variant with other layers or epochs differs in them alone."""
    base = Experiment().replace({"data.source": str(written(tmp_path)), "data.target": "kind"})
    bench = PreparedExperiment(base)
    chosen = bench.plan.experiment
    assert bench.variant().experiment == chosen
    layers = [*(chosen.network.layers or ())[:-2], {"type": "dense", "units": 1}]
    other = bench.variant({"network.layers": layers})
    assert other.experiment.replace({"network.layers": chosen.network.layers}) == chosen
    longer = bench.variant({"training.epochs": 2 * (chosen.training.epochs or 0)})
    assert longer.resolved.settings.schedule(1.0, chosen.training.epochs or 0, 0) == pytest.approx(0.5)
    assert longer.resolved.settings.dropout_schedule(1.0, chosen.training.epochs or 0, 0) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("m", "batch", "epochs"), [(5, 5, 64), (128, 32, 64), (600, 64, 64), (2_500, 256, 128), (40_000, 256, 16)]
)
def test_batches_and_epochs_by_rows(m: int, batch: int, epochs: int) -> None:
    assert (batch_size_for(m), default_epochs(m)) == (batch, epochs)
    assert rate_for(256, True) == 0.005 and rate_for(64, True) == 0.0025


def test_a_default_run_learns(tmp_path: Path) -> None:
    path = written(tmp_path)
    experiment = Experiment().replace({"data.source": str(path), "data.target": "kind", "training.epochs": 12})
    run = run_experiment(experiment, runs=tmp_path / "runs")
    assert run.errors["dev"].value < 0.3
