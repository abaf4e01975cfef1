"""The database that indexes the runs: a copy of what the folders say, to list and compare them at once."""

from __future__ import annotations

import os
import warnings
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    Integer,
    MetaData,
    String,
    Table,
    create_engine,
    delete,
    event,
    inspect,
    select,
)
from sqlalchemy.engine import Engine
from sqlalchemy.exc import IntegrityError, ProgrammingError, SQLAlchemyError
from sqlalchemy.schema import CreateIndex, CreateTable

from leadline.errors import LeadlineError, LeadlineWarning
from leadline.runs import reviews, tags
from leadline.runs.folder import RunFolder
from leadline.runs.life import status_of
from leadline.runs.store import RunStore
from leadline.runs.summary import RunSummary, read_summary
from leadline.runs.verification import problems

DAMAGED = "damaged"
"""The status of a run whose summary cannot be read."""
_METADATA = MetaData()
RUNS = Table(
    "runs",
    _METADATA,
    Column("name", String, primary_key=True),
    Column("status", String, nullable=False),
    Column("started", String),
    Column("seconds", Float),
    Column("source", String),
    Column("task", String),
    Column("metric", String),
    Column("epochs", Integer),
    *(
        column
        for part in ("train", "dev", "test")
        for column in (
            Column(f"{part}_error", Float),
            Column(f"{part}_low", Float),
            Column(f"{part}_high", Float),
            Column(f"{part}_n", Integer),
        )
    ),
    Column("test_opened", Boolean, default=False),
)


class RunIndex:
    """The table of runs at an SQLAlchemy URL: LEADLINE_DATABASE, or else ``leadline.db`` among the runs."""

    def __init__(self, store: RunStore, url: str | None = None) -> None:
        self.store = store
        self.url = url or os.environ.get("LEADLINE_DATABASE") or f"sqlite:///{store.root / 'leadline.db'}"

    def add(self, folder: RunFolder) -> None:
        """Enter one run, or enter it anew."""
        self._write([folder], gone=[])

    def rows(self, rebuild: bool = False) -> list[dict[str, Any]]:
        """Every run, oldest first, after entering what the folders have and the database lacks, or all ``rebuild``.

        A run that was still going when it was last entered is read again. ``problem`` says what is wrong with a run
        that cannot be read. Where the database cannot be used, the folders say the same.
        """
        if not self.store.root.is_dir():
            return []
        try:
            self.rebuild() if rebuild else self.update()
            rows = self._read()
        except LeadlineError as error:
            if rebuild:
                raise
            warnings.warn(f"{error} The list is made from the folders.", LeadlineWarning, stacklevel=2)
            rows = sorted(map(_row, self.store.folders()), key=lambda row: (row["started"] or "", row["name"]))
        return [row | {"problem": _problem(self.store, row)} for row in rows]

    def update(self) -> None:
        """Enter what the folders have and the database lacks, and forget the runs whose folders are gone."""
        known = self.statuses()
        there = self.store.names()
        looked_at = sorted(name for name in there if known.get(name, "running") in ("running", DAMAGED))
        stale = [folder for name in looked_at if (folder := self.store.folder(name)) is not None]
        gone = [name for name in known if name not in there]
        if stale or gone:
            self._write(stale, gone)

    def statuses(self) -> dict[str, str]:
        """The status of every run that has been entered, by name."""
        with self.database() as engine, engine.connect() as connection:
            return {row.name: row.status for row in connection.execute(select(RUNS.c.name, RUNS.c.status))}

    def knows(self, name: str) -> bool:
        """Whether there is a run of exactly this name; a name that is in no list is not looked for."""
        if not self.store.root.is_dir():
            return False
        with self.database() as engine, engine.connect() as connection:
            listed = connection.execute(select(RUNS.c.name).where(RUNS.c.name == name)).first() is not None
        return (listed or name in self.store.names()) and self.store.folder(name) is not None

    def rebuild(self) -> int:
        """Make the tables anew from the folders, reviews included; returns how many runs there are."""
        folders = list(self.store.folders())
        with self.database() as engine:
            for table in (RUNS, tags.RUN_TAGS, *reviews.TABLES):
                table.drop(engine, checkfirst=True)
        self._write(folders, gone=[])
        return len(folders)

    def cause_tags(self) -> list[dict[str, Any]]:
        """The causes that people ticked for mistakes, over all runs: run, row, cause."""
        with self.database() as engine, engine.connect() as connection:
            return reviews.reviews_in(connection, reviews.CAUSE_TAGS)

    def label_reviews(self) -> list[dict[str, Any]]:
        """What people said about labels, over all runs: run, row, content, old, new, verdict, when."""
        with self.database() as engine, engine.connect() as connection:
            return reviews.reviews_in(connection, reviews.REVIEWS)

    def _read(self) -> list[dict[str, Any]]:
        with self.database() as engine, engine.connect() as connection:
            result = connection.execute(select(RUNS).order_by(RUNS.c.started, RUNS.c.name))
            return [dict(row) for row in result.mappings()]

    def _write(self, folders: list[RunFolder], gone: list[str]) -> None:
        rows = [_row(folder) for folder in folders]
        names = [row["name"] for row in rows] + gone
        with self.database() as engine, engine.begin() as connection:
            connection.execute(delete(RUNS).where(RUNS.c.name.in_(names)))
            if rows:
                connection.execute(RUNS.insert(), rows)
            reviews.enter_reviews(connection, folders, names)
            tags.enter_tags(connection, folders, names)

    def database(self) -> Database:
        """The database, to be opened with ``with``."""
        return Database(self.url)


class Database:
    """An open database that speaks of its errors as Leadline does."""

    def __init__(self, url: str) -> None:
        self.url = url

    def __enter__(self) -> Engine:
        try:
            self.engine = create_engine(self.url)
            if self.engine.dialect.name == "sqlite":
                event.listen(self.engine, "connect", _durable)
            make_tables(self.engine, *_METADATA.sorted_tables, *reviews.METADATA.sorted_tables, tags.RUN_TAGS)
        except SQLAlchemyError as error:
            raise self._complaint(error) from None
        return self.engine

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self.engine.dispose()
        if isinstance(error, SQLAlchemyError):
            raise self._complaint(error) from None

    def _complaint(self, error: SQLAlchemyError) -> LeadlineError:
        reason = str(getattr(error, "orig", None) or error).splitlines()[0]
        shown = self.url.rpartition("@")[2]  # never a password
        return LeadlineError(
            f"The database of runs ({shown}) cannot be used: {reason}.\n"
            "The runs themselves are safe in their folders; move the database away and it is built anew."
        )


def make_tables(engine: Engine, *tables: Table) -> None:
    """Make those tables that are not there yet, whoever else makes them at the same time."""
    there = set(inspect(engine).get_table_names())
    for table in tables:
        if table.name not in there:
            _make_table(engine, table)


def _make_table(engine: Engine, table: Table) -> None:
    try:
        with engine.begin() as connection:
            connection.execute(CreateTable(table, if_not_exists=True))
            for index in table.indexes:
                connection.execute(CreateIndex(index, if_not_exists=True))
    except (IntegrityError, ProgrammingError):  # PostgreSQL, where another program makes it at the same moment
        if not inspect(engine).has_table(table.name):
            raise


def _durable(connection: Any, _: object) -> None:
    """Readers and a writer at once, every commit on the disk, and patience while another program writes."""
    for pragma in ("busy_timeout = 30000", "journal_mode = WAL", "synchronous = FULL"):
        connection.execute(f"PRAGMA {pragma}")


def _summary(folder: RunFolder) -> RunSummary:
    """What a run's summary says; little where it cannot be read: one run is no reason to list none."""
    try:
        return read_summary(folder)
    except LeadlineError:
        return RunSummary(DAMAGED)


def _problem(store: RunStore, row: dict[str, Any]) -> str | None:
    """What is wrong with a run that cannot be read."""
    return "; ".join(problems(RunFolder(store.root / row["name"]))) if row["status"] == DAMAGED else None


def _row(folder: RunFolder) -> dict[str, Any]:
    summary = _summary(folder)
    row = {key: getattr(summary, key) for key in ("status", "started", "seconds", "source", "task", "metric", "epochs")}
    row["status"] = status_of(folder.path, summary.status)
    for part in ("train", "dev", "test"):
        error = summary.errors.get(part)
        row[f"{part}_error"] = None if error is None else error.value
        row |= {f"{part}_{key}": None if error is None else getattr(error, key) for key in ("low", "high", "n")}
    return row | {"name": folder.path.name, "test_opened": (folder / "test_opened.json").exists()}
