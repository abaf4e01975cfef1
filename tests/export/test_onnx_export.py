"""From a run to an ONNX file whose predictions are those of `predict`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest

import leadline as ll
from leadline.cli.main import run as leadline
from leadline.export import onnx_inputs
from leadline.network import Image


def outputs_of(path: Path, feed: dict[str, Any]) -> list[Any]:
    onnx.checker.check_model(str(path), full_check=True)
    session: Any = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(None, feed)


def compared(run: ll.Run, rows: Any, folder: Path) -> list[Any]:
    """The exported model's outputs for the rows, after they were found equal to the run's own to 1e-5."""
    trained = run.trained_network()
    path = trained.export(folder / "model.onnx")
    found = outputs_of(path, onnx_inputs(trained.preparation, rows))
    if trained.task in ("binary", "multiclass"):
        assert found[0].tolist() == [str(each) for each in trained.predict(rows)]
    else:
        assert np.allclose(found[0], trained.predict(rows), rtol=1e-5, atol=1e-5)
    if trained.task != "regression":
        assert np.allclose(found[1], trained.predict_probabilities(rows), rtol=1e-5, atol=1e-5)
    return found


@pytest.mark.needs_data
@pytest.mark.parametrize(("table", "target"), [("titanic", "Survived"), ("california_housing", "median_house_value")])
def test_real_tables(tmp_path: Path, data_folder: Path, table: str, target: str) -> None:
    path = data_folder / "tables" / f"{table}.csv"
    data = ll.read(path, target, exclude=["Name"] if table == "titanic" else [])  # text has no ONNX form
    run = ll.train(data=data, epochs=3, runs=tmp_path / "runs")
    found = compared(run, path, tmp_path)
    assert len(np.unique(found[0])) > 1


def test_digits_with_a_convolution(tmp_path: Path) -> None:
    body = [
        ll.Convolution(6, 3, activation="relu"),
        ll.BatchNorm(),
        ll.MaxPool(2),
        ll.Flatten(),
        ll.Dropout(keep_prob=0.8),
    ]
    digits = ll.read("digits")
    network = ll.Network([Image(8, 8), *body, ll.Dense(10)])
    run = ll.train(network, digits, epochs=2, runs=tmp_path / "runs")
    compared(run, np.asarray(digits.inputs), tmp_path)


def test_several_numbers_and_several_labels(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=(120, 4))
    values = np.stack([1e5 + 3e4 * x[:, 0], x[:, 1] ** 2], axis=1)
    run = ll.train(data=(x, values), epochs=5, precision="float64", runs=tmp_path / "runs")
    assert compared(run, x, tmp_path)[0].shape == (120, 2)
    labels = (x[:, :3] > 0).astype(float)
    run = ll.train(data=ll.read(x, labels, task="multilabel"), epochs=5, runs=tmp_path / "runs")
    assert set(np.unique(compared(run, x, tmp_path)[0])) == {0, 1}


def test_a_column_called_like_an_output(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    rows = pd.DataFrame({"prediction": random.normal(size=80), "fill": random.normal(size=80)})
    rows["y"] = np.where(rows["prediction"] > 0, "up", "down")
    run = ll.train(data=ll.read(rows, "y"), epochs=3, runs=tmp_path / "runs")
    compared(run, rows, tmp_path)


def test_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = ["--runs", str(tmp_path / "runs")]
    assert leadline(["train", "digits", "--epochs", "1", "--name", "first", "-q", *runs]) == 0
    capsys.readouterr()
    path = tmp_path / "out" / "model.onnx"
    assert leadline(["export", "first", "--onnx", str(path), "--json", *runs]) == 0
    described = json.loads(capsys.readouterr().out)
    assert described["inputs"] == [
        {"name": "pixels", "type": "float", "shape": ["rows", 8, 8, 1], "note": "float32 as in training"}
    ]
    assert [each["name"] for each in described["outputs"]] == ["prediction", "probabilities"]
    assert leadline(["export", "first", "--onnx", str(path), *runs]) == 0
    assert "probabilities  float rows × 10  of 0, 1, 2" in capsys.readouterr().out
    assert leadline(["export", "first", "--onnx", str(tmp_path / "model.pt"), *runs]) == 2
    assert "the file's name ends in .onnx" in capsys.readouterr().err
    (tmp_path / "file").write_text("")
    assert leadline(["export", "first", "--onnx", str(tmp_path / "file" / "model.onnx"), *runs]) == 1
    assert "model.onnx cannot be written" in capsys.readouterr().err
