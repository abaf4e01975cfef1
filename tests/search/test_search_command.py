from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from search_samples import experiment

from leadline.cli.main import run
from leadline.experiment import Experiment
from leadline.search import PreparedExperiment, load
from leadline.search.report import conclusion, render_search_report
from leadline.search.tiers import default_space


@pytest.fixture
def points(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    x = random.normal(size=(300, 3))
    rows = [f"{','.join(f'{v:.4f}' for v in row)},{'yes' if row[0] * row[1] > 0 else 'no'}" for row in x]
    (tmp_path / "points.csv").write_text("\n".join(["a,b,c,label", *rows]) + "\n", encoding="utf-8")
    return tmp_path


QUICK = ["--set", "training.epochs=4", "--set", "training.batch_size=32", "--set", "search.seeds=2"]


def test_a_search_from_the_command_line(points: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Covers T3.16: from a data file to an experiment that is ready to train, with the numbers to judge it by."""
    command = ["search", "points.csv", "--target", "label", "--trials", "8", *QUICK]
    assert run(command) == 0
    said = capsys.readouterr().out
    assert "training.learning_rate = {log = [0.0001, 0.1], tier = 1}" in said
    assert "The best has" in said
    assert "over 2 seeds" in said
    assert "Hyper-parameter importance" in said
    found = load("last")
    assert f"Train:  leadline train {found.folder / 'best.toml'}" in said
    assert run(["train", str(found.folder / "best.toml"), "-q", "--json"]) == 0
    trained = json.loads(capsys.readouterr().out)
    assert found.best is not None
    assert trained["errors"]["dev"]["value"] == pytest.approx(found.best["dev_error"])
    assert run([*command, "--json", "-q"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert again["best"] == found.best
    assert len(again["trials"]) == 8
    assert again["folder"] == str(found.folder)


def test_options_overrule_the_file(points: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wanted = experiment(trials=50, sampler="tpe").replace({"data": {"source": "points.csv", "target": "label"}})
    (points / "e.toml").write_text(wanted.to_toml(), encoding="utf-8")
    assert (
        run(["search", "e.toml", "--trials", "3", "--sampler", "grid", "--name", "mine", "-q", "--json", *QUICK]) == 0
    )
    found = json.loads(capsys.readouterr().out)
    assert (found["settings"]["trials"], found["settings"]["sampler"], found["name"]) == (3, "grid", "mine")


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--sampler", "rand"], 2, "unknown sampler 'rand'. Did you mean 'random'?"),
        (["--budget", "5x"], 2, "budget '5x': write a time such as 90s, 5m, 1.5h or 1h30m"),
        (["--trials", "0"], 2, "search.trials: got 0, needs to be a whole number of at least 1"),
        (["--tiers", "7"], 2, "search.tiers: got 7, needs to be a whole number of at least 1 and at most 3"),
        (
            ["--set", "search.space.training.l2={log=[1,0.1]}"],
            2,
            "log = [1, 0.1] is reversed; write [0.1, 1]",
        ),
        (["--storage", "file.db"], 2, "file.db: is no database URL"),
        (["--set", "split.dev=0"], 1, "the dev set is empty: give --set split.dev a size"),
        (["--name", "../up"], 1, "cannot name a search"),
    ],
)
def test_mistakes_are_one_line(
    points: Path, capsys: pytest.CaptureFixture[str], options: list[str], code: int, message: str
) -> None:
    assert run(["search", "points.csv", "--target", "label", *options]) == code
    error = capsys.readouterr().err
    assert message in error
    assert len(error.strip().splitlines()) <= 2
    assert not (points / "runs").exists()


def test_the_report_says_it_all(points: Path) -> None:
    assert run(["search", "points.csv", "--target", "label", "--trials", "8", "--name", "s", "-q", *QUICK]) == 0
    found = load("s")
    html = (found.folder / "report.html").read_text(encoding="utf-8")
    assert html == render_search_report(found)
    for words in (
        "All trials",
        "How the search went",
        "Hyper-parameter importance",
        "usual tier",
        "Learning rate · tier 1",
        "over 2",
    ):
        assert words in html
    assert "http://" not in html.replace("http://www.w3.org", "").split("<script>")[0]


def test_the_default_space_follows_the_tiers(points: Path) -> None:
    """Covers T2.17: the learning rate first, then β, batch size and units, then layers and decay."""
    bench = PreparedExperiment(Experiment.from_dict({"data": {"source": "points.csv", "target": "label"}}))
    keys = [[d.key for d in default_space(bench.plan, tiers)] for tiers in (1, 2, 3)]
    assert keys[0] == ["training.learning_rate"]
    assert keys[1] == [*keys[0], "training.optimizer.beta1", "training.batch_size", "network.units"]
    assert keys[2] == [*keys[1], "network.hidden_layers", "training.schedule"]
    space = default_space(bench.plan)
    assert [d.tier for d in space] == [1, 2, 2, 2, 3, 3]
    for point in space.points(2):
        bench.variant(point)


def test_a_regression_is_told_in_its_own_unit(points: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--target", "a", "--trials", "3", "--tiers", "1", "--name", "r", *QUICK]
    assert run(["search", "points.csv", "--set", 'data.exclude=["label"]', *options]) == 0
    assert "The best has a dev RMSE of" in capsys.readouterr().out
    assert "dev RMSE of the best" in (load("r").folder / "report.html").read_text(encoding="utf-8")


def test_a_search_of_costs_is_told_without_percent(points: Path) -> None:
    options = ["--target", "label", "--trials", "3", "--tiers", "1", "--name", "c", "-q", *QUICK]
    costs = ["--set", 'goal.costs=[{actual = "yes", predicted = "no", cost = 5}]', "--set", 'goal.optimizing="cost"']
    assert run(["search", "points.csv", *options, *costs]) == 0
    found = load("c")
    assert found.summary["metric"] == "cost"
    best = found.summary["best"]["mean"]
    assert f"The best has {best:.3g} dev error" in conclusion(found.summary)
