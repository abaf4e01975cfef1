"""Calibration and threshold of runs: chosen after training, kept, and followed by all that answers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from leadline.cli.main import run as leadline
from leadline.errors import LeadlineError, UsageError
from leadline.experiment import Experiment
from leadline.measure import Estimate, metric
from leadline.measure.scaling import calibrated
from leadline.measure.thresholds import Threshold
from leadline.runs.decision import Decision, read_decision, write_decision
from leadline.runs.folder import DECISION
from leadline.runs.run import Run, load_run
from leadline.session.plan import make_plan
from leadline.session.threshold import set_threshold
from leadline.session.training import run_experiment

LAYERS = [{"type": "dense", "units": 8, "activation": "relu"}, {"type": "dense", "units": 1}]


def written(folder: Path, m: int = 500) -> Path:
    """A rare class that a network can only guess at, and a number."""
    random = np.random.default_rng(0)
    rare = random.random(m) < 0.15
    x = random.normal(size=m) + 1.3 * rare
    lines = [f"{a:.4f},{b:.4f},{'sick' if c else 'well'}" for a, b, c in zip(x, x**2, rare, strict=True)]
    path = folder / "patients.csv"
    path.write_text("\n".join(["pressure,square,state", *lines]))
    return path


def experiment(folder: Path, **keys: Any) -> Experiment:
    plain = {
        "data.source": str(written(folder)),
        "data.target": "state",
        "network.layers": LAYERS,
        "training.epochs": 20,
        "training.batch_size": 64,
        "training.early_stopping": False,
    }
    return Experiment().replace({**plain, **{key.replace("__", "."): value for key, value in keys.items()}})


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run whose threshold was chosen for F1 of "well", the second class, with enough of the others found."""
    folder = tmp_path_factory.mktemp("deciding")
    keys = {
        "goal__optimizing": "f1",
        "goal__threshold": "optimize",
        "goal__satisficing": {"precision": ">= 0.93"},
        "training__calibration": "temperature",
    }
    return run_experiment(experiment(folder, **keys), runs=folder / "runs", quick=True, name="first")


def test_the_threshold_is_chosen_kept_and_followed(trained: Run) -> None:
    decision = read_decision(trained.folder)
    assert decision.threshold is not None and decision.calibration is not None
    threshold = decision.threshold.value.value
    assert threshold > 0.5  # what is called well must be well more often than by the most probable class
    for part in ("train", "dev"):
        answers = trained.answers(part)
        assert (answers.labels == (answers.scores[:, 1] >= threshold)).all()
    dev = trained.answers("dev")
    assert metric("precision").value(dev.truth, dev.labels) >= 0.93
    assert trained.errors["dev"].value == pytest.approx(1 - metric("f1").value(dev.truth, dev.labels))
    score = decision.threshold.score
    assert score is not None and score.value == pytest.approx(1 - trained.errors["dev"].value)


def test_new_rows_are_answered_as_the_run_was_measured(trained: Run, tmp_path: Path) -> None:
    rows = trained.split["dev"]
    plan = make_plan(trained.experiment)
    table = [plan.data.rows([int(row)])[0] for row in rows]
    network, dev = trained.trained_network(), trained.answers("dev")
    assert network.predict_probabilities(table) == pytest.approx(dev.scores, abs=1e-6)
    expected = [trained.classes[label] for label in dev.labels]
    assert network.predict(table).tolist() == network.predictions(table)["prediction"].to_pylist() == expected
    session = onnxruntime.InferenceSession(network.export(tmp_path / "network.onnx"))
    columns = {name: np.array([row[name] for row in table], np.float64) for name in ("pressure", "square")}
    types = {each.name: np.float32 if "float" in each.type else np.float64 for each in session.get_inputs()}
    prediction, probabilities = session.run(
        ["prediction", "probabilities"], {name: columns[name].astype(types[name]) for name in columns}
    )
    assert list(prediction) == expected  # type: ignore[arg-type]  # an array
    assert probabilities == pytest.approx(dev.scores, abs=1e-5)


def test_the_temperature_is_fitted_on_the_networks_own_probabilities(trained: Run) -> None:
    decision, plan = read_decision(trained.folder), make_plan(trained.experiment)
    plain = replace(trained.trained_network(), decision=Decision())
    outputs = plain.outputs(plan.inputs("dev"))
    again = calibrated(plan.data.target[plan.split.dev], outputs, "temperature")
    assert decision.calibration is not None and again.scaling == decision.calibration.scaling
    assert trained.answers("dev").scores == pytest.approx(again.scaling(outputs))


def test_a_threshold_of_a_finished_run(tmp_path: Path) -> None:
    run = run_experiment(experiment(tmp_path), runs=tmp_path / "runs", quick=True)
    assert not (run.folder / DECISION).exists() or read_decision(run.folder).threshold is None
    before = run.answers("dev")
    goal = Experiment().replace({"goal.threshold": 0.9}).goal
    set_threshold(run, goal)
    run.refresh()
    after = run.answers("dev")
    assert np.array_equal(before.scores, after.scores)
    assert (after.labels == (after.scores[:, 1] >= 0.9)).all() and (after.labels != before.labels).any()
    assert run.errors["dev"].value == pytest.approx(float((after.labels != after.truth).mean()))
    assert run.diagnosis.ladder.rung("dev").error.value == run.errors["dev"].value  # type: ignore[union-attr]
    chosen = set_threshold(run, Experiment().replace({"goal.optimizing": "balanced_accuracy"}).goal)
    assert chosen.metric == "balanced_accuracy" and chosen.score is not None and chosen.usual is not None
    assert chosen.score.value >= chosen.usual.value


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = str(tmp_path / "runs")
    run_experiment(experiment(tmp_path), runs=runs, quick=True, name="one")
    capsys.readouterr()
    assert leadline(["threshold", "one", "--runs", runs, "--metric", "precision", "--limit", "recall>=0.9"]) == 0
    assert "chosen for precision with recall >= 0.9" in capsys.readouterr().out
    threshold = read_decision(load_run("one", runs).folder).threshold
    assert threshold is not None
    for words, code, message in (
        (["--limit", "recall>=2"], 1, "No threshold reaches recall >= 2 on the dev set; the best is 1."),
        (["--limit", "recall"], 2, "--limit recall: write METRIC>=NUMBER in quotes"),
        (["--metric", "roc_auc"], 2, "goal.optimizing = roc_auc does not depend on a threshold"),
        (["--at", "1.5"], 2, "goal.threshold: got 1.5, needs a probability between 0 and 1"),
        (["--at", "0.5", "--limit", "recall>=0.2"], 2, "the threshold is given, and nothing is left to choose"),
    ):
        assert leadline(["threshold", "one", "--runs", runs, *words]) == code
        assert message in capsys.readouterr().err
    assert read_decision(load_run("one", runs).folder).threshold == threshold


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (
            {"data__target": "pressure", "goal__threshold": 0.3},
            "a threshold lies between two classes",
        ),
        ({"goal__threshold": "optimize", "split__dev": 0}, "goal.threshold: needs a dev set"),
        ({"goal__threshold": "optimize", "goal__optimizing": "log_loss"}, "log_loss does not depend on a threshold"),
        ({"goal__satisficing": {"recall": "a lot"}}, "goal.satisficing.recall: got 'a lot'"),
        ({"goal__satisficing": {"recal": ">= 0.5"}}, "Unknown metric 'recal'"),
        ({"goal__satisficing": {"roc_auc": ">= 0.5"}}, "roc_auc does not depend on a threshold"),
        ({"goal__threshold": 1.5}, "needs a probability between 0 and 1"),
        ({"training__calibration": "warm"}, "training.calibration"),
        ({"data__target": "pressure", "training__calibration": "vector"}, "a regression target has no probabilities"),
    ],
)
def test_what_cannot_be_asked_for(tmp_path: Path, keys: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make_plan(experiment(tmp_path, **keys))


def test_a_limit_that_no_threshold_keeps_does_not_lose_the_training(tmp_path: Path) -> None:
    keys = {"goal__satisficing": {"precision": ">= 1", "recall": ">= 1"}}
    with pytest.warns(UserWarning, match=r"No threshold .*stays at 0\.5"):
        run = run_experiment(experiment(tmp_path, **keys), runs=tmp_path / "runs", quick=True)
    assert run.status == "done" and read_decision(run.folder).threshold is None


def test_a_damaged_decision_is_said(tmp_path: Path) -> None:
    run = run_experiment(experiment(tmp_path), runs=tmp_path / "runs", quick=True)
    write_decision(run.folder, Decision(None, Threshold(Estimate(0.2))))
    assert read_decision(run.folder).threshold == Threshold(Estimate(0.2))
    run.folder.write_json(DECISION, {"threshold": 3})
    with pytest.raises(LeadlineError, match=r"decision\.json is damaged"):
        run.trained_network()
    write_decision(run.folder, Decision())
    assert not (run.folder / DECISION).exists()
