"""What people said about a run's mistakes and labels: files in its folder, and a copy of them in the database.

The files are the truth (``mistakes.csv``, ``label_reviews.csv`` and ``label_verdicts.csv``); the tables, over all runs,
are for queries and are made again from the files whenever a run is entered. `leadline.review.store` changes both
in one transaction.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, Integer, MetaData, String, Table, delete, select
from sqlalchemy.engine import Connection

from leadline.runs.folder import RunFolder
from leadline.strategy.corrections import Corrections
from leadline.strategy.error_analysis import MistakeTable

MISTAKES = "mistakes.csv"
LABEL_REVIEWS = "label_reviews.csv"
LABEL_VERDICTS = "label_verdicts.csv"
METADATA = MetaData()
CAUSE_TAGS = Table(
    "cause_tags",
    METADATA,
    Column("run", String, primary_key=True),
    Column("row", Integer, primary_key=True),
    Column("cause", String, primary_key=True),
)
LOOKED_THROUGH = Table(
    "mistakes",
    METADATA,
    Column("run", String, primary_key=True),
    Column("row", Integer, primary_key=True),
    Column("label", String),
    Column("prediction", String),
    Column("comment", String),
)
CAUSES = Table(
    "causes",
    METADATA,
    Column("run", String, primary_key=True),
    Column("cause", String, primary_key=True),
    Column("place", Integer),
)


def _table_of_reviews(name: str) -> Table:
    texts = [Column(key, String) for key in ("content", "old", "new", "verdict", "when")]
    keys = Column("run", String, primary_key=True), Column("row", Integer, primary_key=True)
    return Table(name, METADATA, *keys, *texts)


REVIEWS = _table_of_reviews("label_reviews")
VERDICTS = _table_of_reviews("label_verdicts")
TABLES = (CAUSES, CAUSE_TAGS, LOOKED_THROUGH, REVIEWS, VERDICTS)


def load_mistakes(folder: RunFolder) -> MistakeTable | None:
    """The looked-through mistakes of a run with their causes; None if nobody has looked yet."""
    return MistakeTable.from_csv(folder / MISTAKES) if (folder / MISTAKES).exists() else None


def load_reviews(folder: RunFolder) -> Corrections:
    """The reviews of labels that are in force for a run."""
    return Corrections.from_csv(folder / LABEL_REVIEWS) if (folder / LABEL_REVIEWS).exists() else Corrections()


def load_verdicts(folder: RunFolder) -> Corrections:
    """What people have said about labels since corrections were applied last: not in force yet."""
    return Corrections.from_csv(folder / LABEL_VERDICTS) if (folder / LABEL_VERDICTS).exists() else Corrections()


def enter_reviews(connection: Connection, folders: list[RunFolder], names: list[str]) -> None:
    """Replace what the tables say of the runs ``names`` by what the files of ``folders`` say."""
    for table in TABLES:
        connection.execute(delete(table).where(table.c.run.in_(names)))
    for folder in folders:
        for table, rows in _rows(folder):
            if rows:
                connection.execute(table.insert(), rows)


def reviews_in(connection: Connection, table: Table) -> list[dict[str, Any]]:
    """The rows of one of the tables over all runs, by run and row."""
    result = connection.execute(select(table).order_by(table.c.run, table.c.row))
    return [dict(row) for row in result.mappings()]


def _rows(folder: RunFolder) -> list[tuple[Table, list[dict[str, Any]]]]:
    run, mistakes = folder.path.name, load_mistakes(folder)
    tables = [
        (REVIEWS, [{"run": run, **vars(review)} for review in load_reviews(folder)]),
        (VERDICTS, [{"run": run, **vars(review)} for review in load_verdicts(folder)]),
    ]
    if mistakes is None:
        return tables
    columns = {"label": mistakes.labels, "prediction": mistakes.predictions, "comment": mistakes.comments}
    looked = [
        {"run": run, "row": row, **{key: values[k] if values else None for key, values in columns.items()}}
        for k, row in enumerate(mistakes.rows)
    ]
    tags = [
        {"run": run, "row": row, "cause": cause}
        for cause, ticks in mistakes.causes.items()
        for row, ticked in zip(mistakes.rows, ticks, strict=True)
        if ticked
    ]
    causes = [{"run": run, "cause": cause, "place": place} for place, cause in enumerate(mistakes.causes)]
    return [*tables, (CAUSES, causes), (LOOKED_THROUGH, looked), (CAUSE_TAGS, tags)]
