"""Corrections of labels as a key of an experiment: a layer over the data, alike in every set."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from leadline.cli.main import run
from leadline.experiment import Experiment
from leadline.runs.run import load_run
from leadline.session.plan import make_plan

ROWS = 60


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a table whose rows 3 and 40 have the wrong label, and what was found of it."""
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    lines = ["size,weight,kind"]
    for i in range(ROWS):
        kind = ("small", "large")[i % 2]
        shown = {"small": "large", "large": "small"}[kind] if i in (3, 40) else kind
        lines.append(f"{random.normal(5 * (i % 2)):.4f},{random.normal(3 * (i % 2)):.4f},{shown}")
    (tmp_path / "things.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "fixed.csv").write_text("row,label,suggestion,verdict\n3,small,large,wrong\n40,large,small,wrong\n")
    return tmp_path


def experiment(corrections: str | None) -> Experiment:
    data = {"source": "things.csv", "target": "kind"} | ({"corrections": corrections} if corrections else {})
    return Experiment.from_dict({"data": data, "training": {"epochs": 5}})


def test_corrected_labels_change_nothing_but_themselves(here: Path) -> None:
    """T3.11: fixed in all sets alike, and each example stays in its set."""
    before, after = make_plan(experiment(None)), make_plan(experiment("fixed.csv"))
    assert np.flatnonzero(before.data.target != after.data.target).tolist() == [3, 40]
    assert before.split.hash() == after.split.hash()
    assert after.experiment.data.corrections == "fixed.csv"


def test_a_run_with_corrections_can_be_audited_and_opened(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """T3.11: later commands see the labels as the run saw them."""
    (here / "e.toml").write_text(experiment("fixed.csv").to_toml())
    assert run(["train", "e.toml", "--quiet", "--name", "fixed"]) == 0
    assert run(["diagnose", "fixed", "--open-test", "--json"]) == 0
    assert run(["labels", "fixed", "--json"]) == 0
    assert load_run("fixed").experiment.data.corrections == "fixed.csv"


def test_a_missing_file_is_one_line(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "e.toml").write_text(experiment("none.csv").to_toml())
    assert run(["train", "e.toml", "--quiet"]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert not (here / "runs").exists() or not [p for p in (here / "runs").iterdir() if p.is_dir()]
