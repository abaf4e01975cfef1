"""Predictions of other programs become runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_wine
from sklearn.ensemble import RandomForestClassifier

import leadline as ll
from leadline.cli.main import run as leadline
from leadline.review.mistakes import find_mistakes
from leadline.session.comparing import choose_run, compare_runs
from leadline.session.run_data import data_of


def of_a_forest(depth: int = 2) -> pd.DataFrame:
    """Wines with their features and a random forest's predictions."""
    wines: Any = load_wine(as_frame=True)
    features, label = wines.data, wines.target
    rows = np.random.default_rng(0).permutation(len(features))
    forest = RandomForestClassifier(20, max_depth=depth, random_state=0).fit(
        features.iloc[rows[:100]], label[rows[:100]]
    )
    table = features.copy()
    table["set"] = "dev"
    table.loc[rows[:100], "set"] = "train"
    table["label"], table["prediction"] = label, forest.predict(features)
    for k, name in enumerate(forest.classes_):
        table[f"probability_{name}"] = forest.predict_proba(features)[:, k]
    return table


def test_a_forest_becomes_a_run(tmp_path: Path) -> None:
    table = of_a_forest()
    run = ll.import_predictions(table, name="rf", runs=tmp_path)
    dev = table[table["set"] == "dev"]
    wrong = (dev["label"] != dev["prediction"]).to_numpy()
    assert run.status == "done" and run.is_imported
    assert run.errors["dev"].value == pytest.approx(wrong.mean()) and run.errors["dev"].n == len(dev)
    answers = run.answers("dev")
    assert np.array_equal(answers.truth != answers.labels, wrong)
    assert np.allclose(answers.scores, dev[["probability_0", "probability_1", "probability_2"]])
    assert find_mistakes(run).wrong.sum() == wrong.sum()
    data = data_of(run)
    assert data is not None and [feature.name for feature in data.features][:2] == ["alcohol", "malic_acid"]
    assert run.report_path.exists()


def test_runs_of_other_programs_are_compared_and_chosen(tmp_path: Path) -> None:
    runs = [ll.import_predictions(of_a_forest(depth), name=f"d{depth}", runs=tmp_path) for depth in (1, 4)]
    assert len(compare_runs(runs).scores) == 2
    assert choose_run(runs).winner is not None


def test_without_probabilities_nothing_is_said_of_them(tmp_path: Path) -> None:
    table = of_a_forest()[["set", "label", "prediction"]]
    run = ll.import_predictions(table, name="bare", runs=tmp_path)
    assert any("Probabilities were not given" in notice for notice in run.notices)
    metrics = json.loads((run.folder / "metrics.json").read_text())
    assert "log_loss" not in json.dumps(metrics) and data_of(run) is None


def test_values_are_imported(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=60)
    columns = {"set": ["train"] * 40 + ["dev"] * 20, "label": x, "prediction": x + 0.5, "size": x * 2}
    run = ll.import_predictions(columns, name="line", runs=tmp_path)
    assert run.errors["dev"].value == pytest.approx(0.5) and run.task == "regression"


def test_what_takes_a_network_says_that_there_is_none(tmp_path: Path) -> None:
    run = ll.import_predictions(of_a_forest(), name="rf", runs=tmp_path)
    for asked in (lambda: run.trained_network(), lambda: run.final_network(), lambda: ll.sound(run, 5)):
        with pytest.raises(ll.LeadlineError, match="rf was imported: it has predictions of another program"):
            asked()


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"set": ["dev"], "label": ["a"]}, "no column 'prediction'"),
        ({"set": ["dev"] * 2, "label_a": [0, 1], "prediction_a": [0, 1]}, "several labels for each example"),
    ],
)
def test_what_cannot_be_imported_leaves_nothing(tmp_path: Path, columns: dict[str, Any], message: str) -> None:
    with pytest.raises(ll.LeadlineError, match=message):
        ll.import_predictions(columns, runs=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    of_a_forest().to_csv("forest.csv", index=False)
    assert leadline(["import", "forest.csv", "--name", "rf"]) == 0
    out = capsys.readouterr().out
    assert "Run:      rf" in out and "Conclusion:" in out
    assert leadline(["diagnose", "rf"]) == 0
    assert "cannot be made" not in capsys.readouterr().err
    assert leadline(["predict", "rf", "forest.csv"]) == 1
    assert "rf was imported" in capsys.readouterr().err
