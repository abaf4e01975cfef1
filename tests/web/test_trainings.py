"""Trainings started from pages: one after the other, and what becomes of them."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from serving_runs import Served

from leadline.experiment import Experiment
from leadline.runs.store import RunStore
from leadline.web import trainings as module
from leadline.web.trainings import Trainings

# Stands in for `leadline train`: writes when it began and ended, or complains.
PROGRAM = """
import sys, time, json, pathlib
_, path, _, name, _, root, _ = sys.argv[1:]
if pathlib.Path(path).exists() and "missing" in pathlib.Path(path).read_text():
    sys.exit("leadline: missing.csv is not there.")
began = time.time()
time.sleep(0.3)
folder = pathlib.Path(root) / name
folder.mkdir(parents=True)
(folder / "run.json").write_text(json.dumps({"status": "done", "began": began, "ended": time.time()}))
"""


@pytest.fixture
def queue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Trainings:
    monkeypatch.setattr(module, "COMMAND", (sys.executable, "-c", PROGRAM))
    return Trainings(RunStore(tmp_path / "runs"))


def experiment(source: str = "digits") -> Experiment:
    return Experiment.from_dict({"data": {"source": source}})


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_one_after_the_other_under_names_of_their_own(queue: Trainings) -> None:
    asked = [queue.start(experiment(), "My Data") for _ in range(3)]
    names = [training.name for training in asked]
    assert len(set(names)) == 3 and all(name.startswith("my-data-2") for name in names)
    assert [t.state for t in queue.shown()][1:] == ["waiting", "waiting"]
    until(lambda: all(training.state == "done" for training in asked) and not queue.shown())
    times = [json.loads((queue.store.root / name / "run.json").read_text()) for name in names]
    assert all(first["ended"] <= second["began"] for first, second in pairwise(times))


def test_the_best_remedy_is_asked_for_by_the_name_of_the_run(queue: Trainings) -> None:
    asked = queue.start_next("sounded", "digits")
    assert asked.arguments[:2] == ("next", "sounded") and asked.name in asked.arguments
    until(lambda: (queue.store.root / asked.name).exists())


def test_a_failure_says_why_and_the_next_one_goes_on(queue: Trainings) -> None:
    failing, next_one = queue.start(experiment("missing.csv"), "a"), queue.start(experiment(), "b")
    until(lambda: (queue.store.root / next_one.name).exists())
    [left] = queue.shown()
    assert (left.name, left.state, left.error) == (failing.name, "failed", "missing.csv is not there.")
    queue.dismiss(failing.name)
    assert queue.shown() == []


def test_what_waits_can_be_dismissed_but_not_what_runs(queue: Trainings) -> None:
    first, second = queue.start(experiment(), "a"), queue.start(experiment(), "b")
    until(lambda: first.state == "running")
    queue.dismiss(first.name)
    queue.dismiss(second.name)
    queue.dismiss("no such name")
    assert [t.name for t in queue.shown()] == [first.name]
    until(lambda: first.state == "done")
    time.sleep(0.1)
    assert [path.name for path in queue.store.root.iterdir()] == [first.name]


def test_the_end_of_the_server_lets_the_running_one_go_on(queue: Trainings) -> None:
    first, second = queue.start(experiment(), "a"), queue.start(experiment(), "b")
    until(lambda: first.state == "running")
    assert queue.close() == ([first.name], [second.name])
    until(lambda: (queue.store.root / first.name).exists())
    time.sleep(0.5)
    assert not (queue.store.root / second.name).exists()


def test_pages_show_and_dismiss_them(own: Served) -> None:
    queue = own.server.site.trainings
    failing = queue.start(experiment("missing.csv"), "<b>bold</b>")
    until(lambda: failing.state == "failed")
    assert failing.name.startswith("b-bold-b-")
    text = own.get("/").text
    assert failing.name in text and "missing.csv" in text
    assert "missing.csv" in own.get(f"/trainings/{failing.name}").text
    assert own.post("/trainings/dismiss", {"name": failing.name}).status == 204
    assert failing.name not in own.get("/").text
    assert "will not be trained" in own.get(f"/trainings/{failing.name}").text


def test_remedies_without_a_change_or_a_place_are_not_there(own: Served) -> None:
    for place in ("99", "-1", "x"):
        for answer in (
            own.post(f"/runs/digits-b/remedies/{place}/start"),
            own.get(f"/runs/digits-b/remedies/{place}/experiment.toml"),
        ):
            assert answer.status in (400, 404)
    assert own.server.site.trainings.shown() == []


def test_tags_outlive_a_server_that_is_killed(own: Served) -> None:
    """Each change is on the disk when it is answered: a new server over the same folder knows it."""
    assert own.post("/runs/fruit/tags", {"tag": "kept"}).status == 200
    code = f"""
import os, sys, threading, time
from leadline.runs.tags import change_tag
from leadline.runs.folder import RunFolder
change_tag(RunFolder({str(own.root / "fruit")!r}), "of another program", kept=True)
os.kill(os.getpid(), 9)
"""
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == -9
    assert own.post("/runs/fruit/tags", {"tag": "after"}).status == 200
    text = own.get("/runs/fruit").text
    assert all(tag in text for tag in ("kept", "of another program", "after"))


def test_a_run_that_was_not_sounded_says_so(own: Served) -> None:
    answer = own.post("/runs/fruit/next")
    assert answer.status == 200
    [asked] = own.server.site.trainings.shown()
    until(lambda: asked.state == "failed")
    assert "fruit has not been sounded yet" in asked.error
