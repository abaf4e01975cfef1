"""Sounds a run: every remedy measured in the order in which it may pay, until the budget ends."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Protocol

import numpy as np

from leadline.data import Dataset
from leadline.errors import LeadlineError, LeadlineWarning
from leadline.measure import Estimate
from leadline.runs.run import DIAGNOSIS, Run
from leadline.runs.soundings import NEXT_EXPERIMENT, SOUNDINGS
from leadline.runs.summary import write_summary
from leadline.runs.verification import write_checksums
from leadline.search import PreparedExperiment
from leadline.session.results import write_run_report
from leadline.session.run_data import check_same_data, experiment_with_data
from leadline.soundings.candidates import together
from leadline.soundings.clock import Clock, OutOfTimeError
from leadline.soundings.findings import PROMISING, Baseline, findings
from leadline.soundings.kept import KeptTrainings, SoundingSettings
from leadline.soundings.measurement import Fidelity, RemedyMeasurement
from leadline.soundings.race import MOST_SEEDS, leaders, promises
from leadline.soundings.result import Soundings
from leadline.soundings.schedule import FIDELITIES, Job, SoundingSchedule, full_seconds
from leadline.soundings.training import BudgetedTrainer
from leadline.text import duration

MOST_TOGETHER = 4


class SoundingListener(Protocol):
    """Who wants to know how soundings go on."""

    def scheduled(self, count: int, seconds: float, fidelity: Fidelity) -> None:
        """So many remedies are about to be sounded, which is estimated to take so many seconds."""

    def begin(self, title: str) -> None:
        """A remedy (or the baseline) is about to be measured."""

    def progress(self, done: int, total: int) -> None:
        """So many epochs of its networks are done."""

    def measured(self, soundings: Soundings) -> None:
        """A remedy is measured; everything so far."""


def sound(
    run: Run,
    budget: float = 300.0,
    data: Dataset | None = None,
    listener: SoundingListener | None = None,
    target: float | None = None,
    telling_apart: bool = True,
    resume: bool = False,
) -> Soundings:
    """Measure what each remedy would do to the dev error of a run, within ``budget`` seconds.

    ``target`` is an error to reach, a fraction or in the target's unit: how many training examples would do? Where time
    is left, remedies that could each be the best are trained with more seeds, unless ``telling_apart`` is False.
    ``resume`` goes on with soundings of the run that were killed or interrupted: what they have trained is not trained
    again, the time that they took counts, and of the two budgets the larger holds. Where there are none, soundings
    begin.

    The run's own experiment, trained with several seeds, is the baseline. What is measured is saved in the run's folder
    after every remedy (``soundings.json``; the best one as an experiment, ``next.toml``), so an interruption keeps it.

    Raises:
        LeadlineError: the run has no dev set or its data have changed, or the budget ended before the baseline.
        KeyboardInterrupt: before the baseline was trained.

    """
    return Sounder(run, budget, data, listener, target, telling_apart, resume).sound()


class Sounder:
    """Soundings of one run in progress."""

    def __init__(
        self,
        run: Run,
        budget: float,
        data: Dataset | None = None,
        listener: SoundingListener | None = None,
        target: float | None = None,
        telling_apart: bool = True,
        resume: bool = False,
    ) -> None:
        if run.status not in ("done", "interrupted"):
            raise LeadlineError(f"{run.name} is {run.status}: soundings start from a finished run.")
        run.needs_network()
        experiment = experiment_with_data(run, data)
        if experiment.network.from_ is not None:
            raise LeadlineError(
                f"{run.name} went on from other parameters (network.from), and soundings train networks from their "
                "start: sound a run without it."
            )
        self.kept = KeptTrainings.of(run.folder)
        before = self.kept.settings if resume else None
        clock = Clock(budget)
        if before is not None:
            clock = Clock(max(budget, before.budget), time.monotonic() - self.kept.spent)
            target = before.target if target is None else target
        self.run, self.listener, self.clock, self.telling_apart = run, listener, clock, telling_apart
        workbench = PreparedExperiment(experiment, data)
        check_same_data(run, workbench.plan)
        self.bench = BudgetedTrainer(workbench, self.clock, listener.progress if listener else None)
        self.plan = workbench.plan
        self.ladder = run.diagnosis.ladder
        try:
            self.schedule = SoundingSchedule(self.bench, run, () if target is None else (target,), before)
        except OutOfTimeError:
            raise self._too_little() from None
        self.measuring = self.schedule.measuring
        if before is None:
            fidelity, schedule = self.measuring.fidelity, self.schedule
            self.kept.begin(SoundingSettings(budget, target, fidelity, schedule.alone, schedule.at_once))
        self.bench.store = self.kept
        self.lines: list[RemedyMeasurement] = []

    def sound(self) -> Soundings:
        """Measure the baseline, then remedy after remedy."""
        jobs, ended = self.schedule.in_order(), "all"
        if self.listener is not None:
            self.listener.scheduled(len(jobs), self.schedule.seconds, self.measuring.fidelity)
        self._train_baseline()
        try:
            self._measure_all(jobs)
        except KeyboardInterrupt:
            ended = "interrupted"
        untouched = [job for job in jobs if job.remedy not in [line.remedy for line in self.lines]]
        for job in untouched:
            self.lines.append(RemedyMeasurement(job.remedy, skipped=True, note="It was interrupted before."))
        if ended == "all" and any(line.skipped for line in self.lines):
            ended = "budget"
        soundings = self._save(ended)
        with suppress(LeadlineError):  # that nothing can be written was said
            if ended != "interrupted":
                self.kept.remove()
            self._conclude(soundings)
            write_run_report(self.run, self.plan.data)
        return soundings

    def _measure_all(self, jobs: Sequence[Job]) -> None:
        """Each remedy by itself, the leaders again with more seeds, and what promises something at once."""
        for job in jobs:
            self.lines.append(self._measure(job))
            self._measured()
        if self.telling_apart and self.measuring.fidelity.full:
            self._race()
        both = self._together()
        if both is not None:
            self.lines.append(self._measure(both))
            self._measured()

    def _race(self) -> None:
        """More seeds for those that lead, until one is significantly best or half of the time left is too little."""
        measuring, seeds = self.measuring, self.measuring.fidelity.seeds
        while True:
            first = leaders(self.lines, self._baseline().sd)
            if len(first) < 2 or len(first[0].group) >= MOST_SEEDS or not promises(first[0]):
                return
            variants = [variant for line in (None, *first) for variant in measuring.more_seeds(line, seeds)]
            if self.schedule.seconds_of(variants) > self.clock.left / 2:
                return
            self._tell(f"The {len(first)} that lead, with more seeds")
            try:
                measuring.measure_again(first, self.lines, seeds)
            except OutOfTimeError:
                return
            self._measured()

    def _measured(self) -> None:
        """Save what there is after a remedy, and tell of it."""
        soundings = self._save("running")
        if self.listener is not None:
            self.listener.measured(soundings)

    def _together(self) -> Job | None:
        """The promising remedies at once."""
        soundings = findings(self._baseline(), self.lines, self.measuring.fidelity, self.run)
        promising = {
            s.key: s for s in soundings.soundings if s.chance is not None and s.chance >= PROMISING and s.changes
        }
        order = {key: k for k, key in enumerate(promising)}
        lines = sorted((line for line in self.lines if line.remedy.key in order), key=lambda x: order[x.remedy.key])
        lines = lines[:MOST_TOGETHER]
        shape, m = self.plan.data.image_shape, len(self.plan.split.train)
        jobs = {job.remedy.key: job for job in self.schedule.jobs}
        full = [(line.remedy, line.option) for line in lines if line.option is not None]
        short = [(jobs[r.key].proxy, jobs[r.key].proxy.options[r.options.index(o)]) for r, o in full]
        both = (
            together(self.measuring.full, full, m, shape, self.plan.input_shape),
            together(self.measuring.experiment, short, m, shape, self.plan.input_shape),
        )
        if both[0] is None or both[1] is None or not self.schedule.allows(both[0].options[0].changes):
            return None
        return Job(both[0], both[1])

    # ----- measuring

    def _train_baseline(self) -> None:
        self._tell("The run's own experiment with other seeds")
        variants = self.measuring.several({}, 0, self.measuring.fidelity.seeds)
        started, n_trained = self.clock.spent, self.bench.n_trained
        try:
            self.measuring.train_baseline()
        except OutOfTimeError:
            raise self._too_little() from None
        if len(self.measuring.baseline) < 2:
            raise LeadlineError(f"The experiment of {self.run.name} diverges with most seeds: lower its learning rate.")
        if self.bench.n_trained - n_trained == len(variants):
            self.schedule.learn(variants, self.clock.spent - started)

    def _too_little(self) -> OutOfTimeError:
        """The budget did not suffice for the baseline: how much would."""
        seconds = max(3 * self.clock.budget, FIDELITIES[-1].epochs * 20 * full_seconds(self.run, self.bench))
        return OutOfTimeError(
            f"The budget of {duration(self.clock.budget)} ended before the run's own experiment was trained with other "
            f"seeds.\nGive more time, such as --budget {math.ceil(seconds / 60)}m."
        )

    def _measure(self, job: Job) -> RemedyMeasurement:
        needed = self.schedule.seconds_for(job)
        if self.clock.over:
            return RemedyMeasurement(job.remedy, skipped=True, note="The budget ended before its turn came.")
        if needed > 1.5 * self.clock.left:
            left = duration(self.clock.left)
            note = f"The budget ended: it would have taken about {duration(needed)}, and {left} of it were left."
            return RemedyMeasurement(job.remedy, skipped=True, note=note)
        self._tell(job.remedy.title)
        try:
            return self.measuring.measure(job.remedy, job.proxy)
        except OutOfTimeError:
            return RemedyMeasurement(job.remedy, skipped=True, note="The budget ended while it was measured.")

    def _tell(self, title: str) -> None:
        if self.listener is not None:
            self.listener.begin(title)

    # ----- saving

    def _conclude(self, soundings: Soundings) -> None:
        """What was measured among the findings of the run's diagnosis."""
        folder, diagnosis = self.run.folder, self.run.diagnosis.after_sounding(soundings.to_json())
        folder.write_json(DIAGNOSIS, diagnosis.to_json())
        write_checksums(folder)
        write_summary(folder, replace(self.run.summary, conclusion=diagnosis.conclusion))
        self.run.refresh()

    def _save(self, ended: str) -> Soundings:
        """Set the lines beside each other and write what they say."""
        soundings = findings(self._baseline(), self.lines, self.measuring.fidelity, self.run)
        soundings = replace(soundings, budget=self.clock.budget, spent=round(self.clock.spent, 1), ended=ended)
        try:
            self._write(soundings)
        except LeadlineError as error:  # what was measured is worth being seen, where it cannot be kept
            warnings.warn(f"{error} The soundings are shown, and not kept.", LeadlineWarning, stacklevel=2)
        return soundings

    def _write(self, soundings: Soundings) -> None:
        folder = self.run.folder
        folder.write_json(SOUNDINGS, soundings.to_json())
        best = soundings.sounding(soundings.best) if soundings.best else None
        if best is not None:
            folder.write_text(NEXT_EXPERIMENT, self.run.experiment.replace(best.changes).to_toml())
        else:
            (folder / NEXT_EXPERIMENT).unlink(missing_ok=True)

    def _baseline(self) -> Baseline:
        trained = self.measuring.baseline
        errors = np.array([network.dev.error for network in trained])
        draws = np.mean([network.dev.draws for network in trained], 0)
        sd = float(errors.std(ddof=1))
        se = float(np.hypot(draws.std(ddof=1), sd / len(errors) ** 0.5))
        error = float(errors.mean())
        measured = Estimate(error, max(error - 1.96 * se, 0.0), error + 1.96 * se, len(self.plan.split.dev), 0.95)
        return Baseline(
            replace(measured, unit=self.ladder.unit),
            float(np.mean([network.train.error for network in trained])),
            sd,
            len(errors),
            full_seconds(self.run, self.bench),
            self.ladder.reference.error.value,
        )
