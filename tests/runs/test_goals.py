"""``[goal]`` costs and seconds_per_example: in metrics, ladder, report, choice among runs, and predictions tables."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import leadline as ll
from leadline.cli.main import run as leadline
from leadline.measure import as_error, cost_metric, evaluate
from leadline.measure.metrics import error_unit
from leadline.runs.predictions import read_answers
from leadline.search import PreparedExperiment, train_variants
from leadline.session.test_set import open_test_set

CLASSES = ("healthy", "ill")
PRICES = np.array([[0.0, 1.0], [10.0, 0.0]])
COSTS = [{"actual": "ill", "predicted": "healthy", "cost": 10}]


def patients(folder: Path) -> Path:
    rng = np.random.default_rng(0)
    ill = (rng.random(900) < 0.3).astype(int)
    values = (ill * 1.2 + rng.normal(0, 1, 900)).round(3)
    with (folder / "patients.csv").open("w") as file:
        writer = csv.writer(file)
        writer.writerow(["value", "state"])
        writer.writerows(zip(values, np.array(CLASSES)[ill], strict=True))
    return folder / "patients.csv"


def experiment(folder: Path, **goal: Any) -> ll.Experiment:
    changes = {
        "data": {"source": str(patients(folder)), "target": "state"},
        "split": {"train": 400, "dev": 300, "test": 200},
        "training.epochs": 15,
        "goal": goal,
    }
    return ll.Experiment().replace(changes)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("patients")
    wanted = experiment(folder, optimizing="cost", costs=COSTS, seconds_per_example=30)
    ll.train(experiment=wanted, runs=folder / "runs", name="a")
    ll.train(experiment=wanted.replace({"training.l2": 300.0}), runs=folder / "runs", name="b")
    return folder / "runs"


def test_ladder_metrics_and_report_are_in_cost(runs: Path) -> None:
    run = ll.load_run("a", runs)
    answers = read_answers(run.folder / "predictions" / "dev.parquet", "binary", CLASSES)
    expected = evaluate(cost_metric(PRICES), answers.truth, answers.labels)
    assert run.metrics["dev"].overall["cost"] == expected
    assert run.errors["dev"] == as_error(cost_metric(PRICES), expected)
    assert run.diagnosis.ladder.metric == "cost per example"
    alarms = int(((answers.truth == 0) & (answers.labels == 1)).sum())
    found = run.metrics["dev"].overall["false_alarms_per_day"]
    assert found.value == pytest.approx(alarms * 24 * 3600 / (30 * 300)) and found.unit == "per 24 h"
    report = (run.folder / "report.html").read_text()
    assert "false alarms per 24 h" in report and "cost per example" in report


def test_the_table_of_runs_has_the_unit(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dev = ll.load_run("a", runs).errors["dev"]
    assert leadline(["runs", "--runs", str(runs)]) == 0
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("a "))
    assert f" {dev.number()} " in line and "%" not in line
    units = {"cost": "", "false_alarms_per_day": "per 24 h", "log_loss": "", "roc_auc": "%", "accuracy": "%", "r2": "%"}
    assert {name: error_unit(name, "regression" if name == "r2" else "binary") for name in units} == units
    assert error_unit(None, "regression") == "" and error_unit("rmse", "regression") == ""


def test_the_test_set_is_measured_in_cost_once_it_is_open(runs: Path) -> None:
    run = open_test_set(ll.load_run("a", runs))
    answers = read_answers(run.folder / "predictions" / "test.parquet", "binary", CLASSES)
    found = run.diagnosis.ladder.rung("test")
    assert found is not None and found.error.value == evaluate(cost_metric(PRICES), answers.truth, answers.labels).value
    assert run.metrics["test"].overall["cost"].value == found.error.value


def test_cost_chooses_and_limits(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """T3.08: cost optimizes, false alarms per 24 h are good enough below a limit."""
    where = ["--runs", str(runs), "--json"]
    assert leadline(["compare", "a", "b", *where]) == 0
    compared = json.loads(capsys.readouterr().out)
    assert compared["metric"] == "cost"
    alarms = {name: ll.load_run(name, runs).metrics["dev"].overall["false_alarms_per_day"].value for name in "ab"}
    limit = sum(alarms.values()) / 2
    assert leadline(["best", "a", "b", "--limit", f"false_alarms_per_day<={limit}", *where]) == 0
    best = json.loads(capsys.readouterr().out)
    assert best["winner"]["name"] == min(alarms, key=lambda name: alarms[name])
    assert best["winner"]["satisficing"]["false_alarms_per_day"] == min(alarms.values())
    assert leadline(["best", "a", "b", "--metric", "false_alarms_per_day", "--limit", "cost<=100", *where]) == 0
    assert json.loads(capsys.readouterr().out)["winner"]["score"]["value"] == min(alarms.values())
    assert leadline(["best", "a", "b", "--limit", "false_alarm<=1", *where]) == 2
    assert "Did you mean 'false_alarms_per_day'" in capsys.readouterr().err


def test_costs_thought_of_later_are_options(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["compare", "a", "b", "--runs", str(runs), "--json", "--cost", "healthy,ill=3", "--cost", "ill,healthy=2"]
    assert leadline(command) == 0
    score = json.loads(capsys.readouterr().out)["scores"]["a"]["value"]
    answers = read_answers(ll.load_run("a", runs).folder / "predictions" / "dev.parquet", "binary", CLASSES)
    assert score == evaluate(cost_metric([[0, 3], [2, 0]]), answers.truth, answers.labels).value
    assert leadline([*command[:-1], "ill:healthy=2"]) == 2
    assert "ACTUAL,PREDICTED=COST" in capsys.readouterr().err


def test_runs_that_differ_in_costs_need_a_word(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, cost in (("a", 2), ("b", 3)):
        wanted = experiment(tmp_path, costs=[COSTS[0] | {"cost": cost}]).replace({"training.epochs": 1})
        ll.train(experiment=wanted, runs=tmp_path / "runs", name=name)
    assert leadline(["compare", "a", "b", "--runs", str(tmp_path / "runs")]) == 2
    assert "a and b differ in goal.costs: say with --cost" in capsys.readouterr().err


def several(task: str) -> ll.Dataset:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(500, 4))
    noisy = x + rng.normal(size=(500, 4))
    if task == "regression":
        return ll.read(x, noisy[:, :1] ** 3 * 7 + 100)
    if task == "multilabel":
        return ll.read(x, (noisy[:, :3] > 0.8).astype(float), task="multilabel")
    return ll.read(x, (noisy[:, 0] > 1).astype(int) + (task == "multiclass") * (noisy[:, 1] > 1))


@pytest.mark.parametrize(
    ("task", "optimizing"),
    [
        ("binary", "f1"),
        ("binary", "roc_auc"),
        ("binary", "log_loss"),
        ("multiclass", "macro_f1"),
        ("multilabel", "micro_f1"),
        ("regression", "mae"),
        ("regression", "r2"),
    ],
)
def test_early_stopping_keeps_the_epoch_that_is_best_by_what_is_optimized(
    tmp_path: Path, task: str, optimizing: str
) -> None:
    """T2.15: on the dev metric; what the loop monitors is what the run reports of the kept epoch."""
    changes = {"goal.optimizing": optimizing, "split": {"train": 250, "dev": 250, "test": 0}, "training.epochs": 40}
    run = ll.train(None, several(task), experiment=ll.Experiment().replace(changes), runs=tmp_path)
    goals = [epoch["dev_goal"] for epoch in run.history]
    assert (
        run.experiment.training.early_stopping is not None and run.experiment.training.early_stopping.monitor == "goal"
    )
    assert run.summary.kept_epoch == 1 + int(np.argmin(goals)) and len(set(goals)) > 1
    assert run.errors["dev"].value == pytest.approx(min(goals), rel=1e-5)


def test_accuracy_and_rmse_are_what_the_loop_measures_anyway(tmp_path: Path) -> None:
    for task in ("binary", "regression"):
        changes = {"split": {"train": 250, "dev": 250, "test": 0}, "training.epochs": 5}
        run = ll.train(None, several(task), experiment=ll.Experiment().replace(changes), runs=tmp_path)
        assert all("dev_goal" not in epoch for epoch in run.history)


def test_variants_in_a_population_and_streams_have_the_goal(tmp_path: Path) -> None:
    base = experiment(tmp_path, optimizing="cost", costs=COSTS).replace({"training.epochs": 8})
    alone = ll.train(experiment=base, runs=tmp_path / "runs", name="alone")
    wanted = [epoch["dev_goal"] for epoch in alone.history]
    workbench = PreparedExperiment(base)
    outcomes = train_variants([workbench.variant({"training.seed": seed}) for seed in (0, 1)])
    assert [epoch.dev_goal for epoch in outcomes[0].history] == pytest.approx(wanted)
    np.savez(
        tmp_path / "array.npz", inputs=np.asarray(several("binary").inputs, np.float32), y=several("binary").target
    )
    changes = {
        "data": {"source": str(tmp_path / "array.npz"), "inputs": "inputs", "target": "y"},
        "goal.optimizing": "f1",
        "split": {"train": 250, "dev": 250, "test": 0},
        "training": {"epochs": 4, "batch_size": "full"},
    }
    found = [
        ll.train(experiment=ll.Experiment().replace(changes | {"data.stream": stream}), runs=tmp_path)
        for stream in (False, True)
    ]
    in_memory, streamed = ([epoch["dev_goal"] for epoch in run.history] for run in found)
    assert streamed == pytest.approx(in_memory, abs=0.02) and found[1].experiment.data.stream is True


@pytest.mark.parametrize(
    ("goal", "message"),
    [
        ({"optimizing": "cost"}, "'cost' needs numbers of your own: goal.costs"),
        ({"costs": [COSTS[0] | {"actual": "il"}]}, "goal.costs: actual 'il' is no class.*Did you mean 'ill'"),
        ({"costs": [COSTS[0] | {"cost": -1}]}, "goal.costs.0.cost: got -1, needs to be at least 0"),
        ({"costs": [{"actual": "ill", "predict": "healthy"}]}, "goal.costs.0.predict: unknown key. Did you mean 'pred"),
        ({"seconds_per_example": 0}, "goal.seconds_per_example: got 0, needs to be greater than 0"),
    ],
)
def test_mistakes_are_told_in_a_line(tmp_path: Path, goal: dict[str, Any], message: str) -> None:
    with pytest.raises(ll.UsageError, match=message):
        ll.train(experiment=experiment(tmp_path, **goal), runs=tmp_path / "runs")


def test_experiment_files_keep_the_costs(tmp_path: Path) -> None:
    wanted = experiment(tmp_path, costs=COSTS, seconds_per_example=0.5)
    (tmp_path / "e.toml").write_text(wanted.to_toml())
    assert ll.Experiment.from_toml(tmp_path / "e.toml").goal == wanted.goal


def test_tables_of_predictions_take_costs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 400)
    answers = np.where(rng.random(400) < 0.2, 1 - truth, truth)
    with (tmp_path / "p.csv").open("w") as file:
        writer = csv.writer(file)
        writer.writerow(["set", "label", "prediction"])
        writer.writerows(
            (("train", "dev")[k % 2], CLASSES[t], CLASSES[p])
            for k, (t, p) in enumerate(zip(truth, answers, strict=True))
        )
    command = ["diagnose", str(tmp_path / "p.csv"), "--json"]
    assert leadline([*command, "--metric", "cost", "--cost", "ill,healthy=10", "--human", "0.5"]) == 0
    found = json.loads(capsys.readouterr().out)
    rungs = {rung["name"]: rung["value"] for rung in found["rungs"]}
    expected = evaluate(cost_metric(PRICES), truth[1::2], answers[1::2])
    assert rungs["dev"] == expected.value and rungs["human"] == 0.5 and found["metric"] == "cost per example"
    assert found["metrics"]["dev"]["overall"]["cost"]["high"] == expected.high
    assert leadline([*command, "--seconds-per-example", "2"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["metric"] == "error" and "false_alarms_per_day" in found["metrics"]["train"]["overall"]
    assert leadline([*command, "--metric", "cost"]) == 2
    assert "--cost" in capsys.readouterr().err
