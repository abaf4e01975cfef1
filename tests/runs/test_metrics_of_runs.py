"""Metrics by class and by segment of runs: written at the end, and again whenever labels or sets change."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

import leadline as ll
from leadline.cli.main import run as leadline
from leadline.measure import evaluate
from leadline.runs.metrics import measure_run
from leadline.runs.predictions import read_answers
from leadline.session.segments import measure_segments


def fruit(folder: Path) -> Path:
    rng = np.random.default_rng(0)
    kind, district = rng.integers(0, 2, 600), rng.choice(["North", "South"], 600, p=[0.3, 0.7])
    weight = 100 + 40 * kind + rng.normal(0, np.where(district == "North", 50, 9), 600)
    rows = zip(weight.round(1), district, rng.choice(["A", "B"], 600), np.array(["apple", "pear"])[kind], strict=True)
    lines = ["weight,district,annotator,kind", *(",".join(map(str, row)) for row in rows)]
    (folder / "fruit.csv").write_text("\n".join(lines) + "\n")
    return folder / "fruit.csv"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> ll.Run:
    folder = tmp_path_factory.mktemp("fruit")
    changes = {
        "data": {"source": str(fruit(folder)), "target": "kind", "segments": ["district"], "exclude": ["annotator"]},
        "training.epochs": 20,
        "split": {"train": 200, "dev": 300, "test": 100},
    }
    return ll.train(experiment=ll.Experiment().replace(changes), runs=folder / "runs", name="a")


def test_predictions_and_metrics_know_the_segments(run: ll.Run) -> None:
    answers = read_answers(run.folder / "predictions" / "dev.parquet", "binary", ("apple", "pear"))
    assert set(answers.segments) == {"district"}
    table = pq.read_table(run.folder / "predictions" / "dev.parquet")
    assert table.column_names[-1] == "district" and table["district"].to_pylist()[:5] == list(
        answers.segments["district"][:5]
    )
    dev = run.metrics["dev"]
    for name in ("North", "South"):
        inside = answers.segments["district"] == name
        expected = evaluate("error", answers.truth[inside], answers.labels[inside])
        assert dev.segments["district"][name]["error"] == expected
    assert dev.segments["district"]["North"]["error"].value > dev.segments["district"]["South"]["error"].value
    assert list(dev.classes) == ["apple", "pear"] and "roc_auc" in dev.overall
    assert "roc_auc" not in run.metrics["train"].overall


def test_a_run_without_the_file_is_measured_now(run: ll.Run) -> None:
    path = run.folder / "metrics.json"
    text = path.read_text()
    path.unlink()
    assert run.metrics == measure_run(run)
    path.write_text(text)
    assert run.metrics["dev"] == measure_run(run)["dev"]


def test_any_column_of_the_data_may_be_a_segment(run: ll.Run) -> None:
    found = measure_segments(run, ["annotator", "district"])["dev"].segments
    assert list(found["annotator"]) == ["A", "B"]
    assert found["district"] == run.metrics["dev"].segments["district"]


def test_show_and_diagnose_print_them(run: ll.Run, capsys: pytest.CaptureFixture[str]) -> None:
    runs = ["--runs", str(run.folder.path.parent)]
    assert leadline(["show", "a", *runs]) == 0
    shown = capsys.readouterr().out
    assert "District" in shown and "North" in shown and "recall" in shown
    assert leadline(["diagnose", "a", "--segment", "annotator", "--json", *runs]) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found["metrics"]["dev"]["segments"]) == {"annotator"} and found["principal"] is not None
    assert leadline(["diagnose", "a", "--segment", "anotator", *runs]) == 2
    assert "Did you mean 'annotator'" in capsys.readouterr().err


def test_an_opened_test_set_is_measured_too(run: ll.Run) -> None:
    from leadline.session.test_set import open_test_set

    assert set(run.metrics) == {"train", "dev"}
    open_test_set(run)
    assert set(run.metrics) == {"train", "dev", "test"} and set(run.metrics["test"].segments) == {"district"}


def test_a_segment_named_like_a_column_keeps_apart(tmp_path: Path) -> None:
    from leadline.runs.predictions import predictions_table

    table = predictions_table(
        "binary", ("no", "yes"), np.eye(2), np.array([0, 1]), np.arange(2), segments={"label": np.array(["x", "y"])}
    )
    pq.write_table(table, tmp_path / "p.parquet")
    assert list(read_answers(tmp_path / "p.parquet", "binary", ("no", "yes")).segments["segment_label"]) == ["x", "y"]
