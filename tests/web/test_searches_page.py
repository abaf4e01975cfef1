"""The pages of searches: the list, figures, importance and trials; live while one goes on; what attackers send."""

from __future__ import annotations

import os
import re
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from serving_runs import Served, look, serving

from browser import needs_browser
from leadline.search.records import SearchFolder, TrialRecord

EVIL = "<script>alert(1)</script>"
SPACE = {
    "training.learning_rate": {"log": [1e-4, 0.1], "tier": 1},
    "network.hidden_layers": {"integer": [1, 3], "tier": 3},
    "training.schedule": {"choice": ["constant", EVIL], "tier": 3},
}


def trial(number: int, error: float | None, state: str = "complete") -> TrialRecord:
    values = {
        "training.learning_rate": 10 ** (-4 + 3 * ((number * 7) % 10) / 10),
        "network.hidden_layers": 1 + number % 3,
        "training.schedule": ("constant", EVIL)[number % 2],
    }
    return TrialRecord(number, state, values, error, error, 20, 12, 1.5)


def write(root: Path, name: str = "found", trials: int = 12, status: str = "done", **more: Any) -> SearchFolder:
    folder = SearchFolder(root, name)
    records = [trial(k, 0.02 + 0.01 * ((5 * k) % trials)) for k in range(trials)]
    best = {"number": 0, "values": dict(records[0].values), "dev_error": 0.02, "errors": [0.03, 0.025], "mean": 0.0275}
    best |= {"low": 0.01, "high": 0.045}
    summary: dict[str, Any] = {"name": name, "status": status, "started": "2026-11-21T01:00:00", "seconds": 18.0}
    summary |= {"settings": {"trials": 20, "sampler": "random"}, "space": SPACE, "task": "multiclass"}
    summary |= {"metric": "accuracy", "source": EVIL, "counts": {"complete": trials}, "experiment": ""}
    if status == "done":
        shares = zip(SPACE, (0.7, 0.2, 0.1), strict=True)
        summary |= {"best": best, "finalists": [best], "edges": [f"Look beyond {EVIL}"], "notes": []}
        summary["importance"] = [{"key": key, "importance": share, "tier": 1} for key, share in shares]
    folder.write("experiment.toml", "")
    folder.write_summary(summary | more)
    folder.write_trials(records)
    return folder


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A finished search, one that goes on, and one with many trials."""
    root = tmp_path_factory.mktemp("searched")
    write(root)
    write(root, "going", 5, "running")
    write(root, "large", 230)
    with serving(root) as found:
        yield found


def numbers(text: str) -> list[int]:
    table = text.partition('id="trials"')[2]
    return [int(n) for n in re.findall(r'<tr(?: class=best)?><td class="number right-aligned">(\d+)</td>', table)]


def test_the_list_names_every_search(searched: Served) -> None:
    text = searched.get("/searches").text
    assert [name for name in ("found", "going", "large") if f'href="/searches/{name}"' in text] == [
        "found",
        "going",
        "large",
    ]
    assert "5 of 20" in text and 'aria-current="page">Searches' in text


def test_a_folder_without_searches(served: Served) -> None:
    assert "leadline search digits" in served.get("/searches").text
    assert served.get("/searches/none").status == 404


def test_a_finished_search_says_what_mattered(searched: Served) -> None:
    text = searched.get("/searches/found").text
    assert text.count('class="plot') == 2 + len(SPACE)
    for heading in (
        "All trials",
        "Error by hyper-parameter",
        "Hyper-parameter importance",
        "Finalists, retrained with other seeds",
    ):
        assert heading in text
    assert text.index("learning rate</th>") < text.index("hidden layers</th>")
    assert "1 to 4.5" in text and ">2.75<" in text


def test_a_search_that_goes_on_shows_what_there_is(searched: Served) -> None:
    text = searched.get("/searches/going").text
    assert "5 of 20" in text and "worked out when the search is done" in text and "least dev error" in text


def test_trials_are_sorted_and_paged(searched: Served) -> None:
    by_error = numbers(searched.get("/searches/found").text)
    errors = {k + 1: 0.02 + 0.01 * ((5 * k) % 12) for k in range(12)}
    assert by_error == sorted(errors, key=errors.__getitem__)
    assert numbers(searched.get("/searches/found?sort=number&order=down").text) == list(range(12, 0, -1))
    layers = numbers(searched.get("/searches/found?sort=network.hidden_layers").text)
    assert [(n - 1) % 3 for n in layers] == sorted((n - 1) % 3 for n in layers)
    pages = [numbers(searched.get(f"/searches/large?sort=number&start={start}").text) for start in (0, 100, 200)]
    assert [n for page in pages for n in page] == list(range(1, 231))


@pytest.mark.parametrize("query", ["start=-5", "start=99999999999", "sort=__class__", "sort=%3Cscript%3E", "order=x"])
def test_strange_questions_are_answered_calmly(searched: Served, query: str) -> None:
    assert searched.get(f"/searches/large?{query}").status == 200


@pytest.mark.parametrize("name", ["..", "%2e%2e", "..%2ffound", "found%2f..", ".", "%00", "FOUND", "last", "a" * 3000])
def test_no_path_from_the_client_reaches_the_file_system(searched: Served, name: str) -> None:
    for path in (f"/searches/{name}", f"/searches/{name}/events"):
        assert searched.get(path).status == 404


def test_nothing_from_a_search_becomes_markup(searched: Served) -> None:
    for path in ("/searches", "/searches/found", "/searches/going"):
        assert EVIL not in searched.get(path).text
    assert "Look beyond &lt;script&gt;" in searched.get("/searches/found").text


def test_no_trial_yet(tmp_path: Path) -> None:
    write(tmp_path, trials=1, status="running").write("trials.jsonl", "")
    with serving(tmp_path) as served:
        text = served.get("/searches/found").text
        assert "No trial has ended yet" in text and "when two trials have ended" in text


@pytest.mark.needs_browser
@needs_browser[1]
def test_trials_appear_while_the_page_is_open(browser: Any, searched: Served, tmp_path: Path) -> None:
    shutil.copytree(searched.root, tmp_path / "runs")
    folder = SearchFolder(tmp_path / "runs", "going")
    with serving(tmp_path / "runs") as served:
        seen = look(browser, served, "/searches/going")
        assert seen.drawn() == 2 + len(SPACE) and seen.page.locator(".trials tbody tr").count() == 5
        writer = threading.Timer(0.5, lambda: folder.append([trial(5, 0.001)]))
        writer.start()
        seen.page.wait_for_selector(".trials tbody tr:nth-child(6)", timeout=15_000)
        writer.join()
        assert "0.1" in seen.page.inner_text(".trials tr.best")
        end = time.monotonic() + 10
        while seen.drawn() != 2 + len(SPACE) and time.monotonic() < end:
            seen.page.wait_for_timeout(100)
        assert seen.drawn() == 2 + len(SPACE)
        seen.page.click("text=epochs")
        seen.page.wait_for_selector("th[aria-sort=ascending]:has-text('epochs')")
        assert seen.overflow() <= 0 and seen.complaints == [] and seen.requests == []
        seen.page.context.close()


def test_a_killed_search_does_not_look_alive_for_ever(tmp_path: Path) -> None:
    folder = write(tmp_path, "killed", 5, "running")
    with serving(tmp_path) as served:
        assert 'class="state running"' in served.get("/searches").text
        then = time.time() - 4 * 3600
        for name in ("search.json", "trials.jsonl"):
            os.utime(folder / name, (then, then))
        text = served.get("/searches").text
    assert "silent for 4\u202fh" in text and 'class="state running"' not in text
