"""One process at work on a search: asks for trials, trains them together, prunes the hopeless, tells what came out."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from optuna import Study, Trial
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import BaseStorage, InMemoryStorage
from optuna.trial import FrozenTrial, TrialState

from leadline.errors import LeadlineError
from leadline.search.coarse_to_fine import OUTCOME
from leadline.search.distributions import suggest, values_of
from leadline.search.halving import Halving, at_rungs
from leadline.search.records import TrialRecord, thinned
from leadline.search.samplers import GRID_POINT, Grid, Strategy
from leadline.search.settings import SearchSettings
from leadline.search.spaces import Space
from leadline.search.storage import Heartbeat, StaleTrials, ask, give_out_again
from leadline.training import Epoch
from leadline.variants.executor import Executor, Outcome
from leadline.variants.objective import dev_error_of, dev_losses_of
from leadline.variants.variants import PreparedExperiment, Variant

ASKED_AHEAD = 256
"""Trials that a search of one process asks for at once, so that those of one architecture find each other."""
WORKERS_SERVED = 4
"""A worker takes a fourth of the open trials at most, and then of the rest, so that some are left for the others."""
UNFINISHED = ("budget", "interrupted", "request")
DIVERGED = "diverged"
HISTORY = "retry_history"  # Optuna's attribute
OnRecord = Callable[[TrialRecord], object]
OnLosses = Callable[[int, np.ndarray], object]


@dataclass
class _Running:
    """A trial in training: its values, the epochs of its rungs, its earlier numbers, its dev error on rungs reached."""

    trial: Trial
    values: Mapping[str, object]
    rungs: list[int]
    earlier: tuple[int, ...] = ()
    reached: dict[int, float] = field(default_factory=dict)


@dataclass
class Worker:
    """Works on ``study`` until it has as many trials as the settings want, the time is up, or an interruption.

    With a storage that others share, it also takes over what a dead worker left, and waits for the living.
    """

    workbench: PreparedExperiment
    space: Space
    study: Study
    storage: BaseStorage
    strategy: Strategy
    settings: SearchSettings
    deadline: float | None = None
    on_record: OnRecord | None = None
    on_losses: OnLosses | None = None
    stopped: str | None = None
    _running: dict[int, _Running] = field(default_factory=dict)
    _count: int = 0
    _rungs: dict[int, dict[int, float]] = field(default_factory=dict)
    _looked: float = 0.0

    def __post_init__(self) -> None:
        self.shared = not isinstance(self.storage, InMemoryStorage)
        self.target = min(self.settings.trials, self.strategy.most or self.settings.trials)
        self.halving = Halving() if self.settings.pruning else None
        self.executor = Executor(self._epoch, self._end, places=self.settings.places)
        self.undertaker = StaleTrials(self.study, self.storage)
        self._remember_rungs()

    def run(self) -> str | None:
        """Work; returns why it stopped early: "budget", "interrupted" or None."""
        with Heartbeat(self.storage) as self.heartbeat:
            try:
                while not self._done():
                    self.executor.run(more=self._more)
                    if self.executor.stopped or not self.shared:
                        break
                    self._wait()
                self.stopped = self.executor.stopped
            except KeyboardInterrupt:
                self.stopped = "interrupted"
            finally:
                for number in list(self._running):
                    self._give_back(number)
        return self.stopped

    # ----- which trials

    def _more(self, free: int) -> list[Variant]:
        if self._out_of_time() or (self.shared and not self._time_to_look()):
            return []
        self._look_for_the_dead()
        variants: list[Variant] = []
        for _ in range(min(self.target - self._taken(), self._allowed(free))):
            trial = ask(self.study)
            if self.shared and self._surplus(trial):
                self.study.tell(trial, state=TrialState.FAIL)
                break
            variants.append(self._begin(trial))
        return variants

    def _look_for_the_dead(self) -> None:
        self.undertaker.free_trials({running.trial.number for running in self._running.values()})

    def _allowed(self, free: int) -> int:
        """How many trials may be asked for now: those of one round, or as many as are worth having at once."""
        at_once = self.strategy.at_once
        if at_once is None and self.shared:
            share = math.ceil((self.target - self._taken()) / WORKERS_SERVED)
            return max(0, min(free, share - len(self._running)))
        if at_once is None:
            return free if self.deadline is not None else ASKED_AHEAD
        left = at_once - len(self.study.get_trials(deepcopy=False)) % at_once
        return 0 if self._running and left == at_once else left

    def _begin(self, trial: Trial) -> Variant:
        self.heartbeat.begin(trial.number, trial._trial_id)
        values = suggest(trial, self.space)
        sampler = self.strategy.sampler
        if isinstance(sampler, Grid) and GRID_POINT not in trial.user_attrs:
            trial.set_user_attr(GRID_POINT, sampler.point_of(trial.number))
        try:
            variant = self.workbench.variant(values, name=str(trial.number))
        except LeadlineError:
            self.heartbeat.end(trial.number)
            self.study.tell(trial, state=TrialState.FAIL)
            raise
        epochs = variant.resolved.settings.epochs
        rungs = self.halving.epochs(epochs) if self.halving else []
        self._running[self._count] = _Running(trial, values, rungs, self._earlier(trial))
        self._count += 1
        return variant

    def _earlier(self, trial: Trial) -> tuple[int, ...]:
        """What the folder must know to restore the study; a shared storage knows by itself."""
        return () if self.shared else earlier(self.study.get_trials(deepcopy=False)[trial.number])

    def _taken(self) -> int:
        """Trials that are done or that somebody trains."""
        states = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.RUNNING)
        return len(self.study.get_trials(deepcopy=False, states=states))

    def _surplus(self, trial: Trial) -> bool:
        """Whether others took the last places at the same moment: of all that count, the first so many stay."""
        before = [other for other in self.study.get_trials(deepcopy=False) if other.number < trial.number]
        return sum(other.state != TrialState.FAIL for other in before) >= self.target

    def _time_to_look(self) -> bool:
        now = time.monotonic()
        if now - self._looked < 0.2:
            return False
        self._looked = now
        return True

    def _done(self) -> bool:
        finished = (TrialState.COMPLETE, TrialState.PRUNED)
        return self._out_of_time() or len(self.study.get_trials(deepcopy=False, states=finished)) >= self.target

    def _wait(self) -> None:
        """Others still train: look again in a moment, whether they ended or died."""
        if not self._done():
            time.sleep(0.3)
            self._looked = 0.0
            self._look_for_the_dead()

    def _out_of_time(self) -> bool:
        if self.deadline is None or time.monotonic() < self.deadline:
            return False
        self.executor.stop("budget")
        return True

    # ----- how they go

    def _epoch(self, records: Mapping[int, Epoch]) -> Iterable[int]:
        if self._out_of_time() or self.halving is None:
            return []
        arrived: dict[int, dict[int, float]] = {}
        for number, epoch in records.items():
            rung = at_rungs(self._running[number].rungs, epoch.epoch)
            if rung is not None and epoch.dev_error is not None:
                arrived.setdefault(rung, {})[number] = epoch.dev_error
        return [number for rung, errors in arrived.items() for number in self._judge(rung, errors)]

    def _judge(self, rung: int, errors: Mapping[int, float]) -> list[int]:
        """Who of those that arrived at a rung leaves; all are written down there."""
        assert self.halving is not None
        trials = {number: self._running[number].trial for number in errors}
        known = self._on_rung(rung) if self.shared else self._rungs.setdefault(rung, {})
        own = {trial.number for trial in trials.values()}
        others = [error for number, error in known.items() if number not in own]
        leaving = self.halving.hopeless(errors, others)
        for number, error in errors.items():
            trials[number].report(error, rung)
            self._running[number].reached[rung] = error
            known[trials[number].number] = error
        return leaving

    def _on_rung(self, rung: int) -> dict[int, float]:
        trials = self.study.get_trials(deepcopy=False)
        return {t.number: t.intermediate_values[rung] for t in trials if rung in t.intermediate_values}

    def _remember_rungs(self) -> None:
        for trial in self.study.get_trials(deepcopy=False):
            for rung, error in trial.intermediate_values.items():
                self._rungs.setdefault(rung, {})[trial.number] = error

    def _end(self, number: int, outcome: Outcome) -> None:
        if outcome.stopped in UNFINISHED:
            self._give_back(number)
            return
        running = self._running.pop(number)
        trial = running.trial
        record = _record(running, outcome, dev_error_of(outcome))
        try:
            trial.set_user_attr(OUTCOME, _attribute(record))
            if record.state == "complete":
                self.study.tell(trial, record.dev_error)
            else:
                self.study.tell(trial, state=TrialState.PRUNED)
        except (UpdateFinishedTrialError, ValueError):
            return  # others thought that this worker was dead, and train the trial again
        finally:
            self.heartbeat.end(trial.number)
        losses = dev_losses_of(outcome) if self.on_losses is not None and record.state != DIVERGED else None
        if self.on_losses is not None and losses is not None:
            self.on_losses(record.number, losses)
        if self.on_record is not None:
            self.on_record(record)

    def _give_back(self, number: int) -> None:
        """Let somebody else, or a later start, train the trial."""
        trial = self._running.pop(number).trial
        try:
            frozen = self.study.tell(trial, state=TrialState.FAIL)
            give_out_again(self.study, frozen)
        except (UpdateFinishedTrialError, ValueError):
            pass  # somebody has it already
        finally:
            self.heartbeat.end(trial.number)


def _record(running: _Running, outcome: Outcome, dev_error: float | None) -> TrialRecord:
    state = {"pruned": "pruned", DIVERGED: DIVERGED}.get(outcome.stopped, "complete")
    if dev_error is None or not math.isfinite(dev_error):
        state, dev_error = DIVERGED, None
    curve = thinned([(epoch.epoch, epoch.dev_error) for epoch in outcome.history if epoch.dev_error is not None])
    return TrialRecord(
        running.trial.number,
        state,
        dict(running.values),
        dev_error,
        outcome.dev_cost,
        len(outcome.history),
        outcome.kept_epoch,
        outcome.seconds,
        curve,
        running.reached,
        running.earlier,
    )


def _attribute(record: TrialRecord) -> dict[str, object]:
    """What the study remembers of a trial beside its values and its dev error."""
    names = ("state", "dev_error", "dev_cost", "epochs", "kept_epoch", "seconds", "curve")
    return {name: getattr(record, name) for name in names}


def record_of(space: Space, trial: FrozenTrial) -> TrialRecord:
    """A trial of a study as a record."""
    outcome = dict(trial.user_attrs.get(OUTCOME, {}))
    state = {TrialState.RUNNING: "running", TrialState.WAITING: "waiting", TrialState.FAIL: "failed"}.get(trial.state)
    ended = outcome.pop("state", None)
    curve = tuple((int(epoch), float(error)) for epoch, error in outcome.pop("curve", ()))
    values = values_of(space, trial.params)
    if state is not None:
        return TrialRecord(trial.number, state, values, earlier=earlier(trial))
    outcome |= {"curve": curve, "rungs": trial.intermediate_values, "earlier": earlier(trial)}
    return TrialRecord(trial.number, ended or "complete", values, **outcome)


def earlier(trial: FrozenTrial) -> tuple[int, ...]:
    """The numbers that a trial had before it was given out again."""
    return tuple(trial.system_attrs.get(HISTORY, ()))


def records_of(study: Study, space: Space) -> list[TrialRecord]:
    """The study's trials as records, without those that were given out again."""
    return [record_of(space, trial) for trial in study.get_trials(deepcopy=False) if trial.state != TrialState.FAIL]
