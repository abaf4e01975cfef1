"""A run's data are found again from any folder, after runs, project or data were moved."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from leadline.cli.main import run as leadline
from leadline.errors import LeadlineError, UsageError
from leadline.experiment import Experiment
from leadline.files import read_json
from leadline.runs.data_paths import named_places
from leadline.runs.run import load_run
from leadline.session.run_data import data_of, experiment_with_data, move_data

ROWS = "\n".join(["size,kind", *(f"{k % 7 + 10 * (k % 2)},{'ab'[k % 2]}" for k in range(60))]) + "\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a table beside the folder in which a run was trained."""
    (tmp_path / "project" / "work").mkdir(parents=True)
    (tmp_path / "project" / "tables").mkdir()
    (tmp_path / "project" / "tables" / "fruit.csv").write_text(ROWS)
    monkeypatch.chdir(tmp_path / "project" / "work")
    source = "../tables/fruit.csv"
    assert leadline(["train", source, "--target", "kind", "--epochs", "2", "--name", "first", "-q"]) == 0
    return tmp_path / "project"


def test_from_another_folder(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    run = load_run("work/runs/first")
    assert Path(run.experiment.data.source).resolve() == project / "tables" / "fruit.csv"
    assert data_of(run) is not None
    assert read_json(run.folder / "paths.json")["files"]["../tables/fruit.csv"] == {
        "path": str(project / "tables" / "fruit.csv"),
        "size": len(ROWS),
    }


def test_after_the_runs_were_moved(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.move(project / "work" / "runs", tmp_path / "kept")
    monkeypatch.chdir(tmp_path)
    assert data_of(load_run("first", "kept")) is not None


def test_after_the_whole_project_was_moved(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    project.rename(tmp_path / "elsewhere")
    assert data_of(load_run("elsewhere/work/runs/first")) is not None


def test_a_file_of_the_same_name_is_passed_over(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "other" / "work").mkdir(parents=True)
    (tmp_path / "other" / "tables").mkdir()
    (tmp_path / "other" / "tables" / "fruit.csv").write_text(ROWS + "3,a\n")
    monkeypatch.chdir(tmp_path / "other" / "work")
    assert data_of(load_run(project / "work" / "runs" / "first")) is not None


def test_moved_data_are_asked_for_and_remembered(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    moved = project / "moved.csv"
    (project / "tables" / "fruit.csv").rename(moved)
    assert leadline(["sound", "first", "--budget", "2s", "-q"]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert "The data of first are gone: ../tables/fruit.csv" in line
    assert line.endswith("--data PATH.")
    assert leadline(["report", "first", "--data", str(moved)]) == 0
    assert data_of(load_run("first")) is not None
    assert experiment_with_data(load_run("first")).data.source == str(moved)


def test_other_data_are_refused(project: Path) -> None:
    (project / "tables" / "fruit.csv").rename(project / "moved.csv")
    (project / "other.csv").write_text(ROWS.replace("b", "c"))
    run = load_run("first")
    with pytest.raises(LeadlineError, match="has changed since first was trained"):
        move_data(run, [str(project / "other.csv")])
    with pytest.raises(LeadlineError, match="there is no such file"):
        move_data(run, ["nowhere.csv"])
    assert data_of(run) is None


def test_one_of_several_sources_is_named(tmp_path: Path) -> None:
    experiment = Experiment.from_dict({"data": {"source": ["a.csv", {"source": "b.csv", "weight": 2.0}]}})
    (tmp_path / "new.csv").write_text(ROWS)
    new = str(tmp_path / "new.csv")
    assert named_places(experiment, [f"b.csv={new}"]) == {"b.csv": new}
    with pytest.raises(UsageError, match=r"say which one is meant: --data 'a.csv=PATH'"):
        named_places(experiment, [new])


def test_a_run_without_the_record_keeps_its_paths(project: Path) -> None:
    run = load_run("first")
    (run.folder / "paths.json").unlink()
    assert run.experiment.data.source == "../tables/fruit.csv"
    assert data_of(run) is not None
