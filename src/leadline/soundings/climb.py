"""Climbing: diagnose, sound, train the best remedy, and again, until the budget ends or nothing is left to gain."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from leadline.data import Dataset
from leadline.errors import LeadlineError, UsageError
from leadline.experiment import Experiment
from leadline.files import writing
from leadline.measure import Estimate
from leadline.report.rendering import write_page
from leadline.report.sounding_parts import render_climb
from leadline.runs.run import Run, load_run
from leadline.runs.soundings import CLIMB, CLIMB_PAGE, UNFINISHED_CLIMB, load_soundings, unfinished_climb
from leadline.runs.store import RunStore
from leadline.session.recorder import TrainingListener
from leadline.session.resume import train_or_resume
from leadline.session.training import run_experiment
from leadline.soundings.clock import Clock, OutOfTimeError
from leadline.soundings.findings import PROMISING
from leadline.soundings.prediction import Prediction, train_next
from leadline.soundings.result import Sounding, Soundings
from leadline.soundings.sounder import SoundingListener, sound
from leadline.text import duration

SHARE_OF_ROUND, SHARE_OF_LAST_ROUND = 0.4, 0.8
"""Of the time that is left, this share goes to the next soundings; the rest to training and to later rounds."""

BUDGET, NO_GAP, NOTHING_HELPS, INTERRUPTED = "budget", "no gap", "nothing helps", "interrupted"


@dataclass(frozen=True)
class ClimbStep:
    """One run of a climb.

    Attributes:
        run: its name.
        remedy: what was changed, "Start" for the first.
        changes: keys of the experiment.
        error: dev error of the run.
        predicted: what soundings expected, with its 90 % interval; None for the start.
        held: whether the prediction held.
        kept: whether the climb went on from here.
        gaps: the principal gaps of the run.
        conclusion: its diagnosis in words.
        sounded: how many remedies were measured before it.
        seconds: since the climb began.
        why: why it was not kept.

    """

    run: str
    remedy: str
    changes: Mapping[str, Any]
    error: Estimate
    predicted: Estimate | None
    held: bool | None
    kept: bool
    gaps: tuple[str, ...]
    conclusion: str
    sounded: int
    seconds: float
    why: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        predicted = None if self.predicted is None else self.predicted.to_json()
        plain = {"error": self.error.to_json(), "predicted": predicted, "gaps": list(self.gaps)}
        return {**vars(self), **plain, "changes": dict(self.changes)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ClimbStep:
        """The inverse of ``to_json``."""
        predicted = None if data["predicted"] is None else Estimate.from_json(data["predicted"])
        plain = {"error": Estimate.from_json(data["error"]), "predicted": predicted, "gaps": tuple(data["gaps"])}
        return cls(**{**data, **plain})


@dataclass(frozen=True)
class Climb:
    """The story of a climb.

    Attributes:
        steps: every run, in order.
        best: name of the run that it led to.
        ended: ``"budget"``, ``"no gap"``, ``"nothing helps"`` or ``"interrupted"``.
        reason: that in a sentence.
        left: what is left to do and why, such as more data.
        metric: what the errors are.
        budget: seconds that were allowed.
        spent: seconds that it took.

    """

    steps: tuple[ClimbStep, ...]
    best: str
    ended: str
    reason: str
    left: str
    metric: str
    budget: float
    spent: float

    @property
    def kept(self) -> tuple[ClimbStep, ...]:
        """The steps that it went on from."""
        return tuple(step for step in self.steps if step.kept)

    def to_json(self) -> dict[str, Any]:
        """Plain values, as in ``climb.json``."""
        return {**vars(self), "steps": [step.to_json() for step in self.steps]}

    def __str__(self) -> str:
        lines = [step_text(step) for step in self.steps]
        first, last = self.kept[0].error, self.kept[-1].error
        lines += [
            f"Dev {self.metric} {first.plain()} → {last.plain()} in {duration(self.spent)}: {self.best}.",
            f"Ended: {self.reason}",
        ]
        return "\n".join(lines + ([f"Left: {self.left}"] if self.left else []))


class ClimbListener(SoundingListener, TrainingListener, Protocol):
    """Who wants to know how a climb goes on: its soundings, its trainings, and each step."""

    def stepped(self, step: ClimbStep) -> None:
        """A run is done."""


def climb(
    experiment: Experiment,
    budget: float = 1800.0,
    data: Dataset | None = None,
    *,
    name: str | None = None,
    runs: str | os.PathLike[str] = "runs",
    listener: ClimbListener | None = None,
    resume: bool = False,
) -> Climb:
    """Train an experiment, and change it for the better as long as the budget of seconds lasts.

    The story is saved with the run that it led to (``climb.json``, ``climb.html``). ``resume`` goes on with the last
    climb of this experiment that was killed or interrupted: with its runs, with the soundings and the training that
    were under way, and with what is left of the larger of the two budgets. Where there is none, a climb begins.

    Raises:
        LeadlineError: the experiment has no dev set, or as training it does.
        UsageError: ``resume`` with data from Python, which nobody can know to be the same.

    """
    if resume and data is not None:
        raise UsageError("climb: resume = True needs data that the experiment names; leave data out.")
    return _Climber(experiment, budget, data, Path(runs), listener, resume).climb(name)


class _Climber:
    def __init__(
        self,
        experiment: Experiment,
        budget: float,
        data: Dataset | None,
        runs: Path,
        listener: ClimbListener | None,
        resume: bool,
    ) -> None:
        self.experiment, self.data, self.runs, self.listener = experiment, data, runs, listener
        self.clock, self.resume, self.sounded_before = Clock(budget), resume, resume
        self.steps: list[ClimbStep] = []
        self.before: list[str] = []  # of each step, the run that it changes
        self.ended, self.reason = BUDGET, ""
        self.last: Soundings | None = None

    def climb(self, name: str | None) -> Climb:
        run = (self._go_on() if self.resume else None) or self._start(name)
        try:
            while (better := self._round(run)) is not None:
                run = better
        except KeyboardInterrupt:
            self.ended, self.reason = INTERRUPTED, "it was interrupted."
        return self._finish(run)

    def _start(self, name: str | None) -> Run:
        if self.resume:
            run = train_or_resume(self.experiment, name=name, runs=self.runs, listener=self.listener)
        else:
            run = run_experiment(self.experiment, self.data, name=name, runs=self.runs, listener=self.listener)
        if run.status == "interrupted":
            raise KeyboardInterrupt
        if "dev" not in run.errors:
            raise LeadlineError("A climb is measured on the dev set, and there is none: give split.dev a size.")
        self._record(run, "Start", {}, None, 0)
        return run

    def _go_on(self) -> Run | None:
        """Take over the steps of the last climb of this experiment that was ended; the run that it had come to."""
        for folder in sorted(RunStore(self.runs).folders(), key=lambda each: each.path.stat().st_mtime, reverse=True):
            record = unfinished_climb(folder)
            if record is None or record["experiment"] != self.experiment.to_toml():
                continue
            budget = max(self.clock.budget, record["budget"])
            self.clock = Clock(budget, time.monotonic() - record["spent"])
            self.steps = [ClimbStep.from_json(step) for step in record["steps"]]
            self.before = list(record["before"])
            return load_run(next(step.run for step in reversed(self.steps) if step.kept), self.runs)
        return None

    def _keep(self) -> None:
        """Write with the first run what there is so far, so that the climb can go on after whatever ends it."""
        record = {
            "experiment": self.experiment.to_toml(),
            "budget": self.clock.budget,
            "spent": self.clock.spent,
            "steps": [step.to_json() for step in self.steps],
            "before": self.before,
        }
        load_run(self.steps[0].run, self.runs).folder.write_json(UNFINISHED_CLIMB, record)

    def _round(self, run: Run) -> Run | None:
        """Sound the run and train what promises most, then the next best, until one is better; None for the end."""
        if not run.diagnosis.principal and not _level_is_unknown(run):
            return self._end(NO_GAP, f"no gap is present. {run.diagnosis.conclusion}")
        promising = self._sound(run, SHARE_OF_ROUND)
        if not promising and self.last is not None and (self.last.ended == "budget" or self.last.epochs_share < 1):
            promising = self._sound(run, SHARE_OF_LAST_ROUND)
        if self.last is None:
            return self._end(BUDGET, f"the time that was left did not suffice to sound {run.name}.")
        measured = sum(s.change is not None for s in self.last.soundings)
        for sounding in promising:
            if (sounding.cost or 0.0) > self.clock.left:
                cost, left = duration(sounding.cost or 0.0), duration(max(self.clock.left, 0.0))
                self._end(BUDGET, f"{sounding.name} takes about {cost}, and {left} were left.")
                continue
            better = self._try(run, sounding, measured)
            if better is not None:
                return better
        if self.reason:
            return None
        if self.last.ended == "budget":
            return self._end(BUDGET, "the time that was left did not suffice to sound every remedy.")
        return self._end(NOTHING_HELPS, "nothing that was measured is expected to lower the dev error any more.")

    def _sound(self, run: Run, share: float) -> list[Sounding]:
        """The remedies that promise something, measured within this share of the time that is left."""
        self.last = self._sounded_before(run)
        try:
            self.last = self.last or sound(
                run, share * self.clock.left, self.data, self.listener, telling_apart=False, resume=self.resume
            )
        except OutOfTimeError:
            return []
        if self.last.ended == "interrupted":
            raise KeyboardInterrupt
        tried = [step.changes for step, before in zip(self.steps, self.before, strict=True) if before == run.name]
        promising = [s for s in self.last.soundings if s.changes and (s.chance or 0.0) >= PROMISING]
        return [sounding for sounding in promising if dict(sounding.changes) not in tried]

    def _sounded_before(self, run: Run) -> Soundings | None:
        """The soundings that had come to their end before the climb that goes on was ended; asked for once."""
        once, self.sounded_before = self.sounded_before, False
        record = load_soundings(run.folder) if once else None
        return None if record is None or record["ended"] not in ("all", "budget") else Soundings.from_json(record)

    def _try(self, run: Run, sounding: Sounding, measured: int) -> Run | None:
        """Train a remedy in full; the run, if it is better than the last one usually is."""
        assert self.last is not None
        trained, prediction = train_next(run, sounding.key, self.data, listener=self.listener, resume=self.resume)
        if trained.status == "interrupted":
            raise KeyboardInterrupt
        # The last run's own error has had luck; what its experiment reaches with other seeds is the fairer mark.
        mark = max(self.last.error.value, prediction.error_before.value)
        better = prediction.measured.value < mark
        why = "" if better else "it came out no better than before."
        self._record(trained, sounding.name, sounding.changes, prediction, measured, why)
        return trained if better else None

    def _record(
        self,
        run: Run,
        remedy: str,
        changes: Mapping[str, Any],
        prediction: Prediction | None,
        measured: int,
        why: str = "",
    ) -> None:
        error, diagnosis = run.errors["dev"], run.diagnosis
        step = ClimbStep(
            run.name,
            remedy,
            changes,
            error,
            None if prediction is None else prediction.predicted,
            None if prediction is None else prediction.held,
            not why,
            diagnosis.principal,
            diagnosis.conclusion,
            measured,
            round(self.clock.spent, 1),
            why,
        )
        self.steps.append(step)
        self.before.append("" if prediction is None else prediction.before)
        self._keep()
        if self.listener is not None:
            self.listener.stepped(step)

    def _end(self, ended: str, reason: str) -> None:
        self.ended, self.reason = ended, reason

    def _finish(self, run: Run) -> Climb:
        story = Climb(
            tuple(self.steps),
            run.name,
            self.ended,
            self.reason,
            _left(self.last, run),
            run.diagnosis.ladder.metric,
            self.clock.budget,
            round(self.clock.spent, 1),
        )
        record = story.to_json()
        run.folder.write_json(CLIMB, record)
        if self.ended != INTERRUPTED:
            first = load_run(self.steps[0].run, self.runs).folder / UNFINISHED_CLIMB
            with writing(first):
                first.unlink(missing_ok=True)
        experiments = {step.run: load_run(step.run, self.runs).experiment.to_dict() for step in self.steps}
        before = {step.run: experiments[prior or step.run] for step, prior in zip(self.steps, self.before, strict=True)}
        write_page(render_climb(record, before), run.folder / CLIMB_PAGE)
        return story


def _level_is_unknown(run: Run) -> bool:
    """Whether avoidable bias stays open because nobody knows what could be reached: then there may be something."""
    return any(gap.verdict == "cannot tell" and gap.reason for gap in run.diagnosis.ladder.gaps)


def _left(last: Soundings | None, run: Run) -> str:
    """What could still be done: more data where it promises something, else what the diagnosis says."""
    data = None if last is None else last.sounding("more_data")
    if last is not None and data is not None and data.change is not None and data.verdict == "helps":
        return (
            f"{run.diagnosis.conclusion} Twice the training data would change the dev {last.metric} by about "
            f"{data.change.plain()} ({data.change.range()})."
        )
    return run.diagnosis.conclusion


def step_text(step: ClimbStep) -> str:
    """A step in a sentence."""
    if step.predicted is None:
        return f"{step.remedy}: dev error {step.error.plain()} ({step.run})."
    held = "as predicted" if step.held else "not as predicted"
    predicted = f"{step.predicted.plain()} ({step.predicted.range()})"
    kept = "" if step.kept else f" Not kept: {step.why}"
    return f"{step.remedy}: {predicted} predicted, {step.error.plain()} measured, {held} ({step.run}).{kept}"
