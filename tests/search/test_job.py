from __future__ import annotations

import json
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from search_samples import SPACE, data, experiment

from leadline.errors import LeadlineError, UsageError
from leadline.experiment import Experiment
from leadline.search import PreparedExperiment, SearchSettings, Space, load, log, search, settings_of, train_variants
from leadline.search.analysis import edges, importances
from leadline.search.records import TrialRecord, names, thinned
from leadline.search.spaces import choice, integer
from leadline.session.training import run_experiment
from leadline.text import seconds_of


@pytest.mark.parametrize("sampler", ["random", "quasi-random", "grid", "coarse-to-fine", "tpe"])
def test_every_sampler_finds_something(sampler: str, tmp_path: Path) -> None:
    found = search(experiment(sampler=sampler, finalists=1, seeds=2), data(), runs=tmp_path)
    assert len(found.trials) == 12 or sampler == "grid"
    assert {trial.state for trial in found.trials} <= {"complete", "pruned", "diverged"}
    assert found.best is not None
    assert found.best["dev_error"] == min(
        t.dev_error for t in found.trials if t.state == "complete" and t.dev_error is not None
    )


def test_trials_say_what_was_tried_and_what_came_out(tmp_path: Path) -> None:
    found = search(experiment(pruning=False), data(), runs=tmp_path)
    for trial in found.trials:
        assert ("training.l2" in trial.values) == (trial.values["network.units"] == 8)
        assert (trial.state, trial.epochs, trial.kept_epoch) == ("complete", 9, 9)
        assert trial.curve[-1] == (9, trial.dev_error)
    bench = PreparedExperiment(experiment().replace({"search": {}}), data())
    alone = train_variants([bench.variant(trial.values) for trial in found.trials], places=1)
    assert [outcome.dev_error for outcome in alone] == [trial.dev_error for trial in found.trials]


def test_the_best_is_trained_again_with_other_seeds_and_its_file_repeats_it(tmp_path: Path) -> None:
    found = search(experiment(pruning=False), data(), runs=tmp_path)
    best = found.best
    assert best is not None
    assert len(best["errors"]) == 3
    assert best["low"] <= best["mean"] <= best["high"]
    assert best["mean"] == min(finalist["mean"] for finalist in found.summary["finalists"])
    file = Experiment.from_toml(found.folder / "best.toml")
    assert file.search.space == {}
    run = run_experiment(file, data(), runs=tmp_path)
    assert run.history[-1]["dev_error"] == best["dev_error"]
    seeds = [file.replace({"training.seed": seed}) for seed in (1, 2, 3)]
    errors = [run_experiment(one, data(), runs=tmp_path).history[-1]["dev_error"] for one in seeds]
    assert errors == pytest.approx(best["errors"])


def test_pruning_stops_trials_at_rungs_and_the_rest_is_as_without(tmp_path: Path) -> None:
    pruned = search(experiment(trials=24), data(), runs=tmp_path / "a")
    whole = search(experiment(trials=24, pruning=False), data(), runs=tmp_path / "b")
    states = [trial.state for trial in pruned.trials]
    assert states.count("pruned") >= 12
    for mine, full in zip(pruned.trials, whole.trials, strict=True):
        assert mine.values == full.values
        if mine.state == "complete":
            assert mine.dev_error == full.dev_error
        else:
            assert mine.epochs in (1, 3)
            assert mine.curve == full.curve[: mine.epochs]
    again = search(experiment(trials=24), data(), runs=tmp_path / "c")
    assert [t.state for t in again.trials] == states


def test_started_again_a_search_goes_on(tmp_path: Path) -> None:
    whole = search(experiment(pruning=False), data(), runs=tmp_path / "whole")
    half = settings_of(experiment(pruning=False), {"trials": 5})
    first = search(experiment(), data(), settings=half, runs=tmp_path)
    second = search(experiment(), data(), settings=replace(half, trials=12), runs=tmp_path)
    assert first.folder == second.folder
    assert [t.dev_error for t in second.trials] == [t.dev_error for t in whole.trials]
    assert [t.values for t in second.trials] == [t.values for t in whole.trials]
    before = (second.folder / "search.json").stat().st_mtime_ns
    third = search(experiment(), data(), settings=replace(half, trials=12), runs=tmp_path)
    assert third.summary == second.summary
    assert (third.folder / "search.json").stat().st_mtime_ns == before, "there was nothing left to do"


def test_after_an_interruption_it_goes_on(tmp_path: Path) -> None:
    class Impatient:
        seen = 0

        def planned(self, prepared: PreparedExperiment, space: Space, settings: SearchSettings, done: int) -> None: ...

        def finals(self, count: int, seeds: int) -> None: ...

        def trial(self, record: TrialRecord) -> None:
            self.seen += 1
            if self.seen == 5:
                raise KeyboardInterrupt

    settings = replace(settings_of(experiment(pruning=False)), places=4)
    with pytest.raises(KeyboardInterrupt):
        search(experiment(), data(), settings=settings, runs=tmp_path, name="s", listener=Impatient())
    left = load("s", tmp_path)
    assert left.summary["status"] == "interrupted"
    done = [trial for trial in left.trials if trial.done]
    assert 4 <= len(done) < 12
    found = search(experiment(), data(), settings=settings, runs=tmp_path, name="s")
    finished = [trial for trial in found.trials if trial.done]
    assert len(finished) == 12
    whole = search(experiment(), data(), settings=settings, runs=tmp_path, name="whole")
    key = [tuple(t.values.items()) for t in finished]
    assert sorted(key) == sorted(tuple(t.values.items()) for t in whole.trials), "what was given back was tried again"


@pytest.mark.parametrize("sampler", ["random", "grid"])
def test_what_a_killed_search_had_not_written_is_tried_again(sampler: str, tmp_path: Path) -> None:
    wanted = experiment(sampler=sampler, pruning=False, finalists=0)
    whole = search(wanted, data(), runs=tmp_path, name="s")
    lines = (whole.folder / "trials.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    (whole.folder / "trials.jsonl").write_text("".join([*lines[:3], lines[5], lines[6][:20]]), encoding="utf-8")
    again = search(wanted, data(), runs=tmp_path, name="s")
    key = [
        sorted((key, f"{value:.9g}") for key, value in trial.values.items()) for trial in (*whole.trials, *again.trials)
    ]
    assert sorted(map(str, key[: len(whole.trials)])) == sorted(map(str, key[len(whole.trials) :]))


def test_another_search_of_that_name(tmp_path: Path) -> None:
    search(experiment(trials=3, finalists=0), data(), runs=tmp_path, name="s")
    with pytest.raises(LeadlineError, match="'s' is there already"):
        search(experiment(trials=3), data(), runs=tmp_path, name="s", space=Space((log("training.l2", 1, 2),)))


def test_a_budget_ends_it(tmp_path: Path) -> None:
    slow = experiment(trials=2000, budget="3s", finalists=1).replace({"training.epochs": 30})
    found = search(slow, data(), settings=replace(settings_of(slow), places=8), runs=tmp_path)
    assert 0 < sum(trial.done for trial in found.trials) < 2000
    assert found.summary["seconds"] < 20


def test_no_trial_comes_to_its_end(tmp_path: Path) -> None:
    with pytest.raises(LeadlineError, match="within the budget; give more time"):
        search(experiment(budget=1e-6), data(), runs=tmp_path)
    wild = experiment(trials=3).replace({"training.optimizer": "gradient_descent"})
    space = Space((log("training.learning_rate", 1e20, 1e30),))
    with pytest.raises(LeadlineError, match="3 of 3 diverged"):
        search(wild, data(), space=space, runs=tmp_path)


def test_errors_come_before_anything_is_written(tmp_path: Path) -> None:
    for space, message in (
        (Space((choice("training.lerning_rate", [1.0, 2.0]),)), r"unknown key\. Did you mean 'learning_rate'"),
        (Space((integer("network.hidden_layers", -2, -1),)), "hidden_layers: got"),
        (Space((choice("training.optimizer.type", ["adam", "adan"]),)), "'adan'"),
    ):
        with pytest.raises(UsageError, match=message):
            search(experiment(), data(), space=space, runs=tmp_path)
    with pytest.raises(LeadlineError, match="dev set is empty"):
        search(experiment().replace({"split.dev": 0}), data(), runs=tmp_path)
    assert not list(tmp_path.iterdir())


def test_other_metrics_are_minimized_too(tmp_path: Path) -> None:
    wanted = experiment(trials=4, finalists=0, pruning=False).replace({"goal.optimizing": "roc_auc"})
    found = search(wanted, data(), runs=tmp_path)
    run = run_experiment(Experiment.from_toml(found.folder / "best.toml"), data(), runs=tmp_path)
    assert found.best is not None
    assert run.errors["dev"].value == pytest.approx(found.best["dev_error"], abs=1e-6)


def test_the_folder_is_read_back(tmp_path: Path) -> None:
    found = search(experiment(trials=4, finalists=0), data(), runs=tmp_path, name="mine")
    assert names(tmp_path) == ["mine"]
    for again in (load("mine", tmp_path), load("last", tmp_path), load(found.folder)):
        assert again == found
    lines = (found.folder / "trials.jsonl").read_text(encoding="utf-8").splitlines()
    assert [TrialRecord.from_json(json.loads(line)) for line in lines] == list(found.trials)
    assert tomllib.loads((found.folder / "experiment.toml").read_text())["search"]["trials"] == 4
    with pytest.raises(LeadlineError, match="no search 'yours'"):
        load("yours", tmp_path)


def test_what_mattered_stands_beside_its_tier() -> None:
    rate, layers = "training.learning_rate", "network.hidden_layers"
    space = Space.from_config({rate: {"log": [1e-4, 1]}, layers: {"integer": [1, 3]}})
    values = [{rate: 10 ** (-4 * k / 39), layers: 1 + k % 3} for k in range(40)]
    trials = [TrialRecord(k, "complete", values[k], k / 40) for k in range(40)]
    found = importances(space, trials)
    assert [(entry.key, entry.tier) for entry in found] == [(rate, 1), (layers, 3)]
    assert found[0].importance > 0.8
    assert importances(space, trials[:4]) == []
    assert importances(space, [replace(trial, dev_error=0.5) for trial in trials]) == []


def test_the_best_at_an_edge() -> None:
    space = Space.from_config({**SPACE, "network.hidden_layers": {"integer": [1, 3]}, "x": {"choice": [1, 2, 3]}})
    (line,) = edges(space, {"training.learning_rate": 0.98, "network.hidden_layers": 1, "network.units": 8})
    assert "training.learning_rate, 0.98, lies at the upper end of what was searched, 0.001 to 1" in line
    assert len(edges(space, {"x": 3, "network.hidden_layers": 3})) == 2
    assert edges(space, {"training.learning_rate": 0.03, "network.hidden_layers": 2, "x": 2}) == []


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("5m", 300), ("1.5h", 5400), ("2 min", 120), (7, 7), ("3", 3)]
)
def test_budgets(text: str | float, seconds: float) -> None:
    assert seconds_of(text) == seconds


def test_wrong_options() -> None:
    with pytest.raises(UsageError, match="budget '5x'"):
        seconds_of("5x")
    with pytest.raises(UsageError, match=r"unknown sampler 'randm'\. Did you mean 'random'"):
        SearchSettings(sampler="randm")
    with pytest.raises(UsageError, match=r"search\.trials: got 0"):
        SearchSettings(trials=0)
    with pytest.raises(UsageError, match=r"search\.tiers: got 4"):
        SearchSettings(tiers=4)


def test_long_curves_are_thinned() -> None:
    curve = [(epoch, 1 / epoch) for epoch in range(1, 1001)]
    assert len(thinned(curve)) <= 41
    assert thinned(curve)[-1] == curve[-1]
    assert thinned(curve[:7]) == curve[:7]
