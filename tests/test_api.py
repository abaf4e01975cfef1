from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import leadline as ll
from leadline.runs.predictions import predictions_table


@pytest.fixture(scope="module")
def digits() -> ll.Dataset:
    return ll.read("digits")


@pytest.fixture(scope="module")
def run(digits: ll.Dataset, tmp_path_factory: pytest.TempPathFactory) -> ll.Run:
    network = ll.Network([ll.Dense(32, "relu"), ll.Dense(10)])
    folder = tmp_path_factory.mktemp("runs")
    return ll.train(network, digits, optimizer=ll.Adam(1e-2), epochs=60, seed=3, runs=folder)


def regression(n: int = 200) -> tuple[np.ndarray, np.ndarray]:
    x = np.random.default_rng(0).normal(size=(n, 3))
    return x, 1000 + 50 * (x @ [1.0, -2.0, 0.5])


def theta(run: ll.Run) -> bytes:
    return run.trained_network().parameters.theta.numpy().tobytes()


def test_every_public_name_is_there() -> None:
    names = sorted(ll.__all__)  # ruff keeps them in an order of its own
    assert dir(ll) == names
    for name in names:
        assert getattr(ll, name) is not None
    typed = re.split(r"if TYPE_CHECKING:|__all__", Path(ll.__file__).read_text(encoding="utf-8"))[1]
    assert sorted(set(re.findall(r"\w+(?=[,\n)])", re.sub(r"from \S+", "", typed)))) == names
    with pytest.raises(AttributeError, match="no attribute 'Dens'"):
        _ = ll.Dens  # pyright: ignore[reportAttributeAccessIssue]


def test_import_does_without_torch() -> None:
    code = "import leadline, sys; leadline.Experiment; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_the_example_of_the_readme(run: ll.Run, digits: ll.Dataset) -> None:
    assert "Conclusion:" in str(run.diagnosis)
    network = ll.Network.from_run(run)
    labels = network.predict(np.asarray(digits.inputs)[:3])
    assert labels.tolist() == [0, 1, 2]


def test_a_run_tells_all_that_was_measured(run: ll.Run) -> None:
    assert run.status == "done"
    assert run.summary.epochs is not None
    assert len(run.history) == run.summary.epochs <= 60
    assert run.experiment.training.learning_rate == 1e-2
    assert run.experiment.training.seed == 3
    assert set(run.parameters) == {f"layers.{i}.{name}" for i in (0, 1) for name in ("weight", "bias")}
    assert run.parameters["layers.0.weight"].shape == (32, 64)
    assert {name: len(rows) for name, rows in run.split.items()} == {
        "train": 1079,
        "dev": 359,
        "test": 359,
        "train_dev": 0,
    }
    table = run.predictions("dev").to_pydict()
    wrong = np.mean([label != answer for label, answer in zip(table["label"], table["prediction"], strict=True)])
    assert wrong == pytest.approx(run.errors["dev"].value)
    assert table["row"] == run.split["dev"].tolist()


def test_early_stopping_went_back_to_the_best_epoch(run: ll.Run) -> None:
    """T2.15: the kept parameters are those of the epoch with the best dev error."""
    assert run.summary.best_epoch is not None
    best = run.history[run.summary.best_epoch - 1]
    assert best["dev_error"] == min(epoch["dev_error"] for epoch in run.history)
    assert run.errors["dev"].value == pytest.approx(best["dev_error"], abs=1e-7)


def test_training_again_gives_the_same_theta(run: ll.Run, tmp_path: Path) -> None:
    again = ll.run_experiment(run.experiment, runs=tmp_path)
    assert theta(again) == theta(run)
    assert again.experiment == run.experiment


def test_load_run(run: ll.Run) -> None:
    loaded = ll.load_run("last", run.folder.path.parent)
    assert loaded.name == run.name
    assert str(loaded.diagnosis) == str(run.diagnosis)
    assert repr(loaded) == f"Run('{run.name}', done)"


def test_arrays_in_memory_and_regression_in_the_targets_units(tmp_path: Path) -> None:
    x, y = regression()
    run = ll.train(ll.Network([ll.Dense(1)]), ll.read(x, y), optimizer=ll.Adam(0.05), epochs=400, runs=tmp_path)
    error = run.errors["dev"].value
    assert error < 1
    assert run.history[0]["dev_error"] > 20
    predicted = run.trained_network().predict(x[:5])
    np.testing.assert_allclose(predicted, y[:5], atol=4 * error)
    assert run.experiment.data.source is None
    with pytest.raises(ll.LeadlineError, match="came from Python"):
        ll.open_test_set(run)
    opened = ll.open_test_set(run, ll.read(x, y))
    assert opened.errors["test"].n == 40
    with pytest.raises(ll.LeadlineError, match="has changed since"):
        ll.open_test_set(run, ll.read(x, y + 1))


def test_two_outputs_for_two_classes_are_softmax(tmp_path: Path) -> None:
    x, y = regression()
    run = ll.train(ll.Network([ll.Dense(2)]), ll.read(x, y > 1000), epochs=200, learning_rate=0.1, runs=tmp_path)
    assert run.summary.task == "binary"
    assert run.errors["dev"].value < 0.1
    probabilities = run.trained_network().predict_probabilities(x[:7])
    np.testing.assert_allclose(probabilities.sum(1), 1)


def test_several_labels_with_missing_ones(tmp_path: Path) -> None:
    """T1.12: a network with one sigmoid for each label."""
    x, y = regression()
    labels = np.stack([x[:, 0] > 0, y > 1000], axis=1).astype(float)
    labels[::9, 0] = np.nan
    data = ll.read(x, labels, task="multilabel")
    run = ll.train(ll.Network([ll.Dense(2)]), data, epochs=300, learning_rate=0.1, runs=tmp_path)
    assert run.errors["dev"].value < 0.1
    assert run.trained_network().predict(x[:4]).shape == (4, 2)


def test_a_tuple_of_arrays_and_a_name(tmp_path: Path) -> None:
    x, y = regression()
    run = ll.train(data=(x, y), epochs=3, runs=tmp_path, name="mine", human_error=1.0, split={"test": 0, "seed": 5})
    assert run.name == "mine"
    assert run.diagnosis.ladder.rungs[0].error.value == 1.0
    assert run.experiment.split.test == 0
    with pytest.raises(ll.LeadlineError, match="has no test set"):
        ll.open_test_set(run)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epoch": 3}, "unknown setting 'epoch'. Did you mean 'epochs'"),
        ({"epochs": 0}, "training.epochs: got 0"),
        ({"optimizer": "adm"}, "Did you mean 'adam'"),
        ({"split": {"trian": 3}}, "split.trian: unknown key. Did you mean 'train'"),
        ({"precision": "float16"}, "training.precision"),
        ({"data": None}, "needs data"),
        ({"network": ll.Network([ll.Dense(3)])}, "Dense(10)"),
    ],
)
def test_wrong_settings(settings: dict[str, Any], message: str, tmp_path: Path) -> None:
    arguments = {"data": "digits", "runs": tmp_path / "runs"} | settings
    with pytest.raises(ll.UsageError) as raised:
        ll.train(**arguments)
    assert message in str(raised.value)
    assert not (tmp_path / "runs").exists()


def test_t2_19_divergence_is_raised_and_keeps_the_last_good_state(tmp_path: Path) -> None:
    x = np.linspace(0, 1, 60)
    data = ll.read(x[:, None], np.sin(9 * x))
    with pytest.raises(ll.DivergenceError, match=r"layers\[\d\].*\n.*lower learning rate"):
        ll.train(data=data, optimizer=ll.GradientDescent(3.0), epochs=300, runs=tmp_path, name="kept")
    kept = ll.load_run("kept", tmp_path)
    assert kept.status == "diverged"
    assert all(torch.isfinite(tensor).all() for tensor in kept.parameters.values())


def test_a_crash_leaves_what_was_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("leadline.session.recorder.predict_sets", broken)
    with pytest.raises(MemoryError):
        ll.train(data=regression(), epochs=4, runs=tmp_path, name="broken")
    kept = ll.load_run("broken", tmp_path)
    assert kept.status == "failed"
    assert len(kept.history) == 4


def test_a_failure_before_training_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise OSError("disk full")

    monkeypatch.setattr("leadline.session.recorder.environment", broken)
    with pytest.raises(OSError, match="disk full"):
        ll.train(data=regression(), epochs=4, runs=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_a_checkpoint_of_another_network(run: ll.Run, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(run.folder.path, tmp_path / "copy")
    text = (tmp_path / "copy" / "experiment.toml").read_text()
    (tmp_path / "copy" / "experiment.toml").write_text(text.replace("units = 32", "units = 31"))
    with pytest.raises(ll.LeadlineError, match="of another network: layers"):
        ll.load_run(tmp_path / "copy").trained_network()
    (tmp_path / "copy" / "checkpoint.safetensors").write_bytes(b"nothing")
    with pytest.raises(ll.LeadlineError, match="cannot be read"):
        ll.load_run(tmp_path / "copy").trained_network()


def test_predictions_as_a_table() -> None:
    outputs = np.array([[0.9, 0.1], [0.2, 0.8]])
    binary = predictions_table("binary", ("no", "yes"), outputs, np.array([0, 0]), np.array([4, 7]))
    assert binary.to_pydict() == {
        "row": [4, 7],
        "label": ["no", "no"],
        "prediction": ["no", "yes"],
        "probability_no": [0.9, 0.2],
        "probability_yes": [0.1, 0.8],
    }
    several = predictions_table("multilabel", ("a", "b"), outputs, np.array([[1, np.nan], [0, 1]]))
    assert several.to_pydict()["label_b"] == [None, 1.0]
    assert several.to_pydict()["prediction_a"] == [1, 0]
    values = predictions_table("regression", (), np.array([[1.5], [2.5]]))
    assert values.to_pydict() == {"prediction": [1.5, 2.5]}
