"""``leadline open`` as a program, and ``leadline stop``."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from leadline.cli.main import run
from leadline.experiment import Experiment
from leadline.session.training import run_experiment

COMMAND = (sys.executable, "-c", "from leadline.cli import main; main()")


@contextmanager
def opened(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The running program, and the address that it printed."""
    command = [*COMMAND, "open", "--no-browser", "--json", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = iter(process.stdout.readline, "}\n")
        yield process, json.loads("".join(lines) + "}")["url"]


def status(url: str) -> int:
    parts = urlsplit(url)
    assert parts.hostname == "127.0.0.1"
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=20)
    connection.request("GET", f"{parts.path}?{parts.query}")
    return connection.getresponse().status


def test_open_serves_until_it_is_interrupted(tmp_path: Path) -> None:
    with opened("--runs", str(tmp_path)) as (process, url):
        assert status(url) == 200 and status(url.partition("?")[0]) == 403
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (0, "", "")
    assert list(tmp_path.iterdir()) == []  # looking leaves nothing behind


def test_a_taken_port_and_an_unknown_run_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert run(["open", "--no-browser", "--port", port, "--runs", str(tmp_path)]) == 1
    assert f"Port {port} cannot be used: Address already in use." in capsys.readouterr().err
    assert run(["open", "nothing", "--no-browser", "--runs", str(tmp_path)]) == 1
    assert "There are no runs" in capsys.readouterr().err
    assert run(["open", "--port", "70000"]) == 2


def test_open_does_without_torch_until_it_serves() -> None:
    code = (
        "import sys; from leadline.cli.main import run; code = run(['open', '--help']); "
        "assert not {'torch', 'fastapi'} & set(sys.modules); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, env=os.environ)
    assert (done.returncode, done.stderr) == (0, "")


class Stops:
    """Stops its own run from outside during the third epoch."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.codes: list[int] = []

    def planned(self, plan: Any) -> None: ...

    def evaluating(self, text: str) -> None: ...

    def step(self, step: int, steps: int, cost: float) -> None: ...

    def epoch(self, epoch: Any) -> None:
        if epoch["epoch"] == 3:
            self.codes.append(run(["stop", "last", "--runs", str(self.folder)]))
            self.codes.append(run(["rate", "last", "0.25", "--json", "--runs", str(self.folder)]))
            self.codes.append(run(["stop", "last", "--json", "--runs", str(self.folder)]))


def test_stop_ends_a_training_and_keeps_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    experiment = Experiment.from_dict({"data": {"source": "digits"}, "training": {"epochs": 50}})
    listener = Stops(tmp_path)
    trained = run_experiment(experiment, runs=tmp_path, listener=listener)
    text, *answers = capsys.readouterr().out.split("{", 1)
    assert listener.codes == [0, 0, 0] and "keeps what it has reached" in text
    changed, stopping = (json.loads(each) for each in ("{" + answers[0]).replace("}\n{", "}\0{").split("\0"))
    assert changed == {"run": trained.name, "learning_rate": 0.25, "scheduled": False}
    assert stopping == {"run": trained.name, "stopping": True}
    assert (trained.status, trained.summary.stopped, trained.summary.epochs) == ("done", "request", 3)
    assert trained.diagnosis.conclusion and (trained.folder / "report.html").exists()
    assert not (trained.folder / "stop").exists()
    assert run(["stop", "last", "--runs", str(tmp_path)]) == 1
    assert "is not training any more (it is done)" in capsys.readouterr().err
    assert not (trained.folder / "stop").exists()
    assert run(["show", "last", "--runs", str(tmp_path)]) == 0
    assert "stopped on request" in capsys.readouterr().out
