"""Sounds a run: every remedy measured in the order in which it may pay, until the budget ends."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from leadline.data import Dataset
from leadline.errors import LeadlineError
from leadline.measure import Measured
from leadline.runs.run import Run
from leadline.runs.soundings import NEXT_EXPERIMENT, SOUNDINGS
from leadline.search import Variant, Workbench
from leadline.session.results import write_run_report
from leadline.session.test_set import check_same_data
from leadline.soundings.catalogue import MORE_DATA, Remedy, remedies, together
from leadline.soundings.clock import Clock, OutOfTimeError, duration
from leadline.soundings.findings import PROMISING, Baseline, findings
from leadline.soundings.measuring import Fidelity, Line, Measuring
from leadline.soundings.result import Soundings
from leadline.soundings.training import Bench

FIDELITIES = (
    Fidelity(1, 1, 5, 2),
    Fidelity(1, 1, 4, 1),
    Fidelity(1, 1, 3, 1),
    Fidelity(1 / 2, 1, 3, 1),
    Fidelity(1 / 4, 1, 3, 1),
    Fidelity(1 / 4, 1 / 2, 3, 1),
    Fidelity(1 / 8, 1 / 2, 3, 1),
    Fidelity(1 / 8, 1 / 4, 2, 1),
)
"""From the full training to the least that still tells something."""

CALIBRATION_EPOCHS, CALIBRATION_SECONDS = 16, 0.3
OVERBOOKED = 1.3  # larger populations are quicker than the one that is timed, and what may bring least goes last
MOST_TOGETHER = 4


class Listener(Protocol):
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
    listener: Listener | None = None,
    target: float | None = None,
) -> Soundings:
    """Measure what each remedy would do to the dev error of a run, within ``budget`` seconds.

    ``target`` is an error to reach, a fraction or in the target's unit: how many training examples would do?

    The run's own experiment, trained with several seeds, is the baseline. What is found is saved in the run's folder
    after every remedy (``soundings.json``; the best one as an experiment, ``next.toml``), so an interruption keeps it.

    Raises:
        LeadlineError: the run has no dev set or its data have changed, or the budget ended before the baseline.
        KeyboardInterrupt: before the baseline was trained.

    """
    return Sounder(run, budget, data, listener, target).sound()


@dataclass(eq=False)
class _Job:
    remedy: Remedy
    proxy: Remedy
    seconds: float = 0.0


class Sounder:
    """Soundings of one run in progress."""

    def __init__(
        self,
        run: Run,
        budget: float,
        data: Dataset | None = None,
        listener: Listener | None = None,
        target: float | None = None,
    ) -> None:
        if run.status not in ("done", "interrupted"):
            raise LeadlineError(f"{run.name} is {run.status}: soundings start from a finished run.")
        if data is None and run.experiment.data.source is None:
            raise LeadlineError(f"The data of {run.name} came from Python, not from a file: give them to sound(), too.")
        if run.experiment.network.from_ is not None:
            raise LeadlineError(
                f"{run.name} went on from other parameters (network.from), and soundings train networks from their "
                "start: sound a run without it."
            )
        self.run, self.listener, self.clock = run, listener, Clock(budget)
        workbench = Workbench(run.experiment, data)
        check_same_data(run, workbench.plan)
        self.bench = Bench(workbench, self.clock, listener.progress if listener else None)
        self.plan = workbench.plan
        self.ladder = run.diagnosis.ladder
        self._known: dict[str, bool] = {}
        self._targets = () if target is None else (target,)
        try:
            self.measuring, self.jobs = self._planned()
        except OutOfTimeError:
            raise self._too_little() from None
        self.lines: list[Line] = []

    def sound(self) -> Soundings:
        """Measure the baseline, then remedy after remedy."""
        jobs = self._in_order()
        if self.listener is not None:
            estimate = self._per_work * sum(self._work(job.remedy) for job in jobs) + self._baseline_estimate
            self.listener.scheduled(len(jobs), estimate, self.measuring.fidelity)
        self._train_baseline()
        ended, self.lines = "all", []
        for job in jobs:
            try:
                self.lines.append(self._measure(job))
            except KeyboardInterrupt:
                ended = "interrupted"
                break
            self._measured()
        if ended != "interrupted" and (both := self._together()) is not None:
            try:
                self.lines.append(self._measure(both))
                self._measured()
            except KeyboardInterrupt:
                ended = "interrupted"
        untouched = [job for job in jobs if job.remedy not in [line.remedy for line in self.lines]]
        for job in untouched:
            self.lines.append(Line(job.remedy, skipped=True, note="It was interrupted before."))
        if ended == "all" and any(line.skipped for line in self.lines):
            ended = "budget"
        found = self._save(ended)
        write_run_report(self.run, self.plan.data)
        return found

    def _measured(self) -> None:
        """Save what there is after a remedy, and tell of it."""
        found = self._save("running")
        if self.listener is not None:
            self.listener.measured(found)

    def _together(self) -> _Job | None:
        """The promising remedies at once."""
        found = findings(self._baseline(), self.lines, self.measuring.fidelity, self.run)
        promising = {s.key: s for s in found.soundings if s.chance is not None and s.chance >= PROMISING and s.changes}
        order = {key: k for k, key in enumerate(promising)}
        lines = sorted((line for line in self.lines if line.remedy.key in order), key=lambda x: order[x.remedy.key])
        lines = lines[:MOST_TOGETHER]
        shape, m = self.plan.data.image_shape, len(self.plan.split.train)
        jobs = {job.remedy.key: job for job in self.jobs}
        full = [(line.remedy, line.option) for line in lines if line.option is not None]
        short = [(jobs[r.key].proxy, jobs[r.key].proxy.options[r.options.index(o)]) for r, o in full]
        both = together(self.measuring.full, full, m, shape), together(self.measuring.experiment, short, m, shape)
        if both[0] is None or both[1] is None or not self._allowed(both[0].options[0].changes):
            return None
        return _Job(both[0], both[1])

    # ----- planning

    def _planned(self) -> tuple[Measuring, list[_Job]]:
        """The highest fidelity at which all remedies are estimated to fit into the budget, or the lowest there is."""
        measuring, jobs = self._jobs(FIDELITIES[0])
        self._per_work = self._seconds_per_work(measuring)
        for fidelity in FIDELITIES:
            measuring, jobs = self._jobs(fidelity)
            work = sum(_work(measuring.variants_of(job.proxy)) for job in jobs)
            work += _work(measuring.several({}, 0, fidelity.seeds))
            if self._per_work * work <= OVERBOOKED * self.clock.left:
                break
        return measuring, jobs

    def _jobs(self, fidelity: Fidelity) -> tuple[Measuring, list[_Job]]:
        shape, m = self.plan.data.image_shape, len(self.plan.split.train)
        measuring = Measuring(self.bench, fidelity, self.ladder.unit, self._targets)
        pairs = zip(remedies(measuring.full, m, shape), remedies(measuring.experiment, m, shape), strict=True)
        jobs = [_Job(*self._possible(remedy, proxy)) for remedy, proxy in pairs]
        return measuring, [job for job in jobs if job.remedy.options or job.remedy.key == MORE_DATA]

    def _possible(self, remedy: Remedy, proxy: Remedy) -> tuple[Remedy, Remedy]:
        """Without the options that these data or this network do not allow."""
        kept = [k for k, option in enumerate(remedy.options) if self._allowed(option.changes)]
        if len(kept) == len(remedy.options):
            return remedy, proxy
        first, second = (replace(each, options=tuple(each.options[k] for k in kept)) for each in (remedy, proxy))
        return first, second

    def _allowed(self, changes: Mapping[str, Any]) -> bool:
        key = repr(sorted(changes.items()))
        if key not in self._known:
            try:
                self.bench.variant(changes, 0)
            except LeadlineError:
                self._known[key] = False
            else:
                self._known[key] = True
        return self._known[key]

    def _seconds_per_work(self, measuring: Measuring) -> float:
        """What a floating-point operation of training takes here.

        The run itself tells where networks train one after another; populations are several times quicker, and are
        timed for a few epochs.
        """
        one = measuring.variant({}, 0)
        alone = self._run_seconds / _work([one])
        if one.kind is None:
            return alone
        epochs, per_work = 1, alone
        while epochs <= CALIBRATION_EPOCHS:
            changes = {"training.epochs": epochs, "training.schedule": "constant"}
            variants = [measuring.variant(changes, k) for k in range(measuring.fidelity.seeds)]
            started = self.clock.spent
            self.bench.train(variants)
            took = self.clock.spent - started
            per_work = took / _work(variants)
            if took > CALIBRATION_SECONDS:
                break
            epochs *= 4
        return min(per_work, alone)

    @property
    def _run_seconds(self) -> float:
        """Seconds of the run's own training, had it had all its epochs."""
        history = self.run.history
        seconds = sum(epoch["seconds"] for epoch in history)
        return seconds * (self.plan.experiment.training.epochs or 1) / max(len(history), 1)

    @property
    def _baseline_estimate(self) -> float:
        return self._per_work * _work(self.measuring.several({}, 0, self.measuring.fidelity.seeds))

    def _work(self, remedy: Remedy) -> float:
        job = next(job for job in self.jobs if job.remedy is remedy)
        return _work(self.measuring.variants_of(job.proxy))

    def _in_order(self) -> list[_Job]:
        """What may bring most for its work to the gaps to work on goes first."""
        gaps = self.run.diagnosis.principal
        base = _work(self.measuring.several({}, 0, self.measuring.fidelity.seeds))

        def value(job: _Job) -> float:
            return job.remedy.worth_for(gaps) / (1.0 + self._work(job.remedy) / base)

        return sorted(self.jobs, key=value, reverse=True)

    # ----- measuring

    def _train_baseline(self) -> None:
        self._tell("The run's own experiment with other seeds")
        variants = self.measuring.several({}, 0, self.measuring.fidelity.seeds)
        started = self.clock.spent
        try:
            self.measuring.train_baseline()
        except OutOfTimeError:
            raise self._too_little() from None
        if len(self.measuring.baseline) < 2:
            raise LeadlineError(f"The experiment of {self.run.name} diverges with most seeds: lower its learning rate.")
        self._per_work = (self.clock.spent - started) / _work(variants)

    def _too_little(self) -> OutOfTimeError:
        """The budget did not suffice for the baseline: how much would."""
        seconds = max(3 * self.clock.budget, FIDELITIES[-1].epochs * 20 * self._run_seconds)
        return OutOfTimeError(
            f"The budget of {duration(self.clock.budget)} ended before the run's own experiment was trained with other "
            f"seeds.\nGive more time, such as --budget {math.ceil(seconds / 60)}m."
        )

    def _measure(self, job: _Job) -> Line:
        needed = self._per_work * _work(self.measuring.variants_of(job.proxy))
        if self.clock.over or needed > 1.5 * self.clock.left:
            left = duration(max(self.clock.left, 0.0))
            note = f"The budget ended: it takes about {duration(needed)}, and {left} were left."
            return Line(job.remedy, skipped=True, note=note)
        self._tell(job.remedy.title)
        try:
            return self.measuring.measure(job.remedy, job.proxy)
        except OutOfTimeError:
            return Line(job.remedy, skipped=True, note="The budget ended while it was measured.")

    def _tell(self, title: str) -> None:
        if self.listener is not None:
            self.listener.begin(title)

    # ----- saving

    def _save(self, ended: str) -> Soundings:
        """Set the lines beside each other and write what they say."""
        found = findings(self._baseline(), self.lines, self.measuring.fidelity, self.run)
        found = replace(found, budget=self.clock.budget, spent=round(self.clock.spent, 1), ended=ended)
        folder = self.run.folder
        folder.write_json(SOUNDINGS, found.to_json())
        best = found.sounding(found.best) if found.best else None
        if best is not None:
            folder.write_text(NEXT_EXPERIMENT, self.run.experiment.replace(best.changes).to_toml())
        else:
            (folder / NEXT_EXPERIMENT).unlink(missing_ok=True)
        return found

    def _baseline(self) -> Baseline:
        trained = self.measuring.baseline
        errors = np.array([found.dev.error for found in trained])
        draws = np.mean([found.dev.draws for found in trained], 0)
        sd = float(errors.std(ddof=1))
        se = float(np.hypot(draws.std(ddof=1), sd / len(errors) ** 0.5))
        error = float(errors.mean())
        measured = Measured(error, max(error - 1.96 * se, 0.0), error + 1.96 * se, len(self.plan.split.dev), 0.95)
        return Baseline(
            replace(measured, unit=self.ladder.unit),
            float(np.mean([found.train.error for found in trained])),
            sd,
            len(errors),
            float(np.mean([found.seconds for found in trained])),
            self._run_seconds,
            self.ladder.reference.error.value,
        )


def _work(variants: Sequence[Variant]) -> float:
    """Floating-point operations that training takes, in the main: three passes over each example and epoch."""
    return sum(_flops(variant) * _size(variant) * variant.single.settings.epochs for variant in variants)


def _size(variant: Variant) -> int:
    subset = variant.single.subset
    return len(variant.prepared.train) if subset is None else len(subset)


def _flops(variant: Variant) -> float:
    network, shape = variant.single.network, variant.prepared.plan.input_shape
    return 3.0 * sum(layer.flops(given) for layer, given in zip(network.layers, network.shapes(shape), strict=False))
