"""Seeds and folds beside a run: the run stays as it is, the group is recorded, shown and compared."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import leadline as ll
from leadline.cli.main import app
from leadline.errors import UsageError
from leadline.experiment import Experiment
from leadline.runs.repeated import load_evaluation
from leadline.session.comparing import compare_runs
from leadline.session.results import diagnose_again
from leadline.session.run_data import same_plan
from leadline.session.training import run_experiment


def write_table(folder: Path, m: int = 300) -> Path:
    random = np.random.default_rng(0)
    x = random.normal(size=(m, 2))
    kind = np.where(x[:, 0] * x[:, 1] + random.normal(0, 0.5, m) > 0, "same", "other")
    lines = [f"{a:.4f},{b:.4f},{c},{a + b:.4f}" for (a, b), c in zip(x, kind, strict=True)]
    path = folder / "table.csv"
    path.write_text("\n".join(["a,b,kind,sum", *lines]))
    return path


def experiment(folder: Path, target: str = "kind", members: int | None = None, **evaluation: Any) -> Experiment:
    outputs = {"type": "dense", "units": 1}
    network = {"layers": [{"type": "dense", "units": 8, "activation": "relu"}, outputs], "members": members}
    other = "sum" if target == "kind" else "kind"
    return Experiment.from_dict(
        {
            "data": {"source": str(write_table(folder)), "target": target, "exclude": [other]},
            "network": {key: value for key, value in network.items() if value is not None},
            "training": {"epochs": 12, "batch_size": 32, "seed": 4},
            "evaluation": evaluation,
        }
    )


def trained(folder: Path, *arguments: Any, name: str = "run", **options: Any) -> ll.Run:
    return run_experiment(experiment(folder, *arguments, **options), name=name, runs=folder / "runs", quick=True)


@pytest.mark.parametrize(("target", "members"), [("kind", None), ("sum", None), ("kind", 2)])
def test_seeds_leave_the_run_as_it_is_and_record_the_group(tmp_path: Path, target: str, members: int | None) -> None:
    alone = trained(tmp_path, target, members, name="alone")
    run = trained(tmp_path, target, members, name="seeds", seeds=3)
    for name, values in alone.parameters.items():
        assert np.array_equal(values, run.parameters[name])
    assert run.errors["dev"] == alone.errors["dev"]
    seeds = load_evaluation(run.folder).seeds
    assert seeds is not None and seeds.seeds == (4, 5, 6)
    assert seeds.errors["dev"][0] == run.errors["dev"].value
    assert len(set(seeds.errors["train"])) == 3
    mean = seeds.means["dev"]
    assert mean.value == pytest.approx(np.mean(seeds.errors["dev"])) and mean.n == run.set_sizes["dev"]
    other = run_experiment(
        experiment(tmp_path, target, members).replace({"training.seed": 5, "split.seed": 0}),
        runs=tmp_path / "runs",
        quick=True,
    )
    assert seeds.errors["dev"][1] == pytest.approx(other.errors["dev"].value, rel=1e-3)


def test_seeds_are_shown_in_ladder_json_and_report(tmp_path: Path) -> None:
    run = trained(tmp_path, seeds=3)
    level = next(each for each in run.diagnosis.ladder.levels if each.kind == "repeated")
    assert (level.name, level.over) == ("mean of 3 seeds", "examples and seeds")
    text = str(run.diagnosis)
    assert "over examples\n" in text and "over examples and seeds" in text and "Dev error with seeds 4, 5, 6" in text
    assert "over examples and seeds" in run.report_path.read_text(encoding="utf-8")
    shown = CliRunner().invoke(app, ["show", "run", "--runs", str(tmp_path / "runs"), "--json"])
    values = json.loads(shown.stdout)
    assert values["evaluation"]["seeds"]["means"]["dev"]["over"] == "examples and seeds"
    assert values["diagnosis"]["intervals_over"] == "examples"


def test_seeds_survive_a_new_diagnosis(tmp_path: Path) -> None:
    run = trained(tmp_path, seeds=2)
    before = [each.name for each in run.diagnosis.ladder.levels]
    diagnose_again(run, same_plan(run), run.errors, seconds=0)
    assert [each.name for each in run.diagnosis.ladder.levels] == before == ["mean of 2 seeds"]


def test_runs_with_seeds_are_compared_over_examples_and_seeds(tmp_path: Path) -> None:
    runs = [trained(tmp_path, name=name, seeds=count) for name, count in (("first", 3), ("second", 4))]
    alone = trained(tmp_path, name="alone")
    compared = compare_runs(runs)
    assert compared.over == "examples and seeds" and compared.comparisons[0].lead.value == pytest.approx(
        abs(np.subtract(*(load_evaluation(run.folder).seeds.means["dev"].value for run in runs)))  # type: ignore[union-attr]
    )
    assert "examples and seeds" in str(compared.comparisons[0])
    assert compare_runs([*runs, alone]).over == "examples"


@pytest.mark.parametrize(("target", "repeats"), [("kind", None), ("sum", 2)])
def test_folds_predict_every_row_of_train_and_dev_once(tmp_path: Path, target: str, repeats: int | None) -> None:
    given: dict[str, Any] = {} if repeats is None else {"repeats": repeats}
    run = trained(tmp_path, target, folds=4, **given)
    folds = load_evaluation(run.folder).folds
    assert folds is not None and len(folds.errors) == 4 * (repeats or 1)
    answers = run.answers("out-of-fold")
    expected = np.sort(np.concatenate([run.split["train"], run.split["dev"]]))
    assert np.array_equal(answers.rows, expected) and np.isfinite(answers.scores).all()
    if target == "kind":
        assert folds.mean.value == pytest.approx((answers.truth != answers.labels).mean())
        assert folds.mean.value < 0.45  # it learns, so predictions are in the rows' order
    else:
        assert run.has_predictions("out-of-fold-2") and folds.over == "examples and dealings"
        assert folds.mean.value < 0.9 * answers.truth.std()
    assert run.predicted_sets == ("train", "dev")
    assert "4-fold cross-validation" in str(run.diagnosis)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"evaluation.seeds": 1}, "evaluation.seeds: got 1, needs to be at least 2"),
        ({"evaluation.repeats": 2}, "evaluation: .*give folds as well"),
        ({"evaluation.folds": 5, "split.time": "b"}, "split.time puts the dev set after"),
        ({"evaluation.folds": 1000}, "1000 folds need 1000 rows"),
    ],
)
def test_what_cannot_be_is_said_before_training(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        run_experiment(experiment(tmp_path).replace(changes), runs=tmp_path / "runs")
    assert not list((tmp_path / "runs").glob("*/run.json"))


def test_a_seed_that_diverges_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from leadline.session import evaluation

    real = evaluation._predictions

    def one_diverges(plan: Any, fitted: Any, sets: Any) -> Any:
        monkeypatch.setattr(evaluation, "_predictions", real)
        return None

    monkeypatch.setattr(evaluation, "_predictions", one_diverges)
    with pytest.warns(ll.LeadlineWarning, match="these seeds diverged and are left out of the mean: 5"):
        run = trained(tmp_path, seeds=3)
    seeds = load_evaluation(run.folder).seeds
    assert seeds is not None and (seeds.seeds, seeds.diverged) == ((4, 6), (5,))
