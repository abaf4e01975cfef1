"""What a run's network uses, from the command to the report."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from leadline.cli.main import run as leadline
from leadline.errors import LeadlineError
from leadline.experiment import Experiment
from leadline.runs.folder import IMPORTANCE
from leadline.runs.run import Run, load_run
from leadline.session.importance import column_places, load_importance, measure_importance
from leadline.session.plan import make_plan
from leadline.session.training import run_experiment


def trained(folder: Path, target: str = "kind") -> Run:
    random = np.random.default_rng(0)
    lines = ["size,colour,noise,price,kind"]
    for _ in range(400):
        size, colour = random.normal(), random.choice(["red", "green", "blue"])
        price = size + 2 * (colour == "red") + 0.1 * random.normal()
        lines.append(f"{size:.4f},{colour},{random.normal():.4f},{price:.4f},{'big' if price > 0.6 else 'small'}")
    path = folder / "things.csv"
    path.write_text("\n".join(lines))
    keys = {
        "data.source": str(path),
        "data.target": target,
        "data.exclude": ["price" if target == "kind" else "kind"],
        "network.layers": [{"type": "dense", "units": 16, "activation": "relu"}, {"type": "dense", "units": 1}],
        "training.epochs": 60,
        "training.batch_size": 64,
        "training.learning_rate": 0.02,
    }
    return run_experiment(Experiment().replace(keys), runs=folder / "runs", quick=True, name=target)


@pytest.mark.parametrize("target", ["kind", "price"])
def test_the_columns_that_matter_come_first(tmp_path: Path, target: str) -> None:
    run = trained(tmp_path, target)
    found = measure_importance(run)
    names = [each.column for each in found.columns]
    assert set(names[:2]) == {"size", "colour"} and names[2] == "noise"
    assert not found.columns[0].useless and found.loss == ("log loss" if target == "kind" else "R²")
    assert found.columns[0].increase.value > 5 * abs(found.columns[2].increase.value)
    assert load_importance(run) == found


def test_places_are_those_of_the_prepared_inputs(tmp_path: Path) -> None:
    plan = make_plan(trained(tmp_path).experiment)
    places = column_places(plan.preparation)
    assert sum(map(len, places.values())) == plan.input_shape[0]
    names = plan.preparation.feature_names
    assert all(names[place].startswith("colour") for place in places["colour"]) and len(places["colour"]) >= 3


def test_the_command_and_the_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = trained(tmp_path)
    capsys.readouterr()
    assert leadline(["importance", run.name, "--runs", str(tmp_path / "runs"), "--most", "2"]) == 0
    told = capsys.readouterr().out
    assert "log loss" in told and "and 1 more" in told and "noise" in told
    page = load_run(run.folder.path).report_path.read_text()
    assert "What the network uses" in page and "colour" in page
    assert leadline(["importance", run.name, "--runs", str(tmp_path / "runs"), "--json"]) == 0
    run.folder.write_json(IMPORTANCE, {"columns": 1})
    with pytest.raises(LeadlineError, match=r"importance\.json is damaged"):
        load_importance(run)


def test_arrays_have_no_columns(tmp_path: Path) -> None:
    keys = {"data.source": "digits", "training.epochs": 1}
    run = run_experiment(Experiment().replace(keys), runs=tmp_path, quick=True)
    with pytest.raises(LeadlineError, match="of columns, and these examples are arrays"):
        measure_importance(run)
