"""Reviews of a run that are saved action by action, by several people or pages at once.

An action changes cells of the run's `ReviewSheet`. It is one transaction in the database of runs: the run's line in
``review_versions`` is taken first, so that writers of one run come after each other; then the cells are changed in the
files and in the tables, and the action is logged with what the cells held before, so that whoever did it can undo it.
A writer that is killed has done all of an action or none of it. Files are the truth: where someone changed them by
hand, or a writer died between file and commit, the next action enters them anew.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Column, Integer, MetaData, String, Table, delete, insert, select, update
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import IntegrityError

from leadline.errors import LeadlineError
from leadline.review.sheet import Kind, ReviewSheet, SheetCell, Value
from leadline.runs import reviews
from leadline.runs.folder import RunFolder
from leadline.runs.index import RunIndex, make_tables
from leadline.runs.store import RunStore, published_name

LONGEST_CAUSE = 60
RESERVED = ("row", "label", "prediction", "comment")
_METADATA = MetaData()
_VERSIONS = Table(
    "review_versions",
    _METADATA,
    Column("run", String, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("files", String, nullable=False),
)
_ACTIONS = Table(
    "review_actions",
    _METADATA,
    Column("id", Integer, primary_key=True),
    Column("run", String, nullable=False, index=True),
    Column("author", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("when", String, nullable=False),
    Column("cells", String, nullable=False),
    Column("undone", Integer, nullable=False),
)
_FILES = {"mistakes": reviews.MISTAKES, "labels": reviews.LABEL_VERDICTS}


@dataclass(frozen=True)
class Change:
    """One cell before and after an action."""

    cell: SheetCell
    before: Value
    after: Value


@dataclass(frozen=True)
class Undone:
    """What an undo did: cells that hold again what they held, and cells that someone else had changed meanwhile."""

    changes: tuple[Change, ...] = ()
    kept: tuple[SheetCell, ...] = ()


Edit = Callable[[ReviewSheet], Iterable[tuple[SheetCell, Value]]]
"""From a sheet as it stands to the cells that an action puts into it."""


class ReviewStore:
    """The reviews of one run, in its folder and in the database at an SQLAlchemy URL (`RunIndex`)."""

    def __init__(self, folder: RunFolder, url: str | None = None) -> None:
        self.folder = folder
        self.run = published_name(folder)
        self.index = RunIndex(RunStore(folder.path.parent), url)

    def sheet(self) -> ReviewSheet:
        """The reviews as they stand."""
        return ReviewSheet.read(self.folder)

    def files(self) -> tuple[str, str]:
        """A text for mistakes and one for labels that changes whenever their file does."""
        return self._signature("mistakes"), self._signature("labels")

    def act(self, subject: str, author: str, edit: Edit) -> tuple[Change, ...]:
        """Change cells in one transaction; ``subject`` is "mistakes" or "labels", ``author`` who may undo it."""
        with self._transaction() as under:
            changes = tuple(under.put(edit(under.sheet)))
            if changes:
                log = [[*change.cell, change.before, change.after] for change in changes]
                entry = {"run": self.run, "author": author, "subject": subject, "cells": json.dumps(log), "undone": 0}
                when = datetime.now(UTC).isoformat(timespec="seconds")
                under.connection.execute(insert(_ACTIONS).values(entry | {"when": when}))
        return changes

    def undo(self, subject: str, author: str) -> Undone | None:
        """Take the author's latest action back; None if there is none. Cells that others changed since stay so."""
        with self._transaction() as under:
            mine = (_ACTIONS.c.run == self.run, _ACTIONS.c.author == author, _ACTIONS.c.subject == subject)
            latest = select(_ACTIONS).where(*mine, _ACTIONS.c.undone == 0).order_by(_ACTIONS.c.id.desc()).limit(1)
            action = under.connection.execute(latest).mappings().first()
            if action is None:
                return None
            under.connection.execute(update(_ACTIONS).where(_ACTIONS.c.id == action["id"]).values(undone=1))
            return under.take_back(json.loads(action["cells"]))

    @contextmanager
    def _transaction(self) -> Iterator[_UnderWay]:
        """The run's line is held, and the sheet is as it stands; the files are written last, then all is kept."""
        with self.index.database() as engine:
            make_tables(engine, _VERSIONS, _ACTIONS)
            _first_line(engine, self.run)
            with engine.begin() as connection:
                line = _VERSIONS.c.run == self.run
                connection.execute(update(_VERSIONS).where(line).values(version=_VERSIONS.c.version + 1))
                if connection.execute(select(_VERSIONS.c.files).where(line)).scalar_one() != self._signatures():
                    self._enter(connection)
                under = _UnderWay(self.run, connection, ReviewSheet.read(self.folder))
                yield under
                under.sheet.write(self.folder, under.kinds)
                if "cause" in under.kinds:  # their places move together
                    self._enter(connection)
                connection.execute(update(_VERSIONS).where(line).values(files=self._signatures()))

    def _enter(self, connection: Connection) -> None:
        reviews.enter_reviews(connection, [self.folder], [self.run])

    def _signatures(self) -> str:
        return " ".join(self.files())

    def _signature(self, subject: str) -> str:
        try:
            status = (self.folder / _FILES[subject]).stat()
        except FileNotFoundError:
            return "none"
        return f"{status.st_ino}-{status.st_mtime_ns}-{status.st_size}"


class _UnderWay:
    """An action in its transaction: what changes in the sheet changes in the tables."""

    def __init__(self, run: str, connection: Connection, sheet: ReviewSheet) -> None:
        self.run, self.connection, self.sheet = run, connection, sheet
        self.kinds: set[Kind] = set()

    def put(self, cells: Iterable[tuple[SheetCell, Value]]) -> Iterator[Change]:
        """Put values into cells; those that hold them already are left out."""
        for cell, value in cells:
            before = self.sheet.get(cell)
            if before != value:
                self.sheet.set(cell, value)
                self.kinds.add(cell.kind)
                if cell.kind != "cause":
                    _mirror(self.connection, self.run, cell, value)
                yield Change(cell, before, value)

    def take_back(self, log: list[list[Any]]) -> Undone:
        """Put back what the cells held before an action, where they still hold what it put there."""
        done: list[Change] = []
        kept: list[SheetCell] = []
        for kind, row, name, before, after in reversed(log):
            cell = SheetCell(kind, row, name)
            now = self.sheet.get(cell)
            same = (now is None) == (after is None) if kind == "cause" else now == after
            if same and (before is not None or self.sheet.may_clear(cell)):
                done += self.put([(cell, before)])
            else:
                kept.append(cell)
        return Undone(tuple(done), tuple(kept))


def _first_line(engine: Engine, run: str) -> None:
    """A line for the run in ``review_versions``, which writers then take turns to hold."""
    with engine.connect() as connection:
        if connection.execute(select(_VERSIONS.c.run).where(_VERSIONS.c.run == run)).first():
            return
    try:
        with engine.begin() as connection:
            connection.execute(insert(_VERSIONS).values(run=run, version=0, files=""))
    except IntegrityError:
        pass  # another writer was first


def _mirror(connection: Connection, run: str, cell: SheetCell, value: Value) -> None:
    """Make the tables say of one cell what the files do."""
    tables = {"tag": reviews.CAUSE_TAGS, "examined": reviews.LOOKED_THROUGH, "verdict": reviews.VERDICTS}
    table, key = tables[cell.kind], {"run": run, "row": cell.row}
    if cell.kind == "tag":
        key["cause"] = cell.name
    connection.execute(delete(table).where(*(table.c[name] == key[name] for name in key)))
    if value is None:
        return
    columns = {"tag": (), "examined": ("label", "prediction", "comment")}
    names = columns.get(cell.kind, ("content", "old", "new", "verdict", "when"))
    connection.execute(insert(table).values(key | dict(zip(names, value if names else (), strict=True))))


def cause_name(text: str, causes: Iterable[str]) -> str:
    """A cause's name as it is kept: an existing one where only the case differs. LeadlineError: none can be made."""
    name = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    if not name or len(name) > LONGEST_CAUSE:
        raise LeadlineError(f"A cause has a name of 1 to {LONGEST_CAUSE} letters.")
    if name.lower() in RESERVED:
        raise LeadlineError(f"{name!r} cannot name a cause: the table of mistakes has a column of this name.")
    return next((cause for cause in causes if cause.lower() == name.lower()), name)
