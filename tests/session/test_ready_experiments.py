"""The experiment files in ``examples/``: all can be read, and the convolutional ones reach what they promise."""

from __future__ import annotations

from pathlib import Path

import pytest

from leadline.experiment import Experiment
from leadline.session.plan import make_plan
from leadline.session.test_set import open_test_set
from leadline.session.training import run_experiment

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.toml")), ids=lambda path: path.stem)
def test_every_file_is_an_experiment(path: Path) -> None:
    experiment = Experiment.from_toml(path)
    assert Experiment.from_dict(experiment.to_dict()) == experiment


@pytest.mark.needs_data
def test_digits_are_varied_and_fit_the_network(data_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADLINE_DATA", str(data_folder))
    experiment = Experiment.from_toml(EXAMPLES / "lenet5_mnist.toml")
    plan = make_plan(experiment.replace({"split.train": 2000, "split.dev": 500, "split.duplicates": "ignore"}))
    assert plan.n_parameters == 61_706
    augment, train = plan.augmenter(), plan.examples("train")
    assert augment is not None and train is not None
    assert not augment(train.x[:8]).equal(train.x[:8])


@pytest.mark.verify
@pytest.mark.needs_data
@pytest.mark.parametrize(("name", "most"), [("lenet5_mnist", 0.012), ("resnet20_cifar10", 0.15)])
def test_the_promised_test_error(
    name: str, most: float, data_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """98.8 % of MNIST's and 85 % of CIFAR-10's test images; the second takes about half an hour on two quiet cores."""
    monkeypatch.setenv("LEADLINE_DATA", str(data_folder))
    run = run_experiment(Experiment.from_toml(EXAMPLES / f"{name}.toml"), runs=tmp_path)
    open_test_set(run)
    assert run.errors["test"].value <= most
