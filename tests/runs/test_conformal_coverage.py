"""Sets and intervals of runs: what they stand on, what tables hold, and what is said of the test set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from leadline.cli.main import run as leadline
from leadline.errors import UsageError
from leadline.experiment import Experiment
from leadline.runs.coverage import promise, with_coverage
from leadline.runs.run import Run
from leadline.session.plan import make_plan
from leadline.session.test_set import open_test_set
from leadline.session.training import run_experiment

LAYERS = [{"type": "dense", "units": 8, "activation": "relu"}]


def trained(folder: Path, target: str, **keys: Any) -> Run:
    random = np.random.default_rng(0)
    lines = ["size,place,kind,price"]
    for _ in range(900):
        size, place = random.normal(), random.choice(["town", "land"])
        price = size + (3 if place == "land" else 0.3) * random.normal()
        kind = ("small", "middle", "big")[int(np.clip(size + random.normal() + 1.5, 0, 2.9))]
        lines.append(f"{size:.4f},{place},{kind},{price:.4f}")
    path = folder / "houses.csv"
    path.write_text("\n".join(lines))
    values = {
        "data.source": str(path),
        "data.target": target,
        "data.exclude": ["price" if target == "kind" else "kind"],
        "data.segments": ["place"],
        "network.layers": [*LAYERS, {"type": "dense", "units": 3 if target == "kind" else 1}],
        "training.epochs": 40,
        "training.batch_size": 64,
    }
    changed = {key.replace("__", "."): value for key, value in keys.items()}
    return run_experiment(Experiment().replace({**values, **changed}), runs=folder / "runs", quick=True)


def new_rows(run: Run) -> tuple[list[dict[str, Any]], np.ndarray]:
    """The rows of the test set, and their targets."""
    plan = make_plan(run.experiment)
    rows = plan.split.test
    return plan.data.rows(rows.tolist()), plan.data.target[rows]


def test_sets_of_classes(tmp_path: Path) -> None:
    run = trained(tmp_path, "kind")
    asked = promise(run, 0.9)
    assert asked.part == "dev" and asked.test is None and asked.rule.n == run.set_sizes["dev"]
    rows, labels = new_rows(run)
    table = with_coverage(run, rows, asked)
    sets = [text.split(" | ") for text in table["set"].to_pylist()]
    assert all(prediction in held for prediction, held in zip(table["prediction"].to_pylist(), sets, strict=True))
    assert 1 < np.mean([len(held) for held in sets]) < 3
    held = np.mean([run.classes[int(label)] in held for label, held in zip(labels, sets, strict=True)])
    assert 0.83 < held < 0.97
    opened = promise(open_test_set(run), 0.9)
    assert opened.test is not None and opened.test.value == pytest.approx(held)
    assert "On the test set it was held for" in str(opened)


def test_intervals_by_segment(tmp_path: Path) -> None:
    run = trained(tmp_path, "price")
    rows, values = new_rows(run)
    places = np.array([row["place"] for row in rows])
    asked = promise(run, 0.8, "place")
    table = with_coverage(run, rows, asked, places)
    low, high = (table[name].to_numpy() for name in ("low", "high"))
    widths = {place: float((high - low)[places == place].mean()) for place in ("town", "land")}
    assert widths["land"] > 3 * widths["town"]
    for place in ("town", "land"):
        inside = (low <= values[:, 0]) & (values[:, 0] <= high)
        assert 0.65 < inside[places == place].mean() < 0.95
    with pytest.raises(UsageError, match=r"'plac' is none of the run's segments\. Did you mean 'place'"):
        promise(run, 0.8, "plac")


def test_a_final_network_stands_on_what_its_members_left_out(tmp_path: Path) -> None:
    keys = {"training__final": "train+dev", "network__members": 4, "training__epochs": 5}
    run = trained(tmp_path, "kind", **keys)
    asked = promise(run, 0.9)
    assert asked.part == "left_out"
    assert asked.rule.n == run.set_sizes["train"] + run.set_sizes["dev"]
    rows, labels = new_rows(run)
    sets = with_coverage(run, rows, asked)["set"].to_pylist()
    held = np.mean([run.classes[int(label)] in text.split(" | ") for label, text in zip(labels, sets, strict=True)])
    assert 0.84 < held < 0.99


def test_another_distribution_is_said(tmp_path: Path) -> None:
    run = trained(tmp_path, "kind")
    path = tmp_path / "houses.csv"
    lines = path.read_text().splitlines()
    words = ("small", "middle", "big")
    moved = [lines[0]] + [
        ",".join([*line.split(",")[:2], words[i % 3], line.split(",")[3]]) for i, line in enumerate(lines[1:])
    ]
    (tmp_path / "other.csv").write_text("\n".join(moved[:200]))
    other = trained(tmp_path, "kind", data__test={"source": str(tmp_path / "other.csv")}, split__test=0)
    assert "seem to be of another distribution" in str(promise(open_test_set(other), 0.9))
    assert "another distribution" not in str(promise(open_test_set(run), 0.9))


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = trained(tmp_path, "price")
    (tmp_path / "new.csv").write_text("size,place\n1,town\n-1,land\n")
    words = ["predict", str(run.folder.path), str(tmp_path / "new.csv")]
    capsys.readouterr()
    assert leadline([*words, "--coverage", "0.9", "--coverage-by", "place"]) == 0
    told = capsys.readouterr()
    header, first, second = told.out.strip().splitlines()
    assert header.replace('"', "") == "prediction,low,high"
    low, high = (np.array([float(line.split(",")[k]) for line in (first, second)]) for k in (1, 2))
    assert (high - low)[1] > 3 * (high - low)[0]
    assert "The truth is held for 90 % of examples like the" in told.err
    for options, message in (
        (["--coverage", "1"], "coverage must be greater than 0 and less than 1 (only the set of all answers"),
        (["--coverage", "0"], "coverage must be greater than 0"),
        (["--coverage-by", "place"], "--coverage-by needs --coverage"),
        (["--coverage", "0.9", "--coverage-by", "kind"], "'kind' is none of the run's segments"),
    ):
        assert leadline([*words, *options]) == 2
        assert message in capsys.readouterr().err
