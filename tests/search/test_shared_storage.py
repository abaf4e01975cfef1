from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import optuna
import postgresql
import pytest
from optuna.trial import TrialState
from search_samples import experiment

from leadline.errors import LeadlineError, UsageError
from leadline.experiment import Experiment
from leadline.search import search
from leadline.search.processes import processes_at_work
from leadline.search.storage import open_storage

TRIALS = 12
WORKER = """
import sys
from leadline.experiment import Experiment
from leadline.search import search
search(Experiment.from_toml(sys.argv[1]), name="shared", runs=sys.argv[2], storage=sys.argv[3], heartbeat=2)
"""


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    folder = postgresql.programs()
    if folder is None:
        pytest.skip("PostgreSQL is not installed: neither postgres on the path nor /usr/lib/postgresql/*/bin")
    with postgresql.server(folder) as url:
        yield url


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A search of small networks that takes long enough to be killed."""
    random = np.random.default_rng(0)
    x = random.normal(size=(300, 4))
    rows = [f"{','.join(f'{v:.4f}' for v in row)},{'yes' if row[0] * row[1] > 0 else 'no'}" for row in x]
    (tmp_path / "points.csv").write_text("\n".join(["a,b,c,d,label", *rows]) + "\n", encoding="utf-8")
    wanted = experiment(trials=TRIALS, pruning=False, finalists=0).replace(
        {"data": {"source": "points.csv", "target": "label"}, "training.epochs": 40}
    )
    path = tmp_path / "points.toml"
    path.write_text(wanted.to_toml(), encoding="utf-8")
    return path


def start(file: Path, runs: Path, url: str) -> subprocess.Popen[str]:
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    arguments = [sys.executable, "-c", WORKER, str(file), str(runs), url]
    return subprocess.Popen(arguments, env=environment, stderr=subprocess.PIPE, text=True)


def trials(url: str) -> list[optuna.trial.FrozenTrial]:
    try:
        return optuna.load_study(study_name="shared", storage=open_storage(url)).get_trials(deepcopy=False)
    except KeyError:
        return []


def killed_while_running(worker: subprocess.Popen[str], url: str) -> list[optuna.trial.FrozenTrial]:
    """Wait until some trials run, kill the worker, and return the trials that it was training."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        assert worker.poll() is None, worker.stderr.read() if worker.stderr else ""
        if sum(trial.state == TrialState.RUNNING and len(trial.params) > 1 for trial in trials(url)) >= 3:
            break
        time.sleep(0.05)
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    return [trial for trial in trials(url) if trial.state == TrialState.RUNNING]


@pytest.mark.needs_postgresql
def test_a_killed_worker_loses_only_its_running_trials(database: str, file: Path, tmp_path: Path) -> None:
    worker = start(file, tmp_path / "first", database)
    try:
        lost = killed_while_running(worker, database)
    finally:
        worker.kill()
    assert lost
    shared = search(Experiment.from_toml(file), name="shared", runs=tmp_path, storage=database, heartbeat=2)
    found = trials(database)
    done = [trial for trial in found if trial.state == TrialState.COMPLETE]
    assert len(done) == TRIALS
    assert not [trial for trial in found if trial.state in (TrialState.RUNNING, TrialState.WAITING)]
    again = {trial.system_attrs.get("failed_trial") for trial in done}
    assert {trial.number for trial in lost} <= again, "what the dead worker was training was given out again"
    alone = search(Experiment.from_toml(file), name="alone", runs=tmp_path)
    wanted = {tuple(trial.values.items()): trial.dev_error for trial in alone.trials}
    got = {tuple(trial.values.items()): trial.dev_error for trial in shared.trials}
    assert got.keys() == wanted.keys(), "the same trials as by one process in memory"
    assert got == pytest.approx(wanted)
    assert shared.best is not None
    assert alone.best is not None
    assert shared.best["values"] == pytest.approx(alone.best["values"])


@pytest.mark.needs_postgresql
def test_a_search_started_again_goes_on(database: str, file: Path, tmp_path: Path) -> None:
    wanted = Experiment.from_toml(file).replace({"training.epochs": 2})
    first = search(wanted.replace({"search.trials": 3}), name="again", runs=tmp_path / "a", storage=database)
    second = search(wanted.replace({"search.trials": 6}), name="again", runs=tmp_path / "b", storage=database)
    assert [t.dev_error for t in second.trials[:3]] == [t.dev_error for t in first.trials]
    assert len(second.trials) == 6
    with pytest.raises(LeadlineError, match="'again' is there already, with another sampler"):
        search(wanted.replace({"search.sampler": "tpe"}), name="again", runs=tmp_path / "c", storage=database)


def test_processes_of_one_machine_share_a_file(file: Path, tmp_path: Path) -> None:
    wanted = Experiment.from_toml(file).replace({"training.epochs": 3})
    both = search(wanted, name="both", runs=tmp_path, workers=2)
    alone = search(wanted, name="alone", runs=tmp_path)
    assert {tuple(t.values.items()): t.dev_error for t in both.trials} == pytest.approx(
        {tuple(t.values.items()): t.dev_error for t in alone.trials}
    )


def _work_for_ever() -> None:
    Path("alive").write_text(str(os.getpid()))
    while True:
        time.sleep(0.05)


def _begin_work(folder: Path) -> None:
    os.chdir(folder)
    with processes_at_work(_work_for_ever, 1):
        time.sleep(600)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_workers_end_with_the_process_that_began_them(number: signal.Signals, tmp_path: Path) -> None:
    first = multiprocessing.get_context("spawn").Process(target=_begin_work, args=(tmp_path,))
    first.start()
    assert first.pid is not None
    _until((tmp_path / "alive").exists)
    _until(lambda: (tmp_path / "alive").read_text() != "")
    worker = int((tmp_path / "alive").read_text())
    os.kill(first.pid, number)
    first.join(20)
    _until(lambda: not _lives(worker))


def _until(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _lives(pid: int) -> bool:
    """Whether the process computes still; one that has ended and nobody has asked about is dead, too."""
    try:
        return ") Z" not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


@pytest.mark.parametrize(
    ("url", "kind", "message"),
    [
        ("here.db", UsageError, "here.db: is no database URL; write sqlite:///FILE or postgresql://USER@HOST/NAME"),
        ("postgresql://me:secret@127.0.0.1:1/x", LeadlineError, "127.0.0.1:1/x cannot be used: .*refused"),
        ("sqlite:////no/such/folder/x.db", LeadlineError, "cannot be used: unable to open database file"),
    ],
)
def test_a_storage_that_cannot_be_used(url: str, kind: type[LeadlineError], message: str) -> None:
    with pytest.raises(kind, match=message) as error:
        open_storage(url)
    assert "secret" not in str(error.value)
    assert "\n" not in str(error.value)


def test_a_missing_driver_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(LeadlineError, match=r"pip install 'leadline\[postgresql\]'"):
        open_storage("postgresql://me@127.0.0.1/x")
