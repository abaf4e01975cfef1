"""A training that was killed goes on, and ends with the same θ, bit for bit."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from leadline import Dense, Network
from leadline.data import read
from leadline.errors import LeadlineError, LeadlineWarning
from leadline.experiment import Experiment
from leadline.runs.life import status_of
from leadline.runs.run import Run, load_run
from leadline.runs.store import RunStore
from leadline.runs.verification import problems
from leadline.session import keeping
from leadline.session.recorder import Recorder
from leadline.session.resume import conclude, resume, train_or_resume
from leadline.session.training import run_experiment, train

sys.path.insert(0, str(Path(__file__).parent.parent))
from kills import killed_until_done, train_or_go_on


def table(path: Path, n: int = 300) -> Path:
    random = np.random.default_rng(0)
    x = random.normal(size=(n, 3))
    y = (x[:, 0] * x[:, 1] > 0).astype(int)
    lines = [f"{a:.5f},{b:.5f},{c:.5f},{'yes' if k else 'no'}" for (a, b, c), k in zip(x, y, strict=True)]
    path.write_text("a,b,c,inside\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return path


def dense(folder: Path, **training: Any) -> dict[str, Any]:
    layers = [
        {"type": "dense", "units": 16, "activation": "relu"},
        {"type": "batch_norm"},
        {"type": "dropout", "keep_prob": 0.8},
        {"type": "dense", "units": 1},
    ]
    return {
        "data": {"source": str(table(folder / "t.csv")), "target": "inside"},
        "network": {"layers": layers},
        "training": {"epochs": 40, "batch_size": 16, "learning_rate": 0.01, "schedule": "cosine", **training},
    }


def same(first: Run, second: Run) -> bool:
    """Whether two runs have the same parameters and statistics, bit for bit."""
    one, other = (load_file(run.folder / "checkpoint.safetensors") for run in (first, second))
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


class KilledError(BaseException):
    """Ends a training as SIGKILL does: nothing is written any more."""


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "FIRST", 0.0)
    monkeypatch.setattr(keeping, "SHARE", 10.0)


@pytest.fixture
def killed(tmp_path: Path, often: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """A run that was killed in its ninth epoch."""
    experiment = Experiment.from_dict(dense(tmp_path))
    kept = keeping.StateKeeper.between_steps

    def kill(self: keeping.StateKeeper) -> None:
        kept(self)
        if self.trainer.epoch == 8 and getattr(self.trainer, "progress", None) is None:
            raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(keeping.StateKeeper, "between_steps", kill)
        patch.setattr(Recorder, "fail", lambda self, error: self.folder.release(ended=False))
        with pytest.raises(KilledError):
            run_experiment(experiment, name="killed", runs=tmp_path / "runs")
    yield load_run("killed", tmp_path / "runs")


def ensemble(folder: Path, **training: Any) -> dict[str, Any]:
    """Of the kind that is trained on a table where nothing else is asked for."""
    network = {"layers": dense(folder)["network"]["layers"], "members": 4}
    return dense(folder, optimizer="adamw", dropout_schedule="cosine", **training) | {"network": network}


@pytest.mark.parametrize(("kind", "epochs", "most"), [(dense, 400, 12), (ensemble, 250, 8)])
def test_twenty_kills_change_no_bit(
    kind: Callable[..., dict[str, Any]], epochs: int, most: int, tmp_path: Path
) -> None:
    experiment = kind(tmp_path, epochs=epochs, early_stopping={"patience": epochs})
    whole = run_experiment(Experiment.from_dict(experiment), name="whole", runs=tmp_path / "runs")
    store = RunStore(tmp_path / "runs")

    def done() -> bool:
        return (folder := store.folder("k")) is not None and Run(folder).status == "done"

    kills = killed_until_done(train_or_go_on, (experiment, "k", tmp_path / "runs"), done, most, 0.25, seed=0)
    assert kills >= most * 3 // 4
    found = load_run("k", tmp_path / "runs")
    assert same(whole, found) and len(found.history) == len(whole.history) and found.status == "done"
    assert found.summary.errors == whole.summary.errors and problems(found.folder) == []
    assert not list(found.folder.path.glob("state-*")) and not list(found.folder.path.glob(".*"))


def test_a_killed_run_can_be_looked_at_predicted_with_and_measured(killed: Run, tmp_path: Path) -> None:
    assert (
        killed.status == "interrupted" and json.loads((killed.folder / "run.json").read_text())["status"] == "running"
    )
    assert len(killed.history) == 8
    assert set(killed.trained_network().predict(str(tmp_path / "t.csv"))) <= {"yes", "no"}
    with pytest.raises(LeadlineError, match="leadline resume killed"):
        _ = killed.diagnosis
    conclude(killed)
    assert (killed.folder / "report.html").exists()
    again = load_run("killed", tmp_path / "runs")
    assert again.status == "interrupted" and again.diagnosis.ladder and again.summary.epochs == 8
    whole = run_experiment(killed.experiment, name="whole", runs=tmp_path / "runs")
    assert same(resume(again), whole) and load_run("killed", tmp_path / "runs").status == "done"


def test_a_damaged_state_is_not_used_but_the_one_before_it(killed: Run, tmp_path: Path) -> None:
    paths = sorted(killed.folder.path.glob("state-*"), key=lambda path: path.stat().st_mtime_ns)
    assert len(paths) == 2
    content = bytearray(paths[1].read_bytes())
    content[-3] ^= 1
    paths[1].write_bytes(content)
    with pytest.warns(LeadlineWarning, match="checksum is not that of its content. The state before it"):
        found = resume(killed)
    assert same(found, run_experiment(killed.experiment, name="whole", runs=tmp_path / "runs"))


def test_without_any_state_it_begins_again(killed: Run, tmp_path: Path) -> None:
    keeping.remove_states(killed.folder)
    found = resume(killed)
    assert len(found.history) == 40
    assert same(found, run_experiment(killed.experiment, name="whole", runs=tmp_path / "runs"))


def test_what_cannot_go_on_says_so(killed: Run, tmp_path: Path) -> None:
    done = run_experiment(killed.experiment, name="done", runs=tmp_path / "runs")
    with pytest.raises(LeadlineError, match="done is done: there is nothing to go on with"):
        resume(done)
    killed.folder.claim()
    assert status_of(killed.folder.path, "running") == "running"
    with pytest.raises(LeadlineError, match="killed is running"):
        resume(load_run("killed", tmp_path / "runs"))
    killed.folder.release(ended=False)
    table(tmp_path / "t.csv", n=301)
    with pytest.raises(LeadlineError, match="has changed since killed was trained on it"):
        resume(killed)
    assert load_run("killed", tmp_path / "runs").status == "interrupted"


def test_the_same_command_goes_on(killed: Run, tmp_path: Path) -> None:
    experiment, runs = Experiment.from_dict(dense(tmp_path)), tmp_path / "runs"
    found = train_or_resume(experiment, runs=runs)
    assert found.name == "killed" and found.status == "done"
    assert train_or_resume(experiment, name="killed", runs=runs).name == "killed"
    with pytest.raises(LeadlineError, match="is of another experiment"):
        train_or_resume(experiment.replace({"training.seed": 5}), name="killed", runs=runs)
    assert train_or_resume(experiment, runs=runs).name != "killed"


def test_data_from_python_are_given_again(tmp_path: Path, often: None) -> None:
    x, y = np.random.default_rng(1).normal(size=(80, 2)), np.arange(80) % 2

    class Stop(Exception):
        pass

    network, data = Network([Dense(4, "tanh"), Dense(1)]), read(x, y)
    whole = train(network, data, epochs=12, batch_size=8, name="whole", runs=tmp_path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keeping.StateKeeper, "keep", _kept_until(6, keeping.StateKeeper.keep))
        with pytest.raises(LeadlineError, match="No space left"):
            train(network, data, epochs=12, batch_size=8, name="full", runs=tmp_path)
    failed = load_run("full", tmp_path)
    assert failed.status == "failed" and failed.parameters
    with pytest.raises(LeadlineError, match="came from Python"):
        resume(failed)
    assert same(resume(failed, data), whole)


def _kept_until(epoch: int, keep: Any) -> Any:
    def full(self: keeping.StateKeeper) -> None:
        if self.trainer.epoch >= epoch:
            raise LeadlineError("state-1.safetensors cannot be written: No space left on device.")
        keep(self)

    return full


def test_states_cost_little() -> None:
    """However long a state takes to keep, at most 1 % of the time goes into it after the first."""
    clock, now, spent = keeping.CheckpointClock(0.0), 0.0, []
    while now < 20_000:
        now += 1.0
        if clock.is_due(now, best=True):
            spent.append(now)
            clock.kept(now, now + 0.5)
            now += 0.5
    assert spent[0] == 5.0 and 0.5 * len(spent) <= 0.01 * now + 0.5 and len(spent) > 300
    quick = keeping.CheckpointClock(0.0, last=100.0, spent=0.001, cost=0.0001)
    assert not quick.is_due(102.0, best=False) and quick.is_due(102.0, best=True) and quick.is_due(105.0, best=False)
