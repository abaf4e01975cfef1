"""The table of runs and runs side by side, as the server answers them."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from serving_runs import Served, serving

from leadline.experiment import Experiment
from leadline.session.training import run_experiment

MANY = 2_000


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Two thousand runs that hold no more than their summary."""
    root = tmp_path_factory.mktemp("many")
    for k in range(MANY):
        folder = root / f"run-{k:04d}"
        folder.mkdir()
        errors = {
            part: {"value": (k * 7 % MANY) / MANY, "low": 0.0, "high": 1.0, "n": 100} for part in ("train", "dev")
        }
        summary = {"status": "done", "task": "multiclass", "source": f"data-{k % 5}.csv", "seconds": k, "epochs": 10}
        started = f"2026-11-{1 + k // 100:02d}T{k % 100 // 10:02d}:{k % 10:02d}:00+00:00"
        (folder / "run.json").write_text(json.dumps(summary | {"started": started, "errors": errors}))
    with serving(root) as found:
        assert found.get("/").status == 200  # enters them all
        yield found


def listed(text: str) -> list[str]:
    return re.findall(r'<tr data-run="([^"]*)"', text)


@pytest.mark.parametrize("query", ["", "?q=run-19&data=data-4.csv", "?sort=dev_error&order=down&start=1950"])
def test_two_thousand_runs_answer_in_a_fifth_of_a_second(many: Served, query: str) -> None:
    seconds = []
    for _ in range(7):
        started = time.perf_counter()
        text = many.get(f"/{query}").text
        seconds.append(time.perf_counter() - started)
        assert 0 < len(listed(text)) <= 50
    assert min(seconds) < 0.2  # the quickest: other tests may run beside this one


def test_pages_go_through_all_runs_once(many: Served) -> None:
    seen: list[str] = []
    path: str | None = "/?sort=name&order=up"
    while path is not None:
        text = many.get(path, **{"HX-Target": "listing", "HX-Request": "true"}).text
        assert "<html" not in text
        seen += listed(text)
        links = re.findall(r'<a class="button" href="([^"]*)"[^>]*>After<', text)
        path = links[0].replace("&amp;", "&") if links else None
    assert seen == [f"run-{k:04d}" for k in range(MANY)]


def test_an_address_says_what_is_shown(many: Served) -> None:
    text = many.get("/?data=data-3.csv&sort=dev_error").text
    best = [k for k in range(MANY) if k % 5 == 3]
    best.sort(key=lambda k: ((k * 7 % MANY), k))
    assert listed(text)[:3] == [f"run-{k:04d}" for k in best[:3]]
    assert "1 to 50 of 400" in text and 'value="data-3.csv" selected' in text
    assert 'aria-sort="ascending"><a href="/?data=data-3.csv&amp;sort=dev_error&amp;order=down"' in text


@pytest.mark.parametrize("query", ["sort=nothing", "start=x", "sort=name%27%3B--"])
def test_a_wrong_address_is_one_line(served: Served, query: str) -> None:
    answer = served.get(f"/?{query}", **{"HX-Request": "true"})
    assert answer.status == 400 and len(answer.text.splitlines()) == 1
    assert "Traceback" not in answer.text


def test_what_comes_from_data_is_escaped(own: Served) -> None:
    hostile = "<script>alert(1)</script>"
    summary = json.loads((own.root / "fruit" / "run.json").read_text())
    (own.root / "fruit" / "run.json").write_text(json.dumps(summary | {"source": hostile, "conclusion": hostile}))
    own.server.site.index.rebuild()
    assert own.post("/tags", {"run": ["fruit", "houses"], "tag": '"><img src=x onerror=alert(2)>'}).status == 204
    for path in ("/", "/runs/fruit", "/compare?run=fruit&run=houses", f"/?q={hostile}", "/?tag=%22%3E%3Cimg"):
        text = own.get(path).text
        assert hostile not in text and "<img src=x" not in text
    assert "&lt;img src=x onerror=alert(2)&gt;" in own.get("/").text


def test_reading_changes_nothing(own: Served) -> None:
    """Every address that is read, also as the ones that change would be written."""
    own.get("/")  # enters the runs
    before = {path: path.stat().st_mtime_ns for path in own.root.rglob("*") if "leadline.db" not in path.name}
    paths = ["/", "/runs/fruit", "/runs/fruit/curves?beta=0.9", "/compare?run=fruit&run=houses", "/gallery"]
    paths += ["/runs/fruit/remedies/0/experiment.toml", "/trainings/x"]
    for path in paths:
        assert own.get(path).status in (200, 404)
    changing = ("/tags?run=fruit&tag=x", "/runs/fruit/tags?tag=x", "/runs/fruit/stop", "/runs/fruit/rate?rate=1")
    for path in (*changing, "/runs/fruit/remedies/0/start", "/trainings/dismiss?name=x"):
        assert own.get(path).status in (404, 405) or path.startswith("/trainings/")
    after = {path: path.stat().st_mtime_ns for path in own.root.rglob("*") if "leadline.db" not in path.name}
    assert after == before
    assert own.server.site.trainings.shown() == []


def test_runs_side_by_side_say_which_is_better(served: Served) -> None:
    text = served.get("/compare?run=digits-b&run=digits-a").text
    assert "digits-a is better than digits-b by" in text
    assert text.index('href="/runs/digits-a"') < text.index('href="/runs/digits-b"')
    assert "<code>training.learning_rate</code>" in text and ">0.0005<" in text
    assert text.count('class="ladder"') == 2
    scales = re.findall(r'<li class="axis".*?</li>', text, re.DOTALL)
    assert scales[0] == scales[1]


def test_runs_on_other_data_are_shown_without_a_test(served: Served) -> None:
    text = served.get("/compare?run=digits-a&run=houses").text
    assert "they cannot be compared" in text and text.count('class="ladder"') == 2
    assert 'id="overlay-1"' not in text  # an RMSE and a share of mistakes have no axis in common


def test_one_run_is_no_comparison(served: Served) -> None:
    for query in ("", "?run=fruit", "?run=fruit&run=fruit", "?" + "&".join(f"run=r{k}" for k in range(13))):
        answer = served.get(f"/compare{query}")
        assert answer.status == 400 and "Select two to 12 runs" in answer.text
    assert served.get("/compare?run=fruit&run=..%2Ffruit").status == 404


@pytest.mark.parametrize("status", ["failed", "interrupted", "running"])
@pytest.mark.parametrize("history", [True, False])
def test_a_run_that_was_never_measured_has_a_page(own: Served, status: str, history: bool) -> None:
    folder = own.root / "fruit"
    summary = json.loads((folder / "run.json").read_text())
    unmeasured = {"status": status, "errors": {}, "best_epoch": None, "epochs": None, "conclusion": None}
    (folder / "run.json").write_text(json.dumps(summary | unmeasured))
    for name in ("diagnosis.json", "metrics.json", "checkpoint.safetensors", *(() if history else ("history.jsonl",))):
        (folder / name).unlink()
    answer = own.get("/runs/fruit")
    assert answer.status == 200 and (f"This run is {status}" in answer.text) == (status != "running")
    assert ('id="curve-1"' in answer.text) == history
    assert own.get("/compare?run=fruit&run=digits-a").status == 200
    own.server.site.index.rebuild()
    assert own.get("/").status == 200


def test_a_run_with_several_labels_has_a_page(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=(120, 3))
    table = ["a,b,c,left,right"] + [f"{a:.3f},{b:.3f},{c:.3f},{int(a > 0)},{int(b > 0)}" for a, b, c in x]
    (tmp_path / "two.csv").write_text("\n".join(table))
    source = {"source": str(tmp_path / "two.csv"), "target": ["left", "right"], "task": "multilabel"}
    run_experiment(
        Experiment.from_dict({"data": source, "training": {"epochs": 3}}), name="two", runs=tmp_path / "runs"
    )
    with serving(tmp_path / "runs") as served:
        text = served.get("/runs/two").text
        assert 'class="ladder"' in text and 'id="confusion"' not in text
        assert "two" in listed(served.get("/").text)


def test_a_killed_training_does_not_look_alive_for_ever(own: Served) -> None:
    folder = own.root / "fruit"
    summary = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps(summary | {"status": "running"}))
    (own.root / "leadline.db").unlink(missing_ok=True)  # the index believes what it has once seen ended
    row = re.search(r'<tr data-run="fruit">.*?</tr>', own.get("/").text, re.S)
    assert row and 'class="state running"' in row[0]
    then = time.time() - 3 * 3600
    for name in ("run.json", "history.jsonl"):
        os.utime(folder / name, (then, then))
    row = re.search(r'<tr data-run="fruit">.*?</tr>', own.get("/").text, re.S)
    assert row and 'class="state interrupted"' in row[0] and 'class="state running"' not in row[0]
    assert own.get("/runs/fruit").status == 200
