"""The next run: the best remedy trained in full, and what soundings had predicted beside what came."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from leadline.data import Dataset
from leadline.errors import LeadlineError, UsageError, nearest
from leadline.measure import Estimate
from leadline.runs.run import Run
from leadline.runs.soundings import PREDICTION, load_soundings
from leadline.session.comparing import compare_runs
from leadline.session.recorder import TrainingListener
from leadline.session.resume import train_or_resume
from leadline.session.run_data import experiment_with_data
from leadline.session.training import run_experiment
from leadline.soundings.result import Sounding, Soundings


@dataclass(frozen=True)
class Prediction:
    """What was expected of a run and what it measured.

    Attributes:
        run: the run that was trained.
        before: the run that was sounded.
        sounding: name of the remedy.
        changes: keys of the experiment that it changed.
        predicted: the dev error, with its 90 % interval.
        error_before: dev error of the sounded run.
        measured: dev error of the new run.
        held: whether it lies in the interval.
        comparison: the two runs on the same dev examples, in a sentence.

    """

    run: str
    before: str
    sounding: str
    changes: Mapping[str, Any]
    predicted: Estimate
    error_before: Estimate
    measured: Estimate
    held: bool
    comparison: str

    def to_json(self) -> dict[str, Any]:
        """Plain values, as in ``prediction.json``."""
        numbers = {key: getattr(self, key).to_json() for key in ("predicted", "error_before", "measured")}
        return {**vars(self), "changes": dict(self.changes), **numbers}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Prediction:
        """The inverse of ``to_json``."""
        numbers = {key: Estimate.from_json(data[key]) for key in ("predicted", "error_before", "measured")}
        return cls(**{**data, **numbers})

    def __str__(self) -> str:
        held = "the prediction held" if self.held else "the prediction did not hold"
        return (
            f"{self.sounding}: dev error {self.predicted.plain()} ({self.predicted.range()}) was predicted, "
            f"{self.measured.plain()} was measured (before: {self.error_before.plain()}): {held}.\n{self.comparison}"
        )


def soundings_of(run: Run) -> Soundings:
    """The soundings of a run. LeadlineError: there are none."""
    record = load_soundings(run.folder)
    if record is None:
        raise LeadlineError(f"{run.name} has not been sounded yet: leadline sound {run.name}")
    return Soundings.from_json(record)


def train_next(
    run: Run,
    remedy: str | None = None,
    data: Dataset | None = None,
    *,
    name: str | None = None,
    listener: TrainingListener | None = None,
    resume: bool = False,
) -> tuple[Run, Prediction]:
    """Train the best remedy of a sounded run, or the one of that key; say whether the prediction held.

    The prediction and what came of it are saved with the new run. ``resume`` goes on with a run of the same experiment
    that was ended before its time, if there is one, for data that the experiment names.

    Raises:
        LeadlineError: the run has no soundings, or nothing is expected to help.
        UsageError: for a remedy that was not measured or takes more than another experiment.

    """
    soundings = soundings_of(run)
    chosen = _chosen(soundings, remedy)
    experiment = experiment_with_data(run, data).replace(chosen.changes)
    runs = run.folder.path.parent
    if resume and data is None:
        trained = train_or_resume(experiment, name=name, runs=runs, listener=listener)
    else:
        trained = run_experiment(experiment, data, name=name, runs=runs, listener=listener)
    prediction = _compared(run, trained, chosen, soundings.unit)
    trained.folder.write_json(PREDICTION, prediction.to_json())
    return trained, prediction


def _chosen(soundings: Soundings, remedy: str | None) -> Sounding:
    if remedy is None:
        best = soundings.sounding(soundings.best) if soundings.best else None
        if best is None:
            raise LeadlineError(f"There is no next run of {soundings.run} to train. {soundings.advice}")
        return best
    chosen = soundings.sounding(remedy)
    possible = [sounding.key for sounding in soundings.soundings if sounding.changes and sounding.outcome]
    if chosen is None or chosen.key not in possible:
        raise UsageError(
            f"--remedy {remedy}: {soundings.run} has no such sounding to train.{nearest(remedy, possible)}"
        )
    return chosen


def _compared(run: Run, trained: Run, chosen: Sounding, unit: str) -> Prediction:
    before, after = (each.errors["dev"] for each in (run, trained))
    assert chosen.outcome is not None  # what was chosen was measured
    low, high = chosen.outcome.interval
    # A rate moves in steps of an example: the middle of the step decides.
    step = 0.5 / after.n if unit == "%" and after.n else 0.0
    held = low - step <= after.value <= high + step
    comparison = str(compare_runs([run, trained]).comparisons[0])
    return Prediction(
        trained.name, run.name, chosen.name, chosen.changes, chosen.outcome, before, after, held, comparison
    )
