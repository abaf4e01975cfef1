"""Runs of earlier versions, kept as they were written then, are read, listed, predicted with and reported."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from leadline.runs.index import RunIndex
from leadline.runs.run import load_run
from leadline.runs.store import RunStore
from leadline.runs.verification import problems
from leadline.session.results import renew_report

VERSIONS = sorted((Path(__file__).parent.parent / "data_of_versions").iterdir())


@pytest.fixture(params=VERSIONS, ids=lambda path: path.name)
def kept(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(request.param, tmp_path / "kept")
    monkeypatch.chdir(tmp_path / "kept")
    return tmp_path / "kept"


def test_they_are_listed(kept: Path) -> None:
    rows = {row["name"]: row for row in RunIndex(RunStore(kept / "runs")).rows()}
    assert {(row["task"], row["status"], row["epochs"]) for row in rows.values()} == {
        ("binary", "done", 5),
        ("regression", "done", 5),
    }


@pytest.mark.parametrize("name", ["binary", "regression"])
def test_they_predict_as_they_did_and_are_reported(kept: Path, name: str) -> None:
    run = load_run(name, kept / "runs")
    table = run.predictions("dev").to_pydict()
    again = list(run.trained_network().predict(str(kept / "t.csv")))
    for row, then in zip(table["row"], table["prediction"], strict=True):
        assert again[row] == (then if name == "binary" else pytest.approx(then, rel=1e-5))
    assert len(run.history) == 5 and run.diagnosis.conclusion and run.metrics
    assert problems(run.folder) == []
    assert renew_report(run).stat().st_size > 10_000
