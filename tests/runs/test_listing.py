"""The table of runs, page by page."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from leadline.errors import UsageError
from leadline.runs.folder import RunFolder
from leadline.runs.index import RunIndex
from leadline.runs.listing import Listing, RunQuery, list_runs
from leadline.runs.store import RunStore
from leadline.runs.tags import change_tag, load_tags


def make_run(root: Path, name: str, **facts: object) -> RunFolder:
    """A folder that holds no more than its summary."""
    folder = RunFolder(root / name)
    folder.path.mkdir(parents=True)
    errors = {"dev": {"value": facts.pop("dev", 0.1), "low": None, "high": None, "n": 100}}
    started = facts.pop("started", "2026-11-20T10:00:00+00:00")
    summary = {"status": "done", "task": "multiclass", "source": "digits", "started": started, "errors": errors}
    (folder / "run.json").write_text(json.dumps(summary | facts))
    return folder


@pytest.fixture
def index(tmp_path: Path) -> RunIndex:
    """Five runs: a to e, of two data sets."""
    for k, name in enumerate("abcde"):
        source = "digits" if k < 3 else "100%_fruit.csv"
        dev = {"dev": None} if name == "c" else {"dev": (k * 3 % 5) / 10}
        make_run(tmp_path, f"run-{name}", source=source, started=f"2026-11-20T10:0{k}:00+00:00", seconds=k, **dev)
    return RunIndex(RunStore(tmp_path))


def names(found: Listing) -> str:
    return "".join(row["name"][-1] for row in found.rows)


def test_newest_first_and_any_order_asked_for(index: RunIndex) -> None:
    assert names(list_runs(index, RunQuery())) == "edcba"
    assert names(list_runs(index, RunQuery(sort="name", descending=False))) == "abcde"
    best = list_runs(index, RunQuery(sort="dev_error", descending=False))
    assert names(best) == "aebdc"  # the one without an error last
    assert names(list_runs(index, RunQuery(sort="dev_error"))) == "dbeac"


def test_search_is_by_words_and_takes_signs_as_they_are(index: RunIndex) -> None:
    assert names(list_runs(index, RunQuery("RUN-A"))) == "a"
    assert names(list_runs(index, RunQuery("run fruit"))) == "ed"
    assert names(list_runs(index, RunQuery("100%_"))) == "ed"
    assert names(list_runs(index, RunQuery("%"))) == "ed" and names(list_runs(index, RunQuery("d_g"))) == ""
    assert names(list_runs(index, RunQuery("'; DROP TABLE runs; --"))) == ""
    assert list_runs(index, RunQuery()).total == 5


def test_filters_go_together(index: RunIndex) -> None:
    folder = RunFolder(index.store.root / "run-b")
    change_tag(folder, "to show", kept=True)
    index.add(folder)
    found = list_runs(index, RunQuery(source="digits", tag="to show", status="done"))
    assert names(found) == "b" and found.tags_of == {"run-b": ["to show"]}
    assert (found.sources, found.tags, found.statuses) == (["100%_fruit.csv", "digits"], ["to show"], ["done"])
    assert names(list_runs(index, RunQuery("show"))) == "b"
    assert list_runs(index, RunQuery(status="running")).rows == []


def test_pages_meet_and_end(index: RunIndex) -> None:
    pages = [names(list_runs(index, RunQuery(), offset, 2)) for offset in (0, 2, 4)]
    assert pages == ["ed", "cb", "a"]
    beyond = list_runs(index, RunQuery(), 1000, 2)
    assert names(beyond) == "a" and beyond.offset == 4 and beyond.total == 5
    assert list_runs(index, RunQuery(), -5, 2).offset == 0


def test_no_folder_no_runs(tmp_path: Path) -> None:
    assert list_runs(RunIndex(RunStore(tmp_path / "none")), RunQuery()).total == 0
    assert not (tmp_path / "none").exists()


def test_an_unknown_column_is_named(index: RunIndex) -> None:
    with pytest.raises(UsageError, match=r"sorted by 'dev_eror'.*dev_error"):
        list_runs(index, RunQuery(sort="dev_eror"))


def test_tags_are_added_and_taken_away_and_survive_a_rebuild(index: RunIndex) -> None:
    folder = RunFolder(index.store.root / "run-a")
    for tag, kept in (("b  b", True), ("a", True), ("a", True), ("c", True), ("c", False), ("never", False)):
        change_tag(folder, tag, kept)
    assert load_tags(folder) == ("a", "b b")
    with (folder / "tags.jsonl").open("a") as log:
        log.write('{"tag": "cut sho')
    assert load_tags(folder) == ("a", "b b")
    index.rebuild()
    assert list_runs(index, RunQuery(tag="b b")).tags_of == {"run-a": ["a", "b b"]}


def test_a_tag_after_a_line_cut_short_is_kept(index: RunIndex) -> None:
    folder = RunFolder(index.store.root / "run-a")
    (folder / "tags.jsonl").write_text('{"tag": "cut sho')
    change_tag(folder, "whole", kept=True)
    assert load_tags(folder) == ("whole",)


@pytest.mark.parametrize("tag", ["", "  ", "x" * 41, "a\x00b", "a\x1bb"])
def test_what_is_no_tag(index: RunIndex, tag: str) -> None:
    with pytest.raises(UsageError, match="A tag has 1 to 40 characters"):
        change_tag(RunFolder(index.store.root / "run-a"), tag, kept=True)
