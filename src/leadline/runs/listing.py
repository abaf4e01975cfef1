"""A page of the table of runs: searched, filtered and sorted by the database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.engine import Connection

from leadline.errors import UsageError, nearest
from leadline.runs.index import RUNS, RunIndex
from leadline.runs.tags import RUN_TAGS

SORTABLE = ("name", "status", "source", "started", "seconds", "epochs", "train_error", "dev_error", "test_error")


@dataclass(frozen=True)
class RunQuery:
    """Which runs to list.

    Attributes:
        search: words that a run's name, source or tags must all contain, in any case.
        source: data as runs name them; empty for all.
        tag: a tag; empty for all.
        status: such as "running"; empty for all.
        sort: one of ``SORTABLE``.
        descending: the largest, or the newest, first; runs without a value come last either way.

    """

    search: str = ""
    source: str = ""
    tag: str = ""
    status: str = ""
    sort: str = "started"
    descending: bool = True

    def __post_init__(self) -> None:
        if self.sort not in SORTABLE:
            raise UsageError(f"Runs cannot be sorted by '{self.sort}'.{nearest(self.sort, SORTABLE)}")


@dataclass(frozen=True)
class Listing:
    """One page of the runs: its rows, how many there are before it and in all, and what can be filtered by."""

    rows: list[dict[str, Any]]
    offset: int
    total: int
    sources: list[str]
    tags: list[str]
    statuses: list[str]
    tags_of: Mapping[str, list[str]]


def list_runs(index: RunIndex, query: RunQuery, offset: int = 0, limit: int = 50) -> Listing:
    """The runs ``offset`` to ``offset + limit`` of those that match, after entering what the folders have anew."""
    if not index.store.root.is_dir():
        return Listing([], 0, 0, [], [], [], {})
    index.update()
    chosen = and_(*_conditions(query))
    with index.database() as engine, engine.connect() as connection:
        total = connection.execute(select(func.count()).select_from(RUNS).where(chosen)).scalar_one()
        offset = min(max(offset, 0), max(total - 1, 0) // limit * limit)
        statement = _sorted(select(RUNS).where(chosen), query).offset(offset).limit(limit)
        rows = [dict(row) for row in connection.execute(statement).mappings()]
        return Listing(
            rows,
            offset,
            total,
            _values(connection, RUNS.c.source),
            _values(connection, RUN_TAGS.c.tag),
            _values(connection, RUNS.c.status),
            _tags_of(connection, [row["name"] for row in rows]),
        )


def _conditions(query: RunQuery) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [RUNS.c.name.is_not(None)]
    for word in query.search.split():
        tagged = select(RUN_TAGS.c.run).where(RUN_TAGS.c.tag.icontains(word, autoescape=True))
        texts = (RUNS.c.name.icontains(word, autoescape=True), RUNS.c.source.icontains(word, autoescape=True))
        conditions.append(or_(*texts, RUNS.c.name.in_(tagged)))
    if query.source:
        conditions.append(RUNS.c.source == query.source)
    if query.status:
        conditions.append(RUNS.c.status == query.status)
    if query.tag:
        conditions.append(RUNS.c.name.in_(select(RUN_TAGS.c.run).where(RUN_TAGS.c.tag == query.tag)))
    return conditions


def _sorted(statement: Select[Any], query: RunQuery) -> Select[Any]:
    column = RUNS.c[query.sort]
    order = column.desc() if query.descending else column.asc()
    # Runs that began in the same second stand as their names count: digits-2 is newer than digits.
    latest_first = query.sort == "started" and query.descending
    return statement.order_by(column.is_(None), order, RUNS.c.name.desc() if latest_first else RUNS.c.name)


def _values(connection: Connection, column: Any) -> list[str]:
    return [row[0] for row in connection.execute(select(column).where(column.is_not(None)).distinct().order_by(column))]


def _tags_of(connection: Connection, names: list[str]) -> dict[str, list[str]]:
    tags: dict[str, list[str]] = {}
    query = select(RUN_TAGS.c.run, RUN_TAGS.c.tag).where(RUN_TAGS.c.run.in_(names)).order_by(RUN_TAGS.c.tag)
    for run, tag in connection.execute(query):
        tags.setdefault(run, []).append(tag)
    return tags
