"""Runs are renamed, removed into the bin and restored."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from leadline.cli.main import run as leadline
from leadline.runs.life import claim, release
from leadline.runs.run import load_run


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("first", "second"):
        assert leadline(["train", "digits", "--epochs", "1", "--quick", "-q", "--name", name]) == 0
    return tmp_path / "runs"


def listed(capsys: pytest.CaptureFixture[str]) -> set[str]:
    capsys.readouterr()
    assert leadline(["runs", "--json"]) == 0
    return {row["name"] for row in json.loads(capsys.readouterr().out)}


def test_a_run_is_renamed_removed_and_restored(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert leadline(["rename", "first", "better"]) == 0
    assert listed(capsys) == {"better", "second"} and load_run("better").name == "better"
    assert leadline(["remove", "better", "second"]) == 0
    assert "Bring it back: leadline restore better" in capsys.readouterr().out
    assert listed(capsys) == set() and (runs / ".bin" / "better" / "run.json").exists()
    assert leadline(["restore", "better"]) == 0
    assert listed(capsys) == {"better"} and load_run("better").errors


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["rename", "first", "second"], "There is already a run 'second'"),
        (["rename", "first", "../x"], "cannot name a run"),
        (["remove", "nobody"], "There is no run 'nobody'"),
        (["restore", "first"], "There is no run 'first' in the bin"),
    ],
)
def test_what_cannot_be(runs: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str) -> None:
    assert leadline(arguments) == 1
    assert words in capsys.readouterr().err and (runs / "first").is_dir() and (runs / "second").is_dir()


def test_a_run_that_trains_stays(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    handle = claim(runs / "first")
    assert leadline(["remove", "first"]) == 1
    assert "first is at work" in capsys.readouterr().err
    release(runs / "first", handle, ended=True)
    assert leadline(["remove", "first"]) == 0
