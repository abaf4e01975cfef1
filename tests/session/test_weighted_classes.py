"""Class weights as a key of the experiment: by name, balanced, from Python and the command line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import leadline as ll
from leadline.cli.main import run as leadline
from leadline.errors import UsageError
from leadline.experiment import Experiment
from leadline.runs.run import load_run
from leadline.session.plan import make_plan
from leadline.variants.executor import train_variants
from leadline.variants.variants import PreparedExperiment


@pytest.fixture
def table(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    rare = random.random(300) < 0.1
    lines = [
        f"{value + 1.5 * sick:.3f},{'sick' if sick else 'well'}"
        for value, sick in zip(random.normal(size=300), rare, strict=True)
    ]
    path = tmp_path / "patients.csv"
    path.write_text("\n".join(["pressure,state", *lines]))
    return path


def experiment(table: Path, **keys: object) -> Experiment:
    return Experiment().replace({"data.source": str(table), "data.target": "state", "training.epochs": 4, **keys})


def test_balanced_weights_are_those_of_the_training_set_and_stand_in_the_experiment(table: Path) -> None:
    plan = make_plan(experiment(table, **{"training.class_weights": "balanced"}))
    labels = plan.data.target[plan.split.train]
    share = float((labels == 0).mean())
    assert plan.data.classes == ("sick", "well")
    weights = plan.training.class_weights
    assert weights == pytest.approx((0.5 / share, 0.5 / (1 - share)))
    assert weights is not None and plan.experiment.training.class_weights == {"sick": weights[0], "well": weights[1]}
    again = make_plan(Experiment.from_dict(plan.experiment.to_dict()))
    assert again.training.class_weights == weights


def test_a_class_that_is_not_named_has_weight_1(table: Path) -> None:
    assert make_plan(experiment(table, **{"training.class_weights": {"sick": 5}})).training.class_weights == (5.0, 1.0)


def test_variants_may_differ_in_class_weights(table: Path) -> None:
    single = {"network.members": 1, "network.layers": [{"type": "dense", "units": 4}, {"type": "dense", "units": 1}]}
    prepared = PreparedExperiment(experiment(table, **single))
    plain, heavy = prepared.variant(), prepared.variant({"training.class_weights": {"sick": 50}})
    assert heavy.resolved.settings.class_weights == (50.0, 1.0) and plain.kind != heavy.kind
    costs = [outcome.history[-1].cost for outcome in train_variants([plain, heavy])]
    assert costs[0] != costs[1]


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"sik": 2}, r"class_weights: patients has no class 'sik'\. Did you mean 'sick'\?"),
        ({"sick": 0}, r'class_weights: got .*needs "balanced", or a table'),
        ("even", r'class_weights: got "even", needs "balanced"'),
    ],
)
def test_weights_that_cannot_be(table: Path, weights: object, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make_plan(experiment(table, **{"training.class_weights": weights}))


def test_numbers_have_no_classes(table: Path) -> None:
    with pytest.raises(UsageError, match="a regression target has no classes"):
        make_plan(experiment(table, **{"data.target": "pressure", "training.class_weights": "balanced"}))


@pytest.mark.parametrize(
    ("options", "expected"),
    [(["sick=4"], (4.0, 1.0)), (["sick=4", "well=2"], (4.0, 2.0)), (["balanced"], None)],
)
def test_the_command_line_takes_them(table: Path, tmp_path: Path, options: list[str], expected: object) -> None:
    words = [
        "train",
        str(table),
        "--target",
        "state",
        "--epochs",
        "2",
        "--runs",
        str(tmp_path / "runs"),
        "--quick",
        "-q",
    ]
    assert leadline([*words, *(word for text in options for word in ("--class-weights", text))]) == 0
    weights = load_run("last", tmp_path / "runs").experiment.training.class_weights
    assert tuple(weights.values()) == (expected or pytest.approx(tuple(weights.values())))
    assert weights["sick"] > 2 * weights["well"] or expected == (4.0, 2.0)


def test_a_weight_without_a_number_is_said(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert leadline(["train", str(table), "--target", "state", "--class-weights", "sick"]) == 2
    assert capsys.readouterr().err.strip() == (
        "leadline: --class-weights sick: write balanced, or CLASS=WEIGHT such as sick=5."
    )


def test_python_takes_them(table: Path, tmp_path: Path) -> None:
    run = ll.train(None, table, target="state", class_weights={"sick": 3}, epochs=2, runs=tmp_path, quick=True)
    assert run.experiment.training.class_weights == {"sick": 3.0, "well": 1.0}
