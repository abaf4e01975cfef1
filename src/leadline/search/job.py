"""A search from its experiment to its result; the command line and Python both end here."""

from __future__ import annotations

import hashlib
import json
import math
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, Protocol

import optuna
from optuna import Study
from optuna.trial import TrialState

from leadline.data import Dataset
from leadline.errors import LeadlineError
from leadline.experiment import Experiment
from leadline.search.analysis import Finalist, edges, expected_error, finalists, importances, ranked
from leadline.search.coarse_to_fine import GIVEN_OUT_AGAIN, OUTCOME
from leadline.search.distributions import distribution, parameter, parameter_name
from leadline.search.processes import interrupt, processes_at_work
from leadline.search.records import SearchFolder, SearchRecord, TrialRecord, load
from leadline.search.report import write_search_report
from leadline.search.samplers import strategy
from leadline.search.settings import SearchSettings
from leadline.search.spaces import Space
from leadline.search.storage import HEARTBEAT, agree, open_storage, open_study, storage_errors
from leadline.search.tiers import default_space
from leadline.search.worker import HISTORY, Worker, records_of
from leadline.text import seconds_of
from leadline.variants.variants import PreparedExperiment

BUDGET_FOR_TRIALS = 0.8
"""The share of the budget after which trials end, so that the best can be trained with other seeds."""


class SearchListener(Protocol):
    """Who wants to know how a search goes on."""

    def planned(self, prepared: PreparedExperiment, space: Space, settings: SearchSettings, done: int) -> None:
        """The search is about to begin, or to go on after ``done`` trials."""

    def trial(self, record: TrialRecord) -> None:
        """A trial of this process has ended."""

    def finals(self, count: int, seeds: int) -> None:
        """The best so many are trained with other seeds."""


def search(
    experiment: Experiment,
    data: Dataset | None = None,
    *,
    space: Space | None = None,
    settings: SearchSettings | None = None,
    name: str | None = None,
    runs: str | os.PathLike[str] = "runs",
    storage: str | None = None,
    workers: int = 1,
    listener: SearchListener | None = None,
    heartbeat: int = HEARTBEAT,
) -> SearchRecord:
    """Search hyper-parameters of an experiment for the least dev error.

    Args:
        experiment: what is searched; its ``[search]`` holds space and options where they are not given here.
        data: takes the place of what ``[data]`` names.
        space: what may vary; by default ``[search.space]``, or the tiers of importance (`leadline.search.tiers`).
        settings: trials, sampler, seed, budget and so on.
        name: of the search; by default made from what is searched, so that the same call goes on where it ended.
        runs: the folder of the runs; the search gets a folder in its ``searches``.
        storage: a database URL that workers on one or several machines share.
        workers: processes of this machine that work on the search.
        listener: hears how it goes on.
        heartbeat: seconds between a worker's signs of life in a shared storage; after two without any its trials are
            given out again.

    Raises:
        UsageError: a space or an option that cannot be.
        LeadlineError: no dev set, a storage that cannot be used, or another search of that name.

    """
    settings = settings or settings_of(experiment)
    prepared = PreparedExperiment(experiment.replace({"search": {}}), data)
    if prepared.variant().prepared.dev is None:
        raise LeadlineError("A search compares dev errors, and the dev set is empty: give split.dev a size.")
    space = space or space_of(experiment, prepared, settings)
    for point in space.probes():  # what cannot be trained is said before anything is written
        prepared.variant(point)
    started = time.monotonic()
    problem = _problem(prepared, space, settings)
    folder = SearchFolder(runs, name or _name(prepared, problem))
    if storage is None and workers > 1:
        folder.path.mkdir(parents=True, exist_ok=True)
        storage = f"sqlite:///{(folder / 'trials.db').resolve()}"
    job = _Job(experiment, data, space, settings, folder, storage, problem, heartbeat)
    with storage_errors(storage) if storage else _nothing():
        return job.run(prepared, workers, started, listener)


def settings_of(experiment: Experiment, given: Mapping[str, Any] | None = None) -> SearchSettings:
    """The options of ``[search]``, overruled by those given (None: not given)."""
    experiment.load_modules()
    section = experiment.search.model_dump(exclude_none=True, exclude={"space"})
    values = section | {key: value for key, value in (given or {}).items() if value is not None}
    if "budget" in values:
        values["budget"] = seconds_of(values["budget"])
    return SearchSettings(**values)


def space_of(experiment: Experiment, prepared: PreparedExperiment, settings: SearchSettings) -> Space:
    """The space of ``[search.space]``, or that of the tiers."""
    tables = experiment.search.space
    return Space.from_config(tables) if tables else default_space(prepared.plan, settings.tiers)


@dataclass(frozen=True, eq=False)
class _Job:
    """One search: all that a process needs to work on it."""

    experiment: Experiment
    data: Dataset | None
    space: Space
    settings: SearchSettings
    folder: SearchFolder
    storage: str | None
    problem: Mapping[str, Any]
    heartbeat: int = HEARTBEAT

    def run(
        self, prepared: PreparedExperiment, workers: int, started: float, listener: SearchListener | None
    ) -> SearchRecord:
        """Work, alone or with others, and sum up."""
        settings, folder = self.settings, self.folder
        chosen = strategy(settings.sampler, self.space, settings.trials, settings.seed)
        storage = open_storage(self.storage, self.heartbeat)
        study = open_study(storage, folder.name, chosen.sampler)
        self._join(study)
        done = [record for record in records_of(study, self.space) if record.done]
        if listener is not None:
            listener.planned(prepared, self.space, settings, len(done))
        if self._is_done(done):
            return load(folder.path)
        folder.write_summary(self._summary(prepared, started))
        folder.write("experiment.toml", self.experiment.to_toml())

        def ended(record: TrialRecord) -> None:
            folder.append([record])
            if listener is not None:
                listener.trial(record)

        budget = settings.budget
        deadline = None if budget is None else started + BUDGET_FOR_TRIALS * budget
        worker = Worker(prepared, self.space, study, storage, chosen, settings, deadline, ended, folder.keep_losses)
        left = None if deadline is None else deadline - time.monotonic()
        with processes_at_work(partial(self.work, left), workers - 1) as others:
            stopped = worker.run()
            if stopped == "interrupted":
                interrupt(others)
        records = records_of(study, self.space)
        folder.write_trials([record for record in records if record.state != "running"])
        if stopped == "interrupted":
            folder.write_summary(self._summary(prepared, started, "interrupted", records))
            raise KeyboardInterrupt
        return self._finish(prepared, started, records, listener)

    def _is_done(self, done: Sequence[TrialRecord]) -> bool:
        """Whether this very search has its result already."""
        known = self.folder.summary() or {}
        before = {**known.get("settings", {}), "budget": None, "trials": None}
        same = before == {**asdict(self.settings), "budget": None, "trials": None}
        finished = sum(known.get("counts", {}).get(state, 0) for state in ("complete", "pruned", "diverged"))
        return (
            known.get("status") == "done" and same and "best" in known and finished == len(done) >= self.settings.trials
        )

    def work(self, seconds: float | None) -> None:
        """What another process of this machine does, for so many seconds at most."""
        deadline = None if seconds is None else time.monotonic() + seconds
        prepared = PreparedExperiment(self.experiment.replace({"search": {}}), self.data)
        chosen = strategy(self.settings.sampler, self.space, self.settings.trials, self.settings.seed)
        storage = open_storage(self.storage, self.heartbeat)
        study = open_study(storage, self.folder.name, chosen.sampler)
        Worker(
            prepared,
            self.space,
            study,
            storage,
            chosen,
            self.settings,
            deadline,
            lambda record: self.folder.append([record]),
            self.folder.keep_losses,
        ).run()

    def _join(self, study: Study) -> None:
        """Go on with what is there: in the shared storage, or in the folder."""
        if self.storage is not None:
            agree(study, self.problem)
            return
        known = self.folder.summary()
        if known is not None and known.get("problem") != json.loads(json.dumps(self.problem)):
            raise LeadlineError(
                f"The search '{self.folder.name}' is there already, with another experiment or other options.\n"
                "Choose another name with --name, or give the same to go on with it."
            )
        _restore(study, self.space, self.folder.trials())

    def _finish(
        self,
        prepared: PreparedExperiment,
        started: float,
        records: Sequence[TrialRecord],
        listener: SearchListener | None,
    ) -> SearchRecord:
        """Train the best with other seeds, and write the result."""
        settings, folder = self.settings, self.folder
        if not ranked(records):
            folder.write_summary(self._summary(prepared, started, "done", records))
            raise LeadlineError(_nothing_complete(records, settings))
        if listener is not None and settings.finalists:
            listener.finals(min(settings.finalists, len(ranked(records))), settings.seeds)
        deadline = math.inf if settings.budget is None else started + settings.budget
        leaders = finalists(
            prepared,
            records,
            max(1, settings.finalists),
            settings.seeds if settings.finalists else 0,
            lambda: time.monotonic() >= deadline,
        )
        best = leaders[0]
        variant = prepared.variant(best.values)
        folder.write("best.toml", variant.experiment.to_toml())
        result = self._summary(prepared, started, "done", records) | self._result(prepared, best, leaders, records)
        folder.write_summary(result)
        record = load(folder.path)
        write_search_report(record)
        return record

    def _result(
        self, prepared: PreparedExperiment, best: Finalist, leaders: Sequence[Finalist], records: Sequence[TrialRecord]
    ) -> dict[str, Any]:
        expected = expected_error(prepared.plan, self.folder, records)
        return {
            "best": best.to_json() | {"experiment": str(self.folder / "best.toml")},
            "expected": None if expected is None else expected.to_json(),
            "finalists": [finalist.to_json() for finalist in leaders],
            "importance": [asdict(importance) for importance in importances(self.space, records)],
            "edges": edges(self.space, best.values),
        }

    def _summary(
        self, prepared: PreparedExperiment, started: float, status: str = "running", records: Sequence[TrialRecord] = ()
    ) -> dict[str, Any]:
        plan = prepared.plan
        known = self.folder.summary() or {}
        seconds = known.get("seconds_before", 0.0) + time.monotonic() - started
        before = known.get("seconds", 0.0) if status == "running" else known.get("seconds_before", 0.0)
        states = [record.state for record in records]
        return {
            "name": self.folder.name,
            "status": status,
            "started": known.get("started") or datetime.now(UTC).isoformat(timespec="seconds"),
            "seconds": seconds if status != "running" else before,
            "seconds_before": before,
            "storage": None if self.storage is None else self.storage.rpartition("@")[2],
            "settings": asdict(self.settings),
            "space": self.space.to_config(),
            "problem": self.problem,
            "source": plan.source,
            "task": plan.data.task,
            "metric": plan.experiment.goal.optimizing,
            "experiment": self.experiment.to_toml(),
            "counts": {state: states.count(state) for state in sorted(set(states))},
        }


def _restore(study: Study, space: Space, records: Sequence[TrialRecord]) -> None:
    """Put a folder's trials into a study in memory, each under its own number."""
    given_up = {number for record in records for number in record.earlier}
    for record in records:
        for number in range(len(study.get_trials(deepcopy=False)), record.number):
            cut_short = number not in given_up  # by an end without warning: it is given out again
            study.add_trial(optuna.create_trial(state=TrialState.WAITING if cut_short else TrialState.FAIL))
        chosen = [space[key] for key in record.values]
        states = {"complete": TrialState.COMPLETE, "waiting": TrialState.WAITING}
        attribute = record.to_json()
        kept = ("state", "dev_error", "dev_cost", "epochs", "kept_epoch", "seconds", "curve")
        study.add_trial(
            optuna.create_trial(
                state=states.get(record.state, TrialState.PRUNED),
                params={parameter_name(d): parameter(d, record.values[d.key]) for d in chosen},
                distributions={parameter_name(d): distribution(d) for d in chosen},
                value=record.dev_error if record.state == "complete" else None,
                user_attrs={OUTCOME: {key: attribute[key] for key in kept}} if record.done else {},
                intermediate_values=dict(record.rungs),
                system_attrs={GIVEN_OUT_AGAIN: record.earlier[0], HISTORY: [*record.earlier]} if record.earlier else {},
            )
        )


def _problem(prepared: PreparedExperiment, space: Space, settings: SearchSettings) -> dict[str, Any]:
    """What makes two calls the same search; paths may differ between machines, the data may not."""
    experiment = prepared.experiment.to_dict()
    experiment.pop("data", None)
    problem = {
        "data": prepared.plan.data.fingerprint()["sha256"],
        "experiment": experiment,
        "space": space.to_config(),
        "sampler": settings.sampler,
        "seed": settings.seed,
    }
    return problem | ({"trials": settings.trials} if settings.sampler in ("grid", "coarse-to-fine") else {})


def _name(prepared: PreparedExperiment, problem: Mapping[str, Any]) -> str:
    """A name that the same search always gets."""
    digest = hashlib.sha256(json.dumps(problem, sort_keys=True, default=str).encode()).hexdigest()[:8]
    stem = "".join(c if c.isalnum() else "-" for c in prepared.plan.data.name.lower()).strip("-")[:40] or "search"
    return f"{stem}-{problem['sampler']}-{digest}"


def _nothing_complete(records: Sequence[TrialRecord], settings: SearchSettings) -> str:
    diverged = sum(record.state == "diverged" for record in records)
    if diverged:
        return f"No trial came to its end: {diverged} of {len(records)} diverged. Search lower learning rates."
    return "No trial came to its end within the budget; give more time, or fewer epochs to each: training.epochs."


@contextmanager
def _nothing() -> Iterator[None]:
    yield
