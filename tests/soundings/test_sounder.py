from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from leadline.data import read
from leadline.errors import LeadlineError, LeadlineWarning, UsageError
from leadline.experiment import Experiment
from leadline.runs.folder import RunFolder
from leadline.runs.run import Run, load_run
from leadline.runs.soundings import (
    UNFINISHED_SOUNDINGS,
    has_unfinished_soundings,
    load_prediction,
    load_soundings,
    predictions_held,
)
from leadline.session.training import run_experiment
from leadline.soundings import Soundings, sound
from leadline.soundings.clock import Clock
from leadline.soundings.kept import KeptTrainings
from leadline.soundings.measurement import Fidelity
from leadline.soundings.prediction import Prediction, soundings_of, train_next
from leadline.soundings.training import Trained
from leadline.text import duration, seconds_of

LAYERS = [{"type": "dense", "units": 8, "activation": "tanh"}, {"type": "dense", "units": 2}]


def table(folder: Path, n: int = 1200) -> Path:
    """Two spirals, too curved for a rate so slow: bias that a larger rate removes."""
    random = np.random.default_rng(0)
    t, y = 3 * np.sqrt(random.random(n)), random.integers(0, 2, n)
    x = np.stack([t * np.cos(2 * t + np.pi * y), t * np.sin(2 * t + np.pi * y)], 1) + 0.1 * random.normal(size=(n, 2))
    path = folder / "spirals.csv"
    rows = [f"{a:.5f},{b:.5f},{'left' if k else 'right'}" for (a, b), k in zip(x, y, strict=True)]
    path.write_text("\n".join(["a,b,arm", *rows]), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("soundings")
    experiment = Experiment.from_dict(
        {
            "data": {"source": str(table(folder)), "target": "arm"},
            "network": {"layers": LAYERS},
            "training": {"epochs": 20, "batch_size": 32, "learning_rate": 0.001, "schedule": "constant"},
        }
    )
    return run_experiment(experiment, name="start", runs=folder / "runs")


class Listening:
    """Remembers what it is told; interrupts when a remedy of this title begins."""

    def __init__(self, interrupt: str = "") -> None:
        self.interrupt = interrupt
        self.count, self.titles, self.seen = 0, [], []
        self.fidelity = Fidelity()

    def scheduled(self, count: int, seconds: float, fidelity: Fidelity) -> None:
        self.count, self.fidelity = count, fidelity
        assert seconds > 0

    def begin(self, title: str) -> None:
        self.titles.append(title)
        if title == self.interrupt:
            raise KeyboardInterrupt

    def progress(self, done: int, total: int) -> None:
        assert 0 < done <= total

    def measured(self, soundings: Soundings) -> None:
        self.seen.append(soundings)


@pytest.fixture(scope="module")
def found(run: Run) -> Soundings:
    return sound(run, 60.0, listener=Listening())


def test_every_remedy_is_measured(found: Soundings):
    assert found.ended == "all"
    assert found.epochs_share == found.data_share == 1
    keys = {sounding.key for sounding in found.soundings} - {"together"}
    assert keys == {
        *("more_data", "longer_training", "bigger_network", "smaller_network", "learning_rate", "optimizer"),
        *("batch_size", "l2", "dropout", "batch_norm", "input_normalization"),
    }
    for sounding in found.soundings:
        assert sounding.verdict in ("helps", "hurts", "cannot tell")
        assert sounding.cost is not None
        assert sounding.cost > 0
        assert sounding.moves


def test_what_the_run_lacks_is_found_to_help(found: Soundings):
    rate = found.sounding("learning_rate")
    assert rate is not None
    assert rate.verdict == "helps"
    # The probes have shown that a far larger rate does better: rates over decades are tried, too.
    assert rate.changes["training.learning_rate"] >= 0.003
    assert rate.change is not None
    assert rate.measured is not None
    assert rate.measured.value < rate.change.value < 0  # drawn towards 0
    assert rate.gap_change is not None
    assert [option.label for option in rate.tried][:3] == ["α = 0.0001", "α = 0.0003", "α = 0.003"]
    values = [s.change.value for s in found.soundings if s.change is not None]
    assert values == sorted(values)
    assert found.best is not None
    assert "leadline next start" in found.advice


def test_longer_training_is_extrapolated_and_confirmed(found: Soundings):
    longer = found.sounding("longer_training")
    assert longer is not None
    assert "Confirmed by training on" in longer.note
    assert longer.changes["training.epochs"] == 40
    assert longer.change is not None
    assert longer.change.value < 0


def test_soundings_are_saved_with_the_run(run: Run, found: Soundings):
    record = load_soundings(run.folder)
    assert record is not None
    assert Soundings.from_json(record) == Soundings.from_json(json.loads(json.dumps(found.to_json())))
    best = found.sounding(found.best or "")
    assert best is not None
    written = Experiment.from_toml(run.folder / "next.toml")
    assert written == run.experiment.replace(best.changes)
    assert soundings_of(run).best == found.best


def test_what_cannot_be_kept_is_shown(run: Run, monkeypatch: pytest.MonkeyPatch):
    def refused(*_: object) -> None:
        raise LeadlineError("soundings.json cannot be written: Permission denied.")

    monkeypatch.setattr(RunFolder, "write_json", refused)
    with pytest.warns(LeadlineWarning, match=r"Permission denied\. The soundings are shown, and not kept"):
        assert sound(run, 5.0).budget == 5.0


def test_the_same_soundings_again_are_the_same(run: Run, found: Soundings):
    again = sound(run, 60.0)
    for first, second in zip(found.soundings, again.soundings, strict=True):
        assert (first.key, first.verdict, first.change) == (second.key, second.verdict, second.change)


class KilledError(BaseException):
    """Ends soundings as SIGKILL does."""


class Killing(Listening):
    """Ends when so many remedies are measured."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most

    def measured(self, soundings: Soundings) -> None:
        super().measured(soundings)
        if len(self.seen) == self.most:
            raise KilledError


def test_soundings_that_were_killed_go_on(run: Run, found: Soundings, monkeypatch: pytest.MonkeyPatch):
    trained: list[str] = []
    add = KeptTrainings.add

    def counted(self: KeptTrainings, one: Trained, spent: float) -> None:
        trained.append(f"{one.variant.experiment.to_toml()} {one.variant.resolved.subset}")
        add(self, one, spent)

    monkeypatch.setattr(KeptTrainings, "add", counted)
    for most in (1, 4):
        with pytest.raises(KilledError):
            sound(run, 60.0, listener=Killing(most), resume=most > 1)
        assert has_unfinished_soundings(run.folder)
    before = len(trained)
    with (run.folder / UNFINISHED_SOUNDINGS).open("a") as file:
        file.write('{"variant": "cut sho')  # by the kill
    listening = Listening()
    again = sound(run, 1.0, listener=listening, resume=True)
    assert 0 < before < len(trained) == len(set(trained)), "what was trained was not trained again"
    assert again.budget == 60.0 and again.ended == "all" and not has_unfinished_soundings(run.folder)
    for first, second in zip(found.soundings, again.soundings, strict=True):
        assert (first.key, first.verdict) == (second.key, second.verdict)
        assert (first.change is None) == (second.change is None)
        if first.change is not None and second.change is not None:
            assert first.change.value == pytest.approx(second.change.value, abs=0.02)


def test_soundings_that_cannot_be_kept_do_not_begin(run: Run, monkeypatch: pytest.MonkeyPatch):
    def refused(*_: object) -> None:
        raise LeadlineError("soundings-trainings.jsonl cannot be written: Read-only file system.")

    monkeypatch.setattr("leadline.soundings.kept.append_line", refused)
    listening = Listening()
    with pytest.raises(LeadlineError, match="Read-only file system"):
        sound(run, 60.0, listener=listening)
    assert listening.titles == []


def test_the_next_run_is_held_against_its_prediction(run: Run, found: Soundings):
    trained, prediction = train_next(run, "learning_rate", name="better")
    rate = found.sounding("learning_rate")
    assert rate is not None
    assert trained.experiment.training.learning_rate == rate.changes["training.learning_rate"]
    assert prediction.before == "start"
    assert prediction.measured.value == trained.errors["dev"].value
    low, high = prediction.predicted.interval
    step = 0.5 / (prediction.measured.n or 1)
    assert prediction.held == (low - step <= prediction.measured.value <= high + step)
    saved = load_prediction(trained.folder)
    assert saved is not None
    assert Prediction.from_json(saved) == Prediction.from_json(json.loads(json.dumps(prediction.to_json())))
    assert predictions_held([run.folder, trained.folder]) == (int(prediction.held), 1)
    assert ("the prediction held" in str(prediction)) == prediction.held
    assert prediction.comparison


def test_an_interruption_keeps_what_is_done(run: Run):
    listener = Listening("Dropout")
    found = sound(run, 60.0, listener=listener)
    assert found.ended == "interrupted"
    left = {sounding.key for sounding in found.soundings if sounding.verdict == "not measured"}
    assert "dropout" in left
    assert len(left) < len(found.soundings)
    record = load_soundings(run.folder)
    assert record is not None
    assert record["ended"] == "interrupted"
    assert len(listener.seen) == len(found.soundings) - len(left)


def test_a_small_budget_is_kept_with_less_of_the_training(run: Run, found: Soundings):
    clock, listener = Clock(100.0), Listening()
    less = sound(run, 0.5 * found.spent, listener=listener)
    assert clock.spent < 0.5 * found.spent + 4.0  # reading the data and writing the report come on top
    assert less.epochs_share < 1 or less.ended == "budget" or less.seeds < 5
    assert all(s.note.startswith("The budget ended") for s in less.soundings if s.verdict == "not measured")


def test_no_time_at_all_says_what_is_needed(run: Run):
    with pytest.raises(LeadlineError, match="Give more time, such as --budget 1m"):
        sound(run, 1e-3)


def test_leaders_get_more_seeds_until_the_best_is_told_apart(run: Run, tmp_path: Path):
    layers = [LAYERS[0] | {"units": 32}, LAYERS[1]]  # with more units and a larger rate no remedy stands out
    experiment = run.experiment.replace({"training.learning_rate": 0.003, "network.layers": layers})
    run = run_experiment(experiment, name="even", runs=tmp_path)
    listener = Listening()
    apart = sound(run, 60.0, listener=listener)
    seeds = {s.key: s.seeds for s in apart.soundings if s.changes and s.key != "together"}
    again = [title for title in listener.titles if title.endswith("that lead, with more seeds")]
    assert again
    assert max(seeds.values()) == apart.seeds == 5 + 5 * len(again)
    assert sum(count > 5 for count in seeds.values()) < len(seeds) / 2  # those behind are not trained again
    without = sound(run, 60.0, telling_apart=False)
    assert max(s.seeds for s in without.soundings if s.changes) == 5


def test_what_cannot_be_sounded(run: Run, tmp_path: Path):
    x, y = np.random.default_rng(0).normal(size=(60, 2)), np.arange(60) % 2
    settings = {"network": {"layers": LAYERS}, "training": {"epochs": 2}}
    arrays = run_experiment(Experiment.from_dict(settings), read(x, y), name="arrays", runs=tmp_path)
    with pytest.raises(LeadlineError, match="came from Python"):
        sound(arrays, 5.0)
    assert sound(arrays, 20.0, data=read(x, y)).seeds >= 2
    with pytest.raises(LeadlineError, match="has changed since"):
        sound(arrays, 5.0, data=read(x + 1, y))
    without = Experiment.from_dict(settings | {"split": {"dev": 0}})
    with pytest.raises(LeadlineError, match="dev set"):
        sound(run_experiment(without, read(x, y), name="no-dev", runs=tmp_path), 5.0, data=read(x, y))
    with pytest.raises(LeadlineError, match="leadline sound no-dev"):
        soundings_of(load_run("no-dev", tmp_path))
    with pytest.raises(UsageError, match="Did you mean 'dropout'"):
        train_next(arrays, "dropuot", read(x, y))


def test_budgets():
    assert [seconds_of(text) for text in ("90", "90s", "5m", "1h30m", "0.5m")] == [90, 90, 300, 5400, 30]
    for wrong in ("", "soon", "5x", "-5", "0"):
        with pytest.raises(UsageError, match="budget"):
            seconds_of(wrong)
    assert [duration(s) for s in (0, 0.01, 0.42, 42.4, 200, 3900)] == [
        "0.0 s",
        "< 0.1 s",
        "0.4 s",
        "42 s",
        "3 min 20 s",
        "1 h 5 min",
    ]


def test_networks_that_train_one_after_another_get_few_seeds(tmp_path: Path):
    random = np.random.default_rng(0)
    y = random.integers(0, 2, 400)
    x = random.integers(0, 100, (400, 8, 8)).astype(np.uint8)
    x[np.arange(400), 2 + 3 * y, 3] = 255  # one bright pixel, in one of two places
    settings = {"network": {"layers": [{"type": "flatten"}, *LAYERS]}, "training": {"epochs": 5, "batch_size": 32}}
    data = read(x, y)
    run = run_experiment(Experiment.from_dict(settings), data, name="pixels", runs=tmp_path)
    found = sound(run, 60.0, data, telling_apart=False)
    seeds = {s.key: s.seeds for s in found.soundings if s.changes and s.key != "together"}
    assert seeds.pop("augmentation") == 2
    assert set(seeds.values()) == {5}
