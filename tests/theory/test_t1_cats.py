"""T1.02, T1.04, T1.05 and T2.01 on the course's cats: published costs and accuracies, from the files in examples/."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from leadline.experiment import Experiment
from leadline.runs.run import Run
from leadline.session.test_set import open_test_set
from leadline.session.training import run_experiment

pytestmark = pytest.mark.needs_data
EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(autouse=True)
def data_in_environment(data_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADLINE_DATA", str(data_folder))


def train(name: str, runs: Path, **changes: int) -> Run:
    experiment = Experiment.from_toml(EXAMPLES / f"{name}.toml")
    return run_experiment(experiment.replace({f"training.{k}": v for k, v in changes.items()}), runs=runs)


def costs_at(run: Run, *steps: int) -> list[float]:
    """The cost before each step; one full batch is one epoch."""
    costs = [epoch["cost"] for epoch in run.history]
    return [costs[step] for step in steps]


def accuracies(run: Run) -> tuple[float, float]:
    """Train and test accuracy in percent."""
    errors = open_test_set(run).errors
    return 100 * (1 - errors["train"].value), 100 * (1 - errors["test"].value)


def test_t1_02_logistic_regression(tmp_path: Path) -> None:
    """T1.02."""
    run = train("cat_logistic", tmp_path)
    expected = [0.693147, 0.584508, 0.466949, 0.303273, 0.214820, 0.166521, 0.140872]
    np.testing.assert_allclose(costs_at(run, 0, 100, 200, 500, 1000, 1500, 1900), expected, atol=1e-6)
    np.testing.assert_allclose(accuracies(run), (99.04306, 70), atol=1e-5)


def test_t1_02_two_layers(tmp_path: Path) -> None:
    """T1.02."""
    run = train("cat_2_layer", tmp_path)
    np.testing.assert_allclose(costs_at(run, 0, 2400), [0.6930497356599891, 0.0485547856287702], atol=1e-9)
    np.testing.assert_allclose(accuracies(run), (100, 72), atol=1e-9)


def test_t1_02_four_layers_start(tmp_path: Path) -> None:
    """T1.02."""
    run = train("cat_4_layer", tmp_path, epochs=1)
    np.testing.assert_allclose(costs_at(run, 0), [0.7717493284237686], atol=1e-12)


def test_t1_02_four_layers(tmp_path: Path) -> None:
    """T1.02."""
    run = train("cat_4_layer", tmp_path)
    np.testing.assert_allclose(costs_at(run, 0, 2400), [0.7717493284237686, 0.09287821526472395], atol=1e-9)
    train_accuracy, test_accuracy = accuracies(run)
    assert round(train_accuracy, 2) == 98.56
    assert round(test_accuracy) == 80
