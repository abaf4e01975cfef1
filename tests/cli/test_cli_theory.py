"""The commands that try the theory on a user's own network: check, gallery, rate."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from leadline.cli.main import run
from leadline.experiment import Experiment
from leadline.session.training import run_experiment

LAYER = """
from dataclasses import dataclass

import torch

from leadline.network import Layer, ParameterSpec


@dataclass(frozen=True)
class {name}(Layer):
    start: float = 0.25

    def output_shape(self, input_shape):
        return input_shape

    def parameters(self, input_shape):
        return {{"slope": ParameterSpec(input_shape, fill=self.start)}}

    def forward(self, p, x, memory):
        memory.kept["x"] = x
        return x.clamp_min(0) + p["slope"] * x.clamp_max(0)

    def backward(self, p, g, d_y, memory):
        x = memory.kept["x"]
        g["slope"].copy_((d_y * x.clamp_max(0)).sum(0))
        return torch.where(x > 0, d_y, {sign}p["slope"] * d_y)
"""


def experiment_with(folder: Path, kind: str, module: str) -> Path:
    path = folder / "experiment.toml"
    path.write_text(
        f'[data]\nsource = "digits"\n[network]\nmodules = ["{module}"]\n'
        f'layers = [{{type = "dense", units = 8}}, {{type = "{kind}"}}, {{type = "dense", units = 10}}]\n'
        "[training]\nepochs = 3\n",
        encoding="utf-8",
    )
    return path


def test_check_prints_a_table_per_parameter(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """T2.03: `leadline check` on the user's own network and data sample."""
    assert run(["check", "digits", "--entries", "5"]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in ("layers.0.weight", "layers.2.bias", "loss", "Every derivative is right"))


@pytest.mark.parametrize(("sign", "code"), [("", 0), ("-", 1)])
def test_check_judges_a_layer_of_the_users_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], sign: str, code: int
) -> None:
    """T2.03: a wrong sign in a layer written by a user is caught and named."""
    name = "LearntSlope" if code == 0 else "WrongSlope"
    (tmp_path / "own.py").write_text(LAYER.format(name=name, sign=sign), encoding="utf-8")
    path = experiment_with(tmp_path, "learnt_slope" if code == 0 else "wrong_slope", "own.py")
    assert run(["check", str(path), "--json"]) == code
    result = json.loads(capsys.readouterr().out)
    wrong = [row["name"] for row in result["rows"] if row["verdict"] == "wrong"]
    assert wrong == ([] if code == 0 else ["layers.1.input"])
    assert result["passed"] is (code == 0)


def test_own_layers_train_and_predict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.py").write_text(LAYER.format(name="TrainedSlope", sign=""), encoding="utf-8")
    trained = run_experiment(Experiment.from_toml(experiment_with(tmp_path, "trained_slope", "own.py")))
    assert trained.experiment.network.modules == ("own.py",)
    assert "layers.1.slope" in trained.trained_network().parameters.named()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no such file; network.modules"),
        ("x = 1\nraise ValueError('oh')\n", "own.py:2: ValueError: oh"),
        ("def broken(:\n", "SyntaxError"),
    ],
)
def test_a_module_that_fails_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | None, message: str
) -> None:
    if content is not None:
        (tmp_path / "own.py").write_text(content, encoding="utf-8")
    assert run(["check", str(experiment_with(tmp_path, "slope", "own.py"))]) == 1
    err = capsys.readouterr().err
    assert message in err
    assert len(err.splitlines()) == 1


def test_gallery_needs_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["gallery", "--output", str(tmp_path / "none" / "gallery.html")]) == 1
    assert "is no folder" in capsys.readouterr().err


class ChangesTheRate:
    """Sets a learning rate from outside after the second epoch and gives it back after the fourth."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.codes: list[int] = []

    def planned(self, plan: Any) -> None:
        return

    def evaluating(self, text: str) -> None:
        return

    def step(self, step: int, steps: int, cost: float) -> None:
        return

    def epoch(self, epoch: Mapping[str, Any]) -> None:
        told = {2: ["0.0625"], 4: ["--release"]}.get(epoch["epoch"])
        if told:
            self.codes.append(run(["rate", "last", *told, "--runs", str(self.folder)]))


def test_rate_changes_while_a_run_trains(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """T2.13: the manual schedule, changed while running; afterwards there is nothing to change."""
    experiment = Experiment.from_dict(
        {
            "data": {"source": "digits"},
            "training": {"epochs": 6, "learning_rate": 0.5, "optimizer": "gradient_descent", "schedule": "constant"},
        }
    )
    listener = ChangesTheRate(tmp_path)
    trained = run_experiment(experiment, runs=tmp_path, listener=listener)
    assert listener.codes == [0, 0]
    assert [epoch["learning_rate"] for epoch in trained.history] == [0.5, 0.5, 0.0625, 0.0625, 0.5, 0.5]
    assert trained.summary.learning_rates_by_hand == {3: 0.0625}
    assert run(["rate", "last", "0.1", "--runs", str(tmp_path)]) == 1
    assert "not training any more" in capsys.readouterr().err
    assert run(["rate", "last", "--runs", str(tmp_path)]) == 2
