"""Trainings that are started from a page: one after the other, each a program of its own that outlives the server."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path

from leadline.experiment import Experiment
from leadline.runs.store import RunStore

COMMAND = (sys.executable, "-c", "from leadline.cli import main; main()")


@dataclass
class QueuedTraining:
    """A training that was asked for: its run's name, and its state: waiting, running, done or failed (and why)."""

    name: str
    arguments: tuple[str, ...]
    log: Path
    state: str = "waiting"
    error: str = ""


class TrainingQueue:
    """The queue. Its methods may be called from any thread."""

    def __init__(self, store: RunStore) -> None:
        self.store = store
        self._folder = tempfile.TemporaryDirectory(prefix="leadline-", ignore_cleanup_errors=True)
        self._changed = threading.Condition()
        self._all: dict[str, QueuedTraining] = {}
        self._closed = False
        self._worker: threading.Thread | None = None

    def start(self, experiment: Experiment, stem: str) -> QueuedTraining:
        """Train by the experiment as soon as those before it are done; its run is named after ``stem``."""
        with self._changed:
            name = self.store.free_name(stem, self._all)
            path = Path(self._folder.name) / f"{name}.toml"
            path.write_text(experiment.to_toml(), encoding="utf-8")
            return self._ask(name, "train", str(path))

    def start_next(self, run: str, stem: str) -> QueuedTraining:
        """Train what was best in the soundings of a run, as `leadline next` does."""
        with self._changed:
            return self._ask(self.store.free_name(stem, self._all), "next", run)

    def _ask(self, name: str, command: str, subject: str) -> QueuedTraining:
        arguments = (command, subject, "--name", name, "--runs", str(self.store.root), "--quiet")
        training = self._all[name] = QueuedTraining(name, arguments, Path(self._folder.name) / f"{name}.log")
        if self._worker is None:
            self._worker = threading.Thread(target=self._work, daemon=True)
            self._worker.start()
        self._changed.notify_all()
        return training

    def dismiss(self, name: str) -> None:
        """Forget a training that failed, or one that has not begun."""
        with self._changed:
            if name in self._all and self._all[name].state in ("waiting", "failed"):
                del self._all[name]

    def shown(self) -> list[QueuedTraining]:
        """Those that are not among the runs as they should be: waiting, beginning, or failed."""
        with self._changed:
            return [t for t in self._all.values() if t.state != "done" and not (self.store.root / t.name).exists()]

    def compares(self, name: str) -> bool:
        """Whether a run's program still goes on, and will say whether a prediction held."""
        with self._changed:
            training = self._all.get(name)
            return training is not None and training.arguments[0] == "next" and training.state == "running"

    def close(self) -> tuple[list[str], list[str]]:
        """Begin no more; the names of those that go on by themselves, and of those that will not begin."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            by_state = [[t.name for t in self._all.values() if t.state == state] for state in ("running", "waiting")]
        return by_state[0], by_state[1]

    def _work(self) -> None:
        while (training := self._next()) is not None:
            error = self._train(training)
            with self._changed:
                training.state, training.error = ("failed", error) if error else ("done", "")

    def _next(self) -> QueuedTraining | None:
        with self._changed:
            while not self._closed:
                for training in self._all.values():
                    if training.state == "waiting":
                        training.state = "running"
                        return training
                self._changed.wait()
        return None

    def _train(self, training: QueuedTraining) -> str:
        """Run the program to its end; returns what it complained of."""
        with training.log.open("wb") as log:
            # A session of its own: Ctrl-C in the server's terminal is not meant for it.
            done = subprocess.run(
                [*COMMAND, *training.arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
            )
        if done.returncode == 0:
            return ""
        said = training.log.read_text(encoding="utf-8", errors="replace").strip().removeprefix("leadline: ")
        return said or f"It ended with code {done.returncode}."
