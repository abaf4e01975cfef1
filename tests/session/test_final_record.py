"""A finished run's record is final: what is made from it may fail with a note, and changes nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from leadline import Dense, Network
from leadline.errors import LeadlineError, LeadlineWarning
from leadline.runs.run import load_run
from leadline.runs.verification import problems
from leadline.session.training import train


def trained(runs: Path, name: str = "r") -> Any:
    x = np.random.default_rng(0).normal(size=(80, 2))
    return train(Network([Dense(3, "tanh"), Dense(1)]), (x, x[:, 0] > 0), epochs=3, name=name, runs=runs)


@pytest.mark.parametrize(
    ("function", "command"),
    [
        ("write_metrics", "show"),
        ("write_mismatch", "mismatch"),
        ("write_run_report", "report"),
        ("RunIndex", "runs"),
    ],
)
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), LeadlineError("refused"), ValueError("odd")])
def test_what_is_made_from_a_run_may_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, function: str, command: str, error: Exception
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(f"leadline.session.recorder.{function}", fails)
    with pytest.warns(LeadlineWarning, match=f"The run itself is whole; see leadline {command}"):
        run = trained(tmp_path)
    assert run.status == "done" and run.errors["dev"].value is not None and run.diagnosis.conclusion
    assert problems(run.folder) == [] and load_run("r", tmp_path).trained_network()


def test_an_interruption_after_the_record_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("leadline.session.recorder.write_run_report", interrupted)
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path)
    assert load_run("r", tmp_path).status == "done"


def test_a_database_of_garbage_loses_no_run(tmp_path: Path) -> None:
    (tmp_path / "leadline.db").write_bytes(b"garbage" * 1000)
    with pytest.warns(LeadlineWarning, match="The list of runs could not be written"):
        run = trained(tmp_path)
    assert json.loads((run.folder / "run.json").read_text())["status"] == "done"


def test_changes_to_a_record_are_seen(tmp_path: Path) -> None:
    run = trained(tmp_path)
    assert problems(run.folder) == []
    content = run.checkpoint_path.read_bytes()
    run.checkpoint_path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    (run.folder / "split.npz").unlink()
    assert set(problems(run.folder)) == {"checkpoint.safetensors is not as the run left it", "split.npz is missing"}
    with pytest.raises(LeadlineError, match="its checksum is not that of its content"):
        load_run("r", tmp_path).trained_network()
