from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from leadline.errors import LeadlineError, LeadlineWarning
from leadline.runs.folder import RunFolder
from leadline.runs.index import RunIndex
from leadline.runs.store import RunStore

NOW = datetime(2026, 11, 20, 21, 30, 15)


def finished(store: RunStore, name: str, started: str = "2026-11-20T21:30:15", **summary: object) -> RunFolder:
    folder = store.begin("x", name)
    folder.write_json("run.json", {"started": started, "status": "done", **summary})
    return store.publish(folder)


def test_names_are_readable_and_never_collide(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    folders = [store.begin("California Housing", now=NOW) for _ in range(3)]
    names = [store.publish(folder).path.name for folder in folders]
    expected = "california-housing-20261120-213015"
    assert names == [expected, expected + "-2", expected + "-3"]


def test_nothing_is_seen_before_it_is_published(tmp_path: Path) -> None:
    store = RunStore(tmp_path / "runs")
    folder = store.begin("digits", now=NOW)
    folder.write_json("run.json", {})
    assert list(store.folders()) == []
    store.discard(folder)
    assert not store.root.exists()


def test_discard_leaves_other_runs(tmp_path: Path) -> None:
    store = RunStore(tmp_path / "runs")
    finished(store, "kept")
    store.discard(store.begin("digits"))
    assert [folder.path.name for folder in store.folders()] == ["kept"]


@pytest.mark.parametrize("name", ["../out", "a/b", "", ".hidden", "-x"])
def test_a_name_that_is_no_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(LeadlineError, match="cannot name a run"):
        RunStore(tmp_path).begin("x", name)


def test_a_taken_name(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    finished(store, "mine")
    with pytest.raises(LeadlineError, match="already a run 'mine'"):
        store.begin("x", "mine")


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LeadlineError, match="cannot be written"):
        RunStore(tmp_path / "file" / "runs").begin("x")


def test_find_by_name_beginning_path_and_last(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    finished(store, "alpha-1", "2026-01-02")
    finished(store, "alpha-12", "2026-01-03")
    finished(store, "beta-1", "2026-01-01")
    assert store.find("alpha-1").path.name == "alpha-1"
    assert store.find("b").path.name == "beta-1"
    assert store.find(str(tmp_path / "beta-1")).path.name == "beta-1"
    assert store.find("last").path.name == "alpha-12"
    with pytest.raises(LeadlineError, match="begins 2 runs: alpha-1, alpha-12"):
        store.find("alp")
    with pytest.raises(LeadlineError, match="Did you mean 'beta-1'"):
        store.find("beta-2")


def test_find_where_there_are_no_runs(tmp_path: Path) -> None:
    with pytest.raises(LeadlineError, match="There are no runs"):
        RunStore(tmp_path).find("last")


def test_history_survives_a_line_cut_short(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    assert folder.history() == []
    folder.append_epoch({"epoch": 1, "cost": 0.5})
    folder.append_epoch({"epoch": 2, "cost": float("inf")})
    with (tmp_path / "history.jsonl").open("a") as lines:
        lines.write('{"epoch": 3, "co')
    assert folder.history() == [{"epoch": 1, "cost": 0.5}, {"epoch": 2, "cost": None}]


def test_json_is_written_whole(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.write_json("a.json", {"x": 1})
    with pytest.raises(TypeError):
        folder.write_json("a.json", {"x": object()})
    assert folder.read_json("a.json") == {"x": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_damaged_and_missing_json(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(LeadlineError, match="cannot be read"):
        RunFolder(tmp_path).read_json("a.json")
    with pytest.raises(LeadlineError, match="is it a run's folder"):
        RunFolder(tmp_path).read_json("b.json")


def test_the_index_follows_the_folders(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    index = RunIndex(store)
    finished(store, "one", "2026-01-01", errors={"dev": {"value": 0.1, "low": 0.05, "high": 0.2, "n": 40}})
    two = finished(store, "two", "2026-01-02", status="running")
    assert [(row["name"], row["dev_error"], row["dev_n"]) for row in index.rows()] == [
        ("one", 0.1, 40),
        ("two", None, None),
    ]
    two.write_json("run.json", {"started": "2026-01-02", "status": "interrupted"})
    assert [row["status"] for row in index.rows()] == ["done", "interrupted"]
    store.discard(two)
    assert [row["name"] for row in index.rows()] == ["one"]


def test_the_index_is_rebuilt_from_the_folders(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    finished(store, "one")
    before = RunIndex(store).rows()
    (tmp_path / "leadline.db").unlink()
    assert RunIndex(store).rebuild() == 1
    assert RunIndex(store).rows() == before


def test_a_damaged_database_is_one_clear_line_and_the_folders_tell(tmp_path: Path) -> None:
    finished(RunStore(tmp_path), "one")
    before = RunIndex(RunStore(tmp_path)).rows()
    (tmp_path / "leadline.db").write_bytes(b"no database" * 100)
    with pytest.warns(LeadlineWarning, match="cannot be used"):
        assert RunIndex(RunStore(tmp_path)).rows() == before
    with pytest.raises(LeadlineError, match="cannot be used"):
        RunIndex(RunStore(tmp_path)).rows(rebuild=True)


@pytest.mark.parametrize("content", [b"", b"null", b"[]", b"{", b'{"name": "one"}', b"[" * 100_000, b"\xff"])
def test_one_damaged_run_is_listed_with_what_is_wrong(tmp_path: Path, content: bytes) -> None:
    for name in ("one", "two"):
        finished(RunStore(tmp_path), name)
    (tmp_path / "one" / "run.json").write_bytes(content)
    (tmp_path / "two" / "tags.jsonl").write_text('null\n{"tag": 3}\n[]\n', encoding="utf-8")
    rows = {row["name"]: row for row in RunIndex(RunStore(tmp_path)).rows()}
    assert rows["one"]["status"] == "damaged" and "run.json" in rows["one"]["problem"]
    assert rows["two"]["status"] == "done" and rows["two"]["problem"] is None


def test_listing_makes_no_folder(tmp_path: Path) -> None:
    assert RunIndex(RunStore(tmp_path / "runs")).rows() == []
    assert not (tmp_path / "runs").exists()
