"""Predictions of any framework in a table: the ladder by classes, by values and by other metrics."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from leadline.cli.main import run as leadline
from leadline.errors import LeadlineError
from leadline.measure import proportion
from leadline.strategy import diagnose_rates
from leadline.strategy.predictions_table import diagnose_table, read_predictions


def table(classes=("cat", "dog"), train=(1000, 10), dev=(1000, 110)):
    """Sets with so many examples and so many mistakes."""
    columns: dict[str, list] = {"set": [], "label": [], "prediction": []}
    for name, (n, wrong) in {"train": train, "dev": dev}.items():
        labels = [classes[k % len(classes)] for k in range(n)]
        answers = [classes[(k + (k < wrong)) % len(classes)] for k in range(n)]
        columns["set"] += [name] * n
        columns["label"] += labels
        columns["prediction"] += answers
    return columns


def write_csv(path: Path, columns) -> Path:
    lines = [",".join(columns), *(",".join(map(str, row)) for row in zip(*columns.values(), strict=True))]
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize("classes", [("cat", "dog"), (3, 8)])
def test_classes_give_the_ladder_of_their_error_rates(classes, tmp_path):
    path = tmp_path / "p.parquet"
    pq.write_table(pa.table(table(classes)), path)
    found = diagnose_table(path)
    expected = diagnose_rates({"train": 0.01, "dev": 0.11}, {"train": 1000, "dev": 1000})
    assert found.ladder == expected.ladder and found.principal == ("variance",)
    assert diagnose_table(write_csv(tmp_path / "p.csv", table(classes))) == found


def test_values_give_the_ladder_of_their_rmse(tmp_path):
    rng = np.random.default_rng(0)
    y = rng.normal(10, 3, 1000)
    noise = np.where(np.arange(1000) < 500, 0.5, 2.0)
    columns = {"set": ["train"] * 500 + ["dev"] * 500, "label": y, "prediction": y + noise * rng.normal(size=1000)}
    found = diagnose_table(write_csv(tmp_path / "p.csv", columns), human=0.45)
    assert found.ladder.metric == "RMSE" and found.principal == ("variance",)
    dev = found.ladder.rungs[-1].error
    assert dev.value == pytest.approx(2.0, abs=0.2) and dev.n == 500
    assert found.ladder.rungs[0].error.value == 0.45
    assert diagnose_table(tmp_path / "p.csv", metric_name="mae").ladder.metric == "MAE"


def test_whole_numbers_are_values_where_the_metric_says_so(tmp_path):
    path = write_csv(tmp_path / "p.csv", table((3, 8)))
    assert diagnose_table(path, metric_name="rmse").ladder.metric == "RMSE"


def test_metrics_of_probabilities_read_their_columns(tmp_path):
    columns = table()
    p = np.where(np.array(columns["prediction"]) == "dog", 0.9, 0.1)
    path = write_csv(tmp_path / "p.csv", columns | {"probability_cat": 1 - p, "probability_dog": p})
    found = diagnose_table(path, metric_name="roc_auc")
    assert found.ladder.rungs[-1].error.value == pytest.approx(0.11, abs=0.005)
    assert diagnose_table(path, metric_name="log_loss").ladder.metric == "log loss"


def test_sets_may_be_written_as_in_files_or_as_in_the_ladder(tmp_path):
    columns = table()
    columns["set"][:500] = ["Train_Dev"] * 500
    assert [r.name for r in diagnose_table(write_csv(tmp_path / "p.csv", columns)).ladder.rungs][2] == "train-dev"


@pytest.mark.parametrize("classes", [("cat", "dog"), (3, 8)])
def test_the_human_level_comes_from_annotators_columns(classes, tmp_path):
    columns = table(classes)
    first = [classes[1 - classes.index(label)] if k < 6 else label for k, label in enumerate(columns["label"])]
    asked = [label if k < 600 else "" for k, label in enumerate(first)]
    path = write_csv(tmp_path / "p.csv", columns | {"annotator_Ann": asked})
    found = diagnose_table(path)
    human = found.ladder.rungs[0].error
    assert human.value == pytest.approx(0.01) and human.n == 600
    assert any(note.startswith("Human level: best annotator, Ann") for note in found.notes)
    assert diagnose_table(path, human=5.0).ladder.rungs[0].error.value == 0.05


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda c: c.pop("label"), "no column 'label'"),
        (lambda c: c.update(set=["trian"] * 2000), "unknown set 'trian'. Did you mean 'train'"),
        (lambda c: c["prediction"].__setitem__(4, ""), "1 rows have no prediction"),
        (lambda c: [c[k].clear() for k in c], "has no rows"),
    ],
)
def test_what_a_table_lacks_is_said(change, said, tmp_path):
    columns = table()
    change(columns)
    with pytest.raises(LeadlineError, match=said.replace("?", ".")):
        diagnose_table(write_csv(tmp_path / "p.csv", columns))


# --- the command --------------------------------------------------------------------------------------------


def test_diagnose_takes_a_table(tmp_path, capsys):
    path = write_csv(tmp_path / "p.csv", table())
    assert leadline(["diagnose", str(path), "--human", "0.5", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["principal"] == ["variance"]
    assert diagnose_table(path, 0.5, 400).ladder.rungs[0].error == proportion(2, 400)
    assert leadline(["diagnose", str(path)]) == 0
    assert "Variance is the gap to work on" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["none.csv"], 1, "no such file"),
        (["p.csv", "--dev", "3"], 2, "measured from the predictions"),
        (["p.csv", "--human", "300"], 2, "between 0 and 100"),
        (["p.csv", "--metric", "acuracy"], 2, "Did you mean 'accuracy'"),
        (["p.csv", "--metric", "rmse"], 1, "needs numbers"),
        (["p.csv", "--metric", "roc_auc"], 2, "no column 'probability_cat'"),
        (["broken.parquet"], 1, "cannot be read"),
        (["broken.csv"], 1, "broken.csv cannot be read"),
        (["p.csv", "--open-test"], 2, "--open-test is about a RUN"),
        (["--train", "1", "--metric", "f1"], 2, "--metric is about a table"),
    ],
)
def test_wrong_input_is_one_or_two_lines(options, code, said, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_csv(Path("p.csv"), table())
    Path("broken.parquet").write_bytes(b"PAR1 and then nothing")
    Path("broken.csv").write_bytes(b"\x00\xff\xfe\n\xff")
    assert leadline(["diagnose", *options]) == code
    streams = capsys.readouterr()
    assert said in streams.err and len(streams.err.splitlines()) <= 2 and not streams.out


def several_labels(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    sun = rng.integers(0, 2, 400)
    rain = 1 - sun
    columns = {
        "set": ["train"] * 200 + ["dev"] * 200,
        "camera": np.where(np.arange(400) % 2, "new", "old"),
        "label_sun": sun,
        "prediction_sun": np.where((np.arange(400) >= 200) & (np.arange(400) % 4 == 0), 1 - sun, sun),
        "label_rain": ["" if k == 399 else r for k, r in enumerate(rain)],
        "prediction_rain": rain,
    }
    return write_csv(tmp_path / "labels.csv", columns)


def test_several_labels_per_example_give_the_ladder_of_their_wrong_labels(tmp_path):
    found = diagnose_table(several_labels(tmp_path))
    dev = found.ladder.rungs[-1].error
    assert dev.value == pytest.approx(50 / 399) and dev.n == 200 and found.principal == ("variance",)
    assert diagnose_table(tmp_path / "labels.csv", metric_name="micro_f1").ladder.metric == "1 − micro F1"


def test_segments_of_several_labels(tmp_path, capsys):
    path = several_labels(tmp_path)
    assert leadline(["diagnose", str(path), "--segment", "camera", "--json"]) == 0
    dev = json.loads(capsys.readouterr().out)["metrics"]["dev"]
    assert dev["classes"]["sun"]["error"]["value"] == 0.25 and dev["classes"]["rain"]["error"]["value"] == 0
    assert dev["segments"]["camera"]["new"]["error"]["value"] == 0
    assert dev["segments"]["camera"]["old"]["error"]["value"] == 0.25
    assert leadline(["diagnose", str(path), "--segment", "camera"]) == 0
    assert "Camera" in capsys.readouterr().out
    assert leadline(["diagnose", str(path), "--segment", "camra"]) == 2


def test_several_values_are_a_regression(tmp_path):
    rng = np.random.default_rng(0)
    x = rng.normal(size=200)
    columns = {"set": ["dev"] * 200, "label_x": x, "prediction_x": x + 1, "label_y": x, "prediction_y": x - 1}
    found = diagnose_table(write_csv(tmp_path / "p.csv", columns))
    assert found.ladder.metric == "RMSE" and found.ladder.rungs[-1].error.value == pytest.approx(1)


def test_a_damaged_label_of_several_is_named(tmp_path):
    columns = {"set": ["dev"] * 2, "label_x": [1, 0], "prediction_x": [1, "maybe"]}
    with pytest.raises(LeadlineError, match="column 'prediction_x' must hold 0 and 1"):
        diagnose_table(write_csv(tmp_path / "p.csv", columns))
    with pytest.raises(LeadlineError, match="no column 'prediction_x'"):
        diagnose_table(write_csv(tmp_path / "p.csv", {"set": ["dev"], "label_x": [1]}))


def test_a_column_of_groups_widens_the_intervals(tmp_path):
    """Ten copies of each example, known by their group, leave the interval as it is without them; no group is alone."""
    rng = np.random.default_rng(0)
    label = rng.choice(["a", "b"], 80)
    answer = np.where(rng.random(80) < 0.2, "a", label)
    widths = []
    for copies in (1, 10):
        lines = [f"dev,{t},{p},{k}" for k, (t, p) in enumerate(zip(label, answer, strict=True)) for _ in range(copies)]
        path = tmp_path / f"{copies}.csv"
        path.write_text("set,label,prediction,group\n" + "\n".join(lines), encoding="utf-8")
        table = read_predictions(path)
        error = table.diagnose().ladder.reference.error
        assert table.breakdowns()["dev"].overall["error"].interval == error.interval
        widths.append(error.interval[1] - error.interval[0])
    assert widths[1] == pytest.approx(widths[0], rel=0.05)
