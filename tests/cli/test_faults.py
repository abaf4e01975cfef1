"""Whatever the disk refuses, and at whichever step: a line, nothing that was saved is lost, and afterwards it works."""

from __future__ import annotations

import errno
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from leadline.cli.main import run as leadline
from leadline.runs.run import load_run
from leadline.runs.verification import problems

sys.path.insert(0, str(Path(__file__).parent.parent))
from faults import Faults

FAULTS = (errno.ENOSPC, errno.EIO, errno.EACCES)
TRAIN = ("train", "t.csv", "--target", "inside", "--set", "training.epochs=2", "--set", "network.members=1", "-q")
COMMANDS = {
    "train": (*TRAIN, "--name", "new"),
    "report": ("report", "mine"),
    "export": ("export", "mine", "--onnx", "model.onnx"),
    "predict": ("predict", "mine", "t.csv", "--output", "predicted.csv"),
    "mistakes": ("mistakes", "mine"),
    "sound": ("sound", "mine", "--budget", "2s", "-q"),
    "search": ("search", *TRAIN[1:], "--trials", "2", "--set", "search.finalists=0"),
    "runs": ("runs", "--rebuild"),
}
"""What is asked for in the folder of a run called "mine"."""


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data and two runs."""
    folder = tmp_path_factory.mktemp("faults")
    random = np.random.default_rng(0)
    x = random.normal(size=(200, 2))
    rows = [f"{a:.5f},{b:.5f},{'yes' if a * b > 0 else 'no'}" for a, b in x]
    (folder / "t.csv").write_text("\n".join(["a,b,inside", *rows]), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert code_of((*TRAIN, "--name", "mine")) == code_of((*TRAIN, "--name", "other")) == 0
    return folder


def code_of(arguments: tuple[str, ...]) -> int:
    """The exit code of a command."""
    return leadline(list(arguments))


def content(folder: Path) -> dict[str, bytes]:
    """Every file of a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def fails_well(command: str, ready: Path, folder: Path, faults: Faults, said: Callable[[], str]) -> None:
    """One command with a fault, in a fresh copy of the folder; then without."""
    shutil.copytree(ready, folder)
    mine, other = (content(folder / "runs" / name) for name in ("mine", "other"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        faults.root = str(folder.resolve())
        with faults.injected():
            code = code_of(COMMANDS[command])
        text = said()
        where = f"{command}, {faults.failed}: {text[-600:]}"
        assert faults.failed, "the fault was never reached"
        assert "Internal error" not in text and "Traceback" not in text, where
        assert code in (0, 1), where
        assert code == 0 or text.strip(), where
        assert content(folder / "runs" / "other") == other, where
        assert problems(load_run("mine", folder / "runs").folder) == [], where
        kept = content(folder / "runs" / "mine")
        assert all(kept[name] == mine[name] for name in ("run.json", "checkpoint.safetensors") if command != "sound")
        after = COMMANDS[command]
        if command == "train" and (folder / "runs" / "new").exists():
            after = ("report", "new") if load_run("new", folder / "runs").status == "done" else ("resume", "new", "-q")
        assert code_of(after) == 0, f"{where}\nafterwards: {said()[-600:]}"
        assert not [path for path in (folder / "runs" / "mine").iterdir() if path.name.endswith(".partial")], where


def asked_by(command: str, ready: Path, folder: Path) -> list[str]:
    """What a command asks of the disk."""
    shutil.copytree(ready, folder)
    faults = Faults(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        with faults.injected():
            assert code_of(COMMANDS[command]) == 0
    return faults.asked


@pytest.mark.parametrize("command", COMMANDS)
def test_some_faults_of_each_command(
    command: str, ready: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    asked = asked_by(command, ready, tmp_path / "counted")
    assert len(asked) >= 4
    n = max(len(asked) * 9 // 10, 3)  # a budget of time may end a little earlier the next time
    chosen = np.random.default_rng(len(asked)).choice(n, 3, replace=False)
    for k in sorted(chosen.tolist()):
        faults = Faults(tmp_path, k, FAULTS[k % 3], times=1 if k % 2 else 10**9)
        fails_well(command, ready, tmp_path / str(k), faults, lambda: "".join(capfd.readouterr()))


@pytest.mark.verify
@pytest.mark.parametrize("command", COMMANDS)
def test_every_fault_of_each_command(
    command: str, ready: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for k in range(len(asked_by(command, ready, tmp_path / "counted")) * 9 // 10):
        for j, number in enumerate(FAULTS):
            faults = Faults(tmp_path, k, number, times=1 if (j + k) % 2 else 10**9)
            fails_well(command, ready, tmp_path / f"{k}-{number}", faults, lambda: "".join(capfd.readouterr()))
