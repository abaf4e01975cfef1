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
from leadline.measure import Estimate
from leadline.runs.store import RunStore
from leadline.web import trainings as module
from leadline.web.trainings import TrainingQueue

# Stands in for `leadline train`: writes when it began and ended, or complains.
PROGRAM = """
import sys, time, json, pathlib
_, path, _, name, _, root, _ = sys.argv[1:]
if pathlib.Path(path).exists() and "missing" in pathlib.Path(path).read_text():
    sys.exit("leadline: missing.csv is not there.")
began = time.time()
time.sleep(0.3)
folder = pathlib.Path(root) / name
folder.mkdir(parents=True, exist_ok=True)
(folder / "run.json").write_text(json.dumps({"status": "done", "began": began, "ended": time.time()}))
"""


@pytest.fixture(autouse=True)
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "COMMAND", (sys.executable, "-c", PROGRAM))


@pytest.fixture
def queue(tmp_path: Path) -> TrainingQueue:
    return TrainingQueue(RunStore(tmp_path / "runs"))


def experiment(source: str = "digits") -> Experiment:
    return Experiment.from_dict({"data": {"source": source}})


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_one_after_the_other_under_names_of_their_own(queue: TrainingQueue) -> None:
    asked = [queue.start(experiment(), "My Data") for _ in range(3)]
    names = [training.name for training in asked]
    assert len(set(names)) == 3 and all(name.startswith("my-data-2") for name in names)
    assert [t.state for t in queue.shown()][1:] == ["waiting", "waiting"]
    until(lambda: all(training.state == "done" for training in asked) and not queue.shown())
    times = [json.loads((queue.store.root / name / "run.json").read_text()) for name in names]
    assert all(first["ended"] <= second["began"] for first, second in pairwise(times))


def test_the_best_remedy_is_asked_for_by_the_name_of_the_run(queue: TrainingQueue) -> None:
    asked = queue.start_next("sounded", "digits")
    assert asked.arguments[:2] == ("next", "sounded") and asked.name in asked.arguments
    until(lambda: (queue.store.root / asked.name).exists())


def test_a_failure_says_why_and_the_next_one_goes_on(queue: TrainingQueue) -> None:
    failing, next_one = queue.start(experiment("missing.csv"), "a"), queue.start(experiment(), "b")
    until(lambda: (queue.store.root / next_one.name).exists())
    [left] = queue.shown()
    assert (left.name, left.state, left.error) == (failing.name, "failed", "missing.csv is not there.")
    queue.dismiss(failing.name)
    assert queue.shown() == []


def test_what_waits_can_be_dismissed_but_not_what_runs(queue: TrainingQueue) -> None:
    first, second = queue.start(experiment(), "a"), queue.start(experiment(), "b")
    until(lambda: first.state == "running")
    queue.dismiss(first.name)
    queue.dismiss(second.name)
    queue.dismiss("no such name")
    assert [t.name for t in queue.shown()] == [first.name]
    until(lambda: first.state == "done")
    time.sleep(0.1)
    assert [path.name for path in queue.store.root.iterdir()] == [first.name]


def test_the_end_of_the_server_lets_the_running_one_go_on(queue: TrainingQueue) -> None:
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


def prediction(held: bool) -> dict[str, object]:
    """The record that `leadline next` leaves."""
    numbers = {key: Estimate(value, 0.01, 0.03).to_json() for key, value in NUMBERS.items()}
    record = {"run": "fruit", "before": "digits-a", "sounding": "Dropout: keep_prob = 0.8", "changes": {}}
    return {**record, **numbers, "held": held, "comparison": ""}


NUMBERS = {"predicted": 0.02, "error_before": 0.04, "measured": 0.021}


@pytest.mark.parametrize("held", [True, False])
def test_what_was_predicted_stands_on_the_page(own: Served, held: bool) -> None:
    assert "Predicted before" not in own.get("/runs/fruit").text
    (own.root / "fruit" / "prediction.json").write_text(json.dumps(prediction(held)))
    text = own.get("/runs/fruit").text
    assert "Predicted before it was trained." in text and 'href="/runs/digits-a"' in text
    assert ("the prediction held" in text) == held and ("the prediction did not hold" in text) != held


def test_a_page_waits_for_the_comparison_of_its_own_program(own: Served) -> None:
    """The run is done a moment before `leadline next` has compared it."""
    queue = own.server.site.trainings
    assert own.post("/runs/digits-a/next").status == 200
    [asked] = queue.shown()
    assert asked.arguments[:2] == ("next", "digits-a")
    until(lambda: asked.state == "running")
    (own.root / "fruit").rename(own.root / asked.name)
    text = own.get(f"/runs/{asked.name}").text
    assert "Comparing with what was predicted" in text
    until(lambda: asked.state != "running")
    assert "Comparing" not in own.get(f"/runs/{asked.name}/prediction").text
