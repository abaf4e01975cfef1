from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from leadline.cli.main import run as leadline


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli")
    random = np.random.default_rng(0)
    x = random.normal(size=(900, 2))
    y = np.hypot(*x.T) + 0.1 * random.normal(size=900) > 1.2
    rows = [f"{a:.4f},{b:.4f},{'out' if k else 'in'}" for (a, b), k in zip(x, y, strict=True)]
    (folder / "ring.csv").write_text("\n".join(["a,b,place", *rows]), encoding="utf-8")
    layers = '[{type="dense",units=8,activation="relu"},{type="dense",units=1}]'
    arguments = [
        "--set",
        f"network.layers={layers}",
        "--epochs",
        "10",
        "--batch-size",
        "64",
        "--learning-rate",
        "0.001",
    ]
    command = ["train", str(folder / "ring.csv"), "--target", "place", "--name", "start", "-q", *arguments]
    assert leadline([*command, "--runs", str(folder / "runs")]) == 0
    return folder / "runs"


def test_next_needs_soundings(runs: Path, capsys: pytest.CaptureFixture[str]):
    assert leadline(["next", "start", "--runs", str(runs)]) == 1
    assert "has not been sounded yet: leadline sound start" in capsys.readouterr().err


def test_sound_then_next_then_runs(runs: Path, capsys: pytest.CaptureFixture[str]):
    assert leadline(["sound", "start", "--budget", "40s", "--target-error", "5", "--runs", str(runs)]) == 0
    shown = capsys.readouterr().out
    for words in ("Change of dev error", "Learning rate: α = 0.", "Next step:", "remedies to sound"):
        assert words in shown
    assert leadline(["next", "start", "--name", "second", "-q", "--runs", str(runs)]) == 0
    shown = capsys.readouterr().out
    assert "was predicted" in shown
    assert "the prediction" in shown
    assert leadline(["runs", "--runs", str(runs)]) == 0
    assert "of 1 held" in capsys.readouterr().out
    assert leadline(["runs", "--json", "--runs", str(runs)]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["start"]["prediction"] is None
    assert rows["second"]["prediction"]["before"] == "start"


def test_sound_prints_one_json_value(runs: Path, capsys: pytest.CaptureFixture[str]):
    assert leadline(["sound", "start", "--budget", "3s", "--json", "-q", "--runs", str(runs)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["run"] == "start"
    assert {"soundings", "curve", "best", "advice", "budget"} <= set(found)
    page = (runs / "start" / "report.html").read_text(encoding="utf-8")
    assert 'id="soundings"' in page


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["sound", "start", "--budget", "soon"], "budget 'soon': write a time such as 90s"),
        (["sound", "start", "--target-error", "120"], "--target-error 120"),
        (["next", "start", "--remedy", "longer_trainin"], "Did you mean 'longer_training'"),
        (["climb", "digits", "--budget", "0"], "needs more than no time"),
    ],
)
def test_wrong_usage(runs: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str):
    assert leadline([*arguments, "--runs", str(runs)]) == 2
    assert words in capsys.readouterr().err


def test_climb_tells_its_story(runs: Path, capsys: pytest.CaptureFixture[str]):
    source = str(runs.parent / "ring.csv")
    layers = 'network.layers=[{type="dense",units=4,activation="relu"},{type="dense",units=1}]'
    arguments = ["--target", "place", "--set", layers, "--set", "training.epochs=10", "--budget", "8s", "-q"]
    assert leadline(["climb", source, *arguments, "--runs", str(runs)]) == 0
    shown = capsys.readouterr().out
    for words in ("Start: dev error", "Ended:", "climb.html"):
        assert words in shown
    pages = list(runs.glob("*/climb.html"))
    assert len(pages) == 1
    assert "What each step brought" in pages[0].read_text(encoding="utf-8")
