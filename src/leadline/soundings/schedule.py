"""Which remedies are sounded, at what share of the full training, and in which order, so that a budget suffices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from leadline.errors import LeadlineError
from leadline.runs.run import Run
from leadline.search import Variant
from leadline.soundings.candidates import MORE_DATA, candidates_for, with_probed
from leadline.soundings.measurement import Fidelity
from leadline.soundings.measuring import Measuring
from leadline.soundings.training import BudgetedTrainer
from leadline.strategy.findings import Finding
from leadline.strategy.findings.catalogue import TRAINING
from leadline.strategy.remedies import RemedyOptions

if TYPE_CHECKING:
    from leadline.soundings.kept import SoundingSettings

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


@dataclass(eq=False)
class Job:
    """A remedy to sound, and the same one for the experiment in short."""

    remedy: RemedyOptions
    proxy: RemedyOptions


class SoundingSchedule:
    """The jobs of one run's soundings at the highest fidelity for which its budget is estimated to suffice.

    Attributes:
        measuring: measures remedies at that fidelity.
        jobs: what there is to sound.
        alone: seconds that a floating-point operation takes here in networks that train one after another.
        at_once: and in those that train as a population.

    ``before`` are the settings of soundings of the run that were ended, and go on.

    Raises:
        OutOfTimeError: the budget ended before anything was timed.

    """

    def __init__(
        self,
        bench: BudgetedTrainer,
        run: Run,
        targets: Sequence[float] = (),
        before: SoundingSettings | None = None,
    ) -> None:
        self.bench, self.run, self.plan, self.targets = bench, run, bench.plan, targets
        self.seconds_alone = full_seconds(run, bench)
        self._known: dict[str, bool] = {}
        if before is not None:  # it goes on with what was trained at this fidelity
            self.alone, self.at_once = before.alone, before.at_once
            self.measuring, self.jobs = self._at(before.fidelity)
            return
        self.measuring, self.jobs = self._at(FIDELITIES[0])
        one = self.measuring.variant({}, 0)
        self.alone = self.seconds_alone / work([one])
        self.at_once = self.alone if one.kind is None else self._timed()
        for fidelity in FIDELITIES:
            self.measuring, self.jobs = self._at(fidelity)
            if self.seconds <= OVERBOOKED * bench.clock.left:
                break

    @property
    def seconds(self) -> float:
        """What the baseline and all jobs are estimated to take."""
        return self.seconds_of(self._baseline) + sum(self.seconds_for(job) for job in self.jobs)

    def seconds_for(self, job: Job) -> float:
        """What sounding one remedy is estimated to take."""
        return self.seconds_of(self.measuring.variants_of(job.proxy))

    def seconds_of(self, variants: Sequence[Variant]) -> float:
        """What training these is estimated to take."""
        alone = [variant for variant in variants if variant.kind is None]
        at_once = [variant for variant in variants if variant.kind is not None]
        return self.alone * work(alone) + self.at_once * work(at_once)

    def learn(self, variants: Sequence[Variant], seconds: float) -> None:
        """Training variants of one kind took so many seconds."""
        if variants[0].kind is None:
            self.alone = seconds / work(variants)
        else:
            self.at_once = seconds / work(variants)

    def in_order(self) -> list[Job]:
        """What may bring most for its work to the gaps to work on goes first."""
        gaps, base = self.run.diagnosis.principal, self.seconds_of(self._baseline)

        def value(job: Job) -> float:
            return job.remedy.worth_for(gaps) / (1.0 + self.seconds_for(job) / base)

        return sorted(self.jobs, key=value, reverse=True)

    def allows(self, changes: Mapping[str, Any]) -> bool:
        """Whether these data and this network can be trained so."""
        key = repr(sorted(changes.items()))
        if key not in self._known:
            try:
                self.bench.variant(changes, 0)
            except LeadlineError:
                self._known[key] = False
            else:
                self._known[key] = True
        return self._known[key]

    @property
    def _probed(self) -> tuple[Finding, ...]:
        """What probes have shown; what the ladder alone shows has no change that was measured."""
        return tuple(f for f in self.run.diagnosis.findings if f.kind.stage == TRAINING or f.p_value is not None)

    @property
    def _baseline(self) -> list[Variant]:
        return self.measuring.several({}, 0, self.measuring.fidelity.seeds)

    def _at(self, fidelity: Fidelity) -> tuple[Measuring, list[Job]]:
        shape, m = self.plan.data.image_shape, len(self.plan.split.train)
        measuring = Measuring(self.bench, fidelity, self.run.diagnosis.ladder.unit, self.seconds_alone, self.targets)
        full, short = (
            with_probed(candidates_for(experiment, m, shape, self.plan.input_shape, self.run.history), self._probed)
            for experiment in (measuring.full, measuring.experiment)
        )
        pairs = zip(full, short, strict=True)
        jobs = [self._possible(remedy, proxy) for remedy, proxy in pairs]
        return measuring, [job for job in jobs if job.remedy.options or job.remedy.key == MORE_DATA]

    def _possible(self, remedy: RemedyOptions, proxy: RemedyOptions) -> Job:
        """Without the options that these data or this network do not allow."""
        kept = [k for k, option in enumerate(remedy.options) if self.allows(option.changes)]
        if len(kept) == len(remedy.options):
            return Job(remedy, proxy)
        first, second = (replace(each, options=tuple(each.options[k] for k in kept)) for each in (remedy, proxy))
        return Job(first, second)

    def _timed(self) -> float:
        """Seconds of an operation in a population: the baseline's networks for a few epochs."""
        clock, epochs, per_work = self.bench.clock, 1, self.alone
        while epochs <= CALIBRATION_EPOCHS:
            changes = {"training.epochs": epochs, "training.schedule": "constant"}
            variants = [self.measuring.variant(changes, k) for k in range(self.measuring.fidelity.seeds)]
            started = clock.spent
            self.bench.train(variants)
            took = clock.spent - started
            per_work = took / work(variants)
            if took > CALIBRATION_SECONDS:
                break
            epochs *= 4
        return min(per_work, self.alone)


def full_seconds(run: Run, bench: BudgetedTrainer) -> float:
    """Seconds of the run's own training, had it had all its epochs."""
    seconds = sum(epoch["seconds"] for epoch in run.history)
    return seconds * (bench.plan.experiment.training.epochs or 1) / max(len(run.history), 1)


def work(variants: Sequence[Variant]) -> float:
    """Floating-point operations that training takes, in the main: three passes over each example and epoch."""
    return sum(_flops(variant) * _size(variant) * variant.resolved.settings.epochs for variant in variants)


def _size(variant: Variant) -> int:
    subset = variant.resolved.subset
    return len(variant.prepared.train) if subset is None else len(subset)


def _flops(variant: Variant) -> float:
    network, shape = variant.resolved.network, variant.prepared.plan.input_shape
    return 3.0 * sum(layer.flops(given) for layer, given in zip(network.layers, network.shapes(shape), strict=False))
