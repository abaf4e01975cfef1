from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from leadline.data import read
from leadline.errors import LeadlineError, UsageError
from leadline.experiment import Experiment
from leadline.runs.run import load_run
from leadline.runs.soundings import load_prediction
from leadline.soundings.climb import Climb, ClimbStep, climb


def experiment(folder: Path, noise: float = 0.1, **training: object) -> Experiment:
    """A ring around a blob: easy for a few units that train long enough."""
    random = np.random.default_rng(0)
    x = random.normal(size=(900, 2))
    y = (np.hypot(*x.T) + noise * random.normal(size=900) > 1.2).astype(int)
    path = folder / "ring.csv"
    rows = [f"{a:.5f},{b:.5f},{'out' if k else 'in'}" for (a, b), k in zip(x, y, strict=True)]
    path.write_text("\n".join(["a,b,place", *rows]), encoding="utf-8")
    layers = [{"type": "dense", "units": 6, "activation": "relu"}, {"type": "dense", "units": 1}]
    settings = {"epochs": 15, "batch_size": 64, "learning_rate": 0.001, "schedule": "constant"} | training
    return Experiment.from_dict(
        {"data": {"source": str(path), "target": "place"}, "network": {"layers": layers}, "training": settings}
    )


class Watching:
    """Listens to everything; interrupts after so many steps."""

    def __init__(self, steps: int = 99) -> None:
        self.most, self.steps = steps, []

    def stepped(self, step: ClimbStep) -> None:
        self.steps.append(step)

    def begin(self, title: str) -> None:
        if len(self.steps) >= self.most:
            raise KeyboardInterrupt

    def evaluating(self, text: str) -> None: ...

    def scheduled(self, count: int, seconds: float, fidelity: object) -> None: ...

    def progress(self, done: int, total: int) -> None: ...

    def measured(self, soundings: object) -> None: ...

    def planned(self, plan: object) -> None: ...

    def step(self, step: int, steps: int, cost: float) -> None: ...

    def epoch(self, epoch: object) -> None: ...


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> tuple[Climb, Path]:
    folder = tmp_path_factory.mktemp("climb")
    return climb(experiment(folder), 25.0, name="start", runs=folder / "runs"), folder / "runs"


def test_a_climb_ends_below_its_start(story: tuple[Climb, Path]):
    told, _ = story
    first, last = told.kept[0], told.kept[-1]
    assert first.remedy == "Start"
    assert last.error.value < 0.6 * first.error.value
    assert told.spent < 40
    assert told.ended in ("budget", "no gap", "nothing helps")
    assert told.reason
    assert told.left


def test_every_step_was_predicted_and_is_a_run(story: tuple[Climb, Path]):
    told, runs = story
    assert told.best == told.kept[-1].run
    for step in told.steps[1:]:
        assert step.predicted is not None
        assert step.changes
        assert step.sounded > 0
        record = load_prediction(load_run(step.run, runs).folder)
        assert record is not None
        assert record["held"] == step.held
        assert step.error.value == load_run(step.run, runs).errors["dev"].value


def test_the_story_is_told_and_saved(story: tuple[Climb, Path]):
    told, runs = story
    text = str(told)
    assert text.startswith("Start: dev error")
    for step in told.steps:
        assert step.run in text
    assert "Ended:" in text
    assert "Left:" in text
    assert load_run(told.best, runs).folder.read_json("climb.json") == told.to_json()


def test_no_gap_is_the_end(tmp_path: Path):
    """Where nothing is left to gain, nothing is sounded."""
    easy = experiment(tmp_path, noise=0.0, epochs=120, learning_rate=0.02).replace({"goal.human_error": 0.2})
    watching = Watching()
    told = climb(easy, 60.0, runs=tmp_path / "runs", listener=watching)
    assert told.ended == "no gap"
    assert len(told.steps) == len(watching.steps) == 1


def test_an_interruption_tells_the_story_so_far(tmp_path: Path):
    told = climb(experiment(tmp_path), 60.0, runs=tmp_path / "runs", listener=Watching(steps=1))
    assert told.ended == "interrupted"
    assert len(told.steps) == 1
    assert (tmp_path / "runs" / told.best / "climb.json").exists()


def test_a_climb_needs_a_dev_set(tmp_path: Path):
    without = experiment(tmp_path, epochs=1).replace({"split.dev": 0})
    with pytest.raises(LeadlineError, match="dev set, and there is none"):
        climb(without, 5.0, runs=tmp_path / "runs")


class KilledError(BaseException):
    """Ends a climb as SIGKILL does."""


class Killing(Watching):
    """Ends it at one instant."""

    def __init__(self, at: str) -> None:
        super().__init__()
        self.at, self.remedies = at, 0

    def measured(self, soundings: object) -> None:
        self.remedies += 1
        if self.at == "soundings" and self.remedies == 2:
            raise KilledError

    def planned(self, plan: object) -> None:
        if self.at == "training" and self.remedies:
            raise KilledError


def test_a_climb_that_was_killed_goes_on(tmp_path: Path):
    wanted, runs = experiment(tmp_path), tmp_path / "runs"
    with pytest.raises(KilledError):
        climb(wanted, 25.0, name="start", runs=runs, listener=Killing("soundings"))
    with pytest.raises(KilledError):
        climb(wanted, 25.0, name="start", runs=runs, listener=Killing("training"), resume=True)
    sounded = load_run("start", runs).folder.read_json("soundings.json")
    assert sounded["ended"] in ("all", "budget")
    watching = Watching()
    told = climb(wanted, 5.0, runs=runs, listener=watching, resume=True)
    assert told.budget == 25.0 and told.ended in ("budget", "no gap", "nothing helps")
    assert [step.run for step in told.steps].count("start") == 1 and len(told.steps) == len(watching.steps) + 1 > 1
    assert load_run(told.best, runs).folder.read_json("climb.json") == told.to_json()
    assert not (runs / "start" / "climb-steps.json").exists()
    with pytest.raises(UsageError, match="leave data out"):
        climb(wanted, 5.0, data=read(tmp_path / "ring.csv", "place"), runs=runs, resume=True)
