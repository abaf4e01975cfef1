"""Wrong labels of multi-label runs and regressions, from suspects to corrections and back, on the command line."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

import leadline as ll
from leadline.cli.main import run as leadline


def table(folder: Path, several: bool) -> tuple[Path, np.ndarray]:
    """A table with planted wrong labels, and their rows."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(600, 2))
    wrong = np.sort(rng.choice(600, 30, replace=False))
    if several:
        y = (x > 0).astype(int)
        y[wrong, 0] = 1 - y[wrong, 0]
        header = "a,b,sun,rain"
    else:
        y = (3 * x[:, :1] + 0.1 * rng.normal(size=(600, 1))).round(4)
        y[wrong, 0] += 8
        header = "a,b,price"
    path = folder / "t.csv"
    rows = (",".join([f"{p:.5f}", f"{q:.5f}", *map(str, z)]) for (p, q), z in zip(x, y.tolist(), strict=True))
    path.write_text("\n".join([header, *rows]))
    return path, wrong


@pytest.mark.parametrize("several", [True, False])
def test_suspects_are_reviewed_applied_and_taken_back(several, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path, wrong = table(tmp_path, several)
    data = {"source": str(path), "target": ["sun", "rain"] if several else "price"}
    changes = {"data": data, "training.epochs": 80, "split": {"train": 300, "dev": 200, "test": 100}}
    run = ll.train(experiment=ll.Experiment().replace(changes), runs="runs", name="a")
    before = run.errors["dev"].value
    assert leadline(["labels", "a", "--json", "--folds", "3"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert 20 <= found["n_suspects"] <= 45
    if not several:
        share = found["share"]
        assert share["error"]["value"] == pytest.approx(before) and share["worth_fixing"] == "yes"
        assert share["others"]["value"] < 0.5 * before and share["metric"] == "RMSE" and not found["confirmed"]
    assert np.isin([s["row"] for s in found["suspects"]], wrong).mean() > 0.8
    assert leadline(["labels", "a", "--folds", "3"]) == 0
    assert "Least credible labels" in capsys.readouterr().out
    assert leadline(["labels", "a", "--folds", "3", "--export", "q.csv", "--size", "80"]) == 0
    with Path("q.csv").open() as file:
        lines = list(csv.DictReader(file))
    for line in lines:
        line["verdict"] = "wrong" if int(line["row"]) in wrong and line["label"] != line["suggestion"] else "right"
    assert sum(line["verdict"] == "wrong" for line in lines) >= 15
    with Path("q.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, lines[0])
        writer.writeheader()
        writer.writerows(lines)
    assert leadline(["labels", "a", "--apply", "q.csv", "--corrections", "c.csv"]) == 0
    run.refresh()
    assert run.errors["dev"].value < before
    capsys.readouterr()
    if not several:
        assert leadline(["labels", "a", "--folds", "3", "--json"]) == 0
        share = json.loads(capsys.readouterr().out)
        assert share["confirmed"] and share["share"]["error"]["value"] == pytest.approx(before)
        assert share["share"]["others"]["value"] == pytest.approx(run.errors["dev"].value)
    assert leadline(["labels", "a", "--folds", "3", "--corrections", "c.csv", "--json"]) == 0
    again = ll.train(experiment=run.experiment.replace({"data.corrections": "c.csv"}), runs="runs", name="b")
    assert again.errors["dev"].value < before
    assert leadline(["labels", "a", "--undo"]) == 0
    run.refresh()
    assert run.errors["dev"].value == pytest.approx(before)
    Path("bad.csv").write_text("row,label,suggestion,verdict,correction\n3,x,y,wrong,z\n")
    capsys.readouterr()
    assert leadline(["labels", "a", "--apply", "bad.csv"]) == 1
    assert "Row 3" in capsys.readouterr().err
