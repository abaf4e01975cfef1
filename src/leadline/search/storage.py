"""Where the trials of a search are kept: in memory, or in a database that any number of workers share."""

from __future__ import annotations

import json
import time
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any, TypeVar

import optuna
from optuna import Study
from optuna.exceptions import ExperimentalWarning, OptunaError, StorageInternalError, UpdateFinishedTrialError
from optuna.samplers import BaseSampler
from optuna.storages import BaseStorage, InMemoryStorage, RDBStorage, RetryHeartbeatStaleTrialCallback
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from leadline.errors import LeadlineError, UsageError

HEARTBEAT = 20
"""Seconds between two signs of life; a worker that gave none for twice as long has died, and its trials are free."""
SETTINGS = "leadline"
Result = TypeVar("Result")

optuna.logging.set_verbosity(optuna.logging.ERROR)


def open_storage(url: str | None, heartbeat: int = HEARTBEAT) -> BaseStorage:
    """The storage at a URL such as ``sqlite:///search.db`` or ``postgresql://user@host/name``; None: in memory.

    `LeadlineError`: it cannot be reached, or its driver is not installed; `UsageError`: it is no URL.
    """
    if url is None:
        return InMemoryStorage()
    full_url = _with_driver(url)

    sqlite = full_url.startswith("sqlite")

    def connect() -> RDBStorage:
        with _without_warnings():
            return RDBStorage(
                full_url,
                engine_kwargs={"connect_args": {"timeout": 60}} if sqlite else {"pool_pre_ping": True},
                heartbeat_interval=heartbeat,
                grace_period=2 * heartbeat,
                heartbeat_stale_trial_callback=give_out_again,
            )

    with storage_errors(url):
        storage = _with_patience(connect)
        if sqlite:
            _write_ahead(storage)
    return storage


def _write_ahead(storage: RDBStorage) -> None:
    """Let SQLite keep a log in place of waiting for the disk at each of a trial's many small transactions."""

    @event.listens_for(storage.engine, "connect")
    def _(connection: Any, _: object) -> None:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")

    storage.engine.dispose()


def ask(study: Study) -> optuna.Trial:
    """The next trial of the study: one that waits, or a new one."""
    with _without_warnings():
        return study.ask()


def give_out_again(study: Study, trial: FrozenTrial) -> None:
    """Put a trial whose worker is gone, or that was not finished, back among those that wait."""
    with _without_warnings():
        RetryHeartbeatStaleTrialCallback()(study, trial)


def open_study(storage: BaseStorage, name: str, sampler: BaseSampler | None = None) -> Study:
    """The study of that name, made if there is none."""

    def create() -> Study:
        return optuna.create_study(
            storage=storage,
            study_name=name,
            sampler=sampler,
            pruner=optuna.pruners.NopPruner(),
            direction="minimize",
            load_if_exists=True,
        )

    return _with_patience(create)


def agree(study: Study, settings: Mapping[str, Any]) -> bool:
    """Write down what is searched, or see that it is what was written before; returns whether it was there already.

    `LeadlineError`: the study searches something else.
    """
    plain = json.loads(json.dumps(settings))
    known = study.user_attrs.get(SETTINGS)
    if known is None:
        study.set_user_attr(SETTINGS, plain)
        return False
    for key, value in plain.items():
        if known.get(key) != value:
            raise LeadlineError(
                f"The search '{study.study_name}' is there already, with another {key}.\n"
                "Choose another name with --name, or give the same experiment and options to go on with it."
            )
    return True


class Heartbeat:
    """Says from a thread of its own that this worker's running trials are alive.

    Optuna does so only inside `Study.optimize`, which runs one trial at a time.
    """

    def __init__(self, storage: BaseStorage) -> None:
        self.storage = storage if isinstance(storage, RDBStorage) else None
        self.running: dict[int, int] = {}
        self._stop = Event()
        self._thread = Thread(target=self._beat, daemon=True)

    def __enter__(self) -> Heartbeat:
        if self.storage is not None:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def begin(self, number: int, trial_id: int) -> None:
        """A trial runs from now on."""
        if self.storage is not None:
            self.storage.record_heartbeat(trial_id)
            self.running[number] = trial_id

    def end(self, number: int) -> None:
        """A trial is done."""
        self.running.pop(number, None)

    def _beat(self) -> None:
        assert self.storage is not None
        interval = self.storage.get_heartbeat_interval() or HEARTBEAT
        while not self._stop.wait(interval / 2):
            for trial_id in list(self.running.values()):
                try:
                    self.storage.record_heartbeat(trial_id)
                except (SQLAlchemyError, OptunaError):
                    break  # the storage is away for a moment; the next beat comes before the trials are given up


class StaleTrials:
    """Gives out again what workers were training that have not given a sign of life for long.

    Optuna knows by the last heartbeat. A worker that was killed before a trial's first one has left none; such a trial
    is free once this process has seen it run without a heartbeat for as long.
    """

    def __init__(self, study: Study, storage: BaseStorage) -> None:
        self.study, self.storage = study, storage
        self._seen: dict[int, float] = {}

    def free_trials(self, own: Collection[int]) -> None:
        """Look once; ``own`` are the numbers of the trials that run here."""
        if not isinstance(self.storage, RDBStorage):
            return
        with _without_warnings():
            optuna.storages.fail_stale_trials(self.study)
        running = self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        others = {trial._trial_id: trial for trial in running if trial.number not in own}
        silent = others.keys() - _with_heartbeat(self.storage) if others else set()
        now = time.monotonic()
        self._seen = {trial_id: self._seen.get(trial_id, now) for trial_id in silent}
        patience = self.storage.grace_period or 2 * HEARTBEAT
        for trial_id in [trial_id for trial_id, since in self._seen.items() if now - since > patience]:
            self._free(others[trial_id])

    def _free(self, trial: FrozenTrial) -> None:
        try:
            failed = self.study.tell(trial.number, state=TrialState.FAIL)
        except (UpdateFinishedTrialError, ValueError):
            return  # another worker was quicker
        give_out_again(self.study, failed)


def _with_heartbeat(storage: RDBStorage) -> set[int]:
    """The trials of which some worker has given a sign of life."""
    with storage.engine.connect() as connection:
        return {row[0] for row in connection.execute(text("SELECT trial_id FROM trial_heartbeats"))}


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Optuna calls heartbeats experimental, and warns of those outside its own loop, which `Heartbeat` gives."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        warnings.filterwarnings("ignore", "Heartbeat of storage")
        yield


@contextmanager
def storage_errors(url: str) -> Iterator[None]:
    """Within this, what goes wrong with the storage at ``url`` is said in a line."""
    shown = url.rpartition("@")[2]  # never a password
    try:
        yield
    except ArgumentError:
        raise UsageError(
            f"--storage {shown}: is no database URL; write sqlite:///FILE or postgresql://USER@HOST/NAME."
        ) from None
    except (NoSuchModuleError, ImportError) as error:
        hint = " Install it: pip install 'leadline[postgresql]'" if "postgres" in url else ""
        raise LeadlineError(f"--storage {shown}: the driver is not installed ({error}).{hint}") from None
    except (SQLAlchemyError, StorageInternalError, RuntimeError) as error:
        cause = getattr(error, "orig", None) or error.__cause__ or error
        reason = str(getattr(cause, "orig", None) or cause).strip().splitlines()[0]
        raise LeadlineError(f"The storage {shown} cannot be used: {reason}") from None


def _with_driver(url: str) -> str:
    """PostgreSQL by psycopg, which Leadline's extra installs, where the URL names no driver."""
    with storage_errors(url):
        parsed = make_url(url)
        if parsed.drivername in ("postgresql", "postgres"):
            parsed = parsed.set(drivername="postgresql+psycopg")
        if parsed.drivername.startswith("postgresql+psycopg"):
            _import_driver()
        return parsed.render_as_string(hide_password=False)


def _import_driver() -> None:
    import psycopg  # noqa: F401, PLC0415 - only to learn whether it is there


def _with_patience(attempt: Callable[[], Result], tries: int = 6) -> Result:
    """Try again where several workers make the same tables or the same study at the same moment."""
    for k in range(tries):
        try:
            return attempt()
        except (SQLAlchemyError, StorageInternalError) as error:
            cause = error if isinstance(error, SQLAlchemyError) else error.__cause__
            if k == tries - 1 or not _may_pass(cause):
                raise
            time.sleep(0.2 * 2**k)
    raise AssertionError


def _may_pass(error: BaseException | None) -> bool:
    said = str(error).lower()
    return any(words in said for words in ("already exists", "unique", "duplicate", "locked"))
