"""Code that came with an experiment or a run does not run before somebody has agreed to it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from leadline import Dense, Network, trust
from leadline.cli.main import escaped, run
from leadline.errors import LeadlineError
from leadline.experiment import Experiment
from leadline.runs.run import load_run
from leadline.runs.store import RunStore
from leadline.session.training import train
from leadline.web.app import create_app

EVIL = "from pathlib import Path\nPath({place!r}).touch()\n"


@pytest.fixture
def marked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run that names code, which leaves a mark where it ran."""
    monkeypatch.delenv("LEADLINE_TRUST")
    monkeypatch.setenv("LEADLINE_STATE", str(tmp_path / "state"))
    trust.ask_with(trust.refuse)
    x = np.random.default_rng(0).normal(size=(60, 2))
    train(Network([Dense(3, "tanh"), Dense(1)]), (x, x[:, 0] > 0), epochs=2, name="foreign", runs=tmp_path / "runs")
    mark = tmp_path / "mark"
    (tmp_path / "evil.py").write_text(EVIL.format(place=str(mark)), encoding="utf-8")
    name_code(tmp_path, f'modules = ["{tmp_path / "evil.py"}"]')
    return mark


def name_code(folder: Path, text: str) -> None:
    experiment = folder / "runs" / "foreign" / "experiment.toml"
    lines = experiment.read_text(encoding="utf-8")
    experiment.write_text(lines + f"\n[extensions]\n{text}\n", encoding="utf-8")


@pytest.mark.parametrize(
    "command",
    [
        ["report", "foreign"],
        ["predict", "foreign", "new.csv"],
        ["export", "foreign", "--onnx", "m.onnx"],
        ["sound", "foreign", "--budget", "1s"],
        ["mistakes", "foreign"],
        ["resume", "foreign"],
        ["train", "new.csv", "--target", "y", "--from", "foreign"],
        ["train", "runs/foreign/experiment.toml"],
        ["check", "runs/foreign/experiment.toml"],
        ["search", "runs/foreign/experiment.toml", "--trials", "1"],
    ],
)
def test_no_command_runs_foreign_code(
    marked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "new.csv").write_text("x_1,x_2,y\n" + "1,2,a\n2,1,b\n" * 30, encoding="utf-8")
    run(command)
    assert not marked.exists()


def test_it_runs_once_somebody_has_agreed(
    marked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "new.csv").write_text("x_1,x_2\n1,2\n", encoding="utf-8")
    assert run(["predict", "foreign", "new.csv"]) == 1
    error = capsys.readouterr().err
    assert "evil.py is code that would run with your rights" in error and "--trust" in error
    assert run(["predict", "foreign", "new.csv", "--trust"]) == 0 and marked.exists()
    marked.unlink()
    code = (tmp_path / "evil.py").read_text()
    (tmp_path / "evil.py").write_text(code + "# changed\n")
    assert run(["predict", "foreign", "new.csv"]) == 1 and not marked.exists()
    (tmp_path / "evil.py").write_text(code)
    assert run(["predict", "foreign", "new.csv"]) == 0
    known = json.loads((tmp_path / "state" / "trusted.json").read_text())
    assert [entry["name"] for entry in known.values()] == ["evil.py"]


def test_python_and_the_application_ask_nobody(marked: Path, tmp_path: Path) -> None:
    create_app(RunStore(tmp_path / "runs"), 1)
    with pytest.raises(LeadlineError, match="nobody has agreed"):
        load_run("foreign", tmp_path / "runs").trained_network()
    assert not marked.exists()
    trust.agree(tmp_path / "evil.py")
    assert load_run("foreign", tmp_path / "runs").trained_network() and marked.exists()


@pytest.mark.parametrize("name", ["antigravity", "some.module"])
def test_imported_modules_need_an_agreement_too(marked: Path, name: str) -> None:
    experiment = Experiment.from_dict({"extensions": {"modules": [name]}})
    with pytest.raises(LeadlineError, match=f"{name} names code"):
        experiment.load_modules()


def test_functions_that_a_layer_names_need_one(marked: Path) -> None:
    inner = {"type": "residual", "body": [{"type": "torch_module", "module": "os:abort"}]}
    assert [code.name for code in trust.named_functions([inner, {"type": "dense", "units": 3}])] == ["os:abort"]


def test_what_is_shown_hides_nothing() -> None:
    assert escaped("a\x1b[2K\rb\tc\u202e") == "a\\x1b[2K\\rb\tc\\u202e"
