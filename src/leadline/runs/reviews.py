"""What people said about a run's mistakes and labels: files in its folder, and a copy of them in the database.

The files are the truth (``mistakes.csv`` and ``label_reviews.csv``); the tables, over all runs, are for queries and are
made again from the files whenever a run is entered.
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
REVIEWS = Table(
    "label_reviews",
    METADATA,
    Column("run", String, primary_key=True),
    Column("row", Integer, primary_key=True),
    Column("content", String),
    Column("old", String),
    Column("new", String),
    Column("verdict", String),
    Column("when", String),
)
TABLES = (CAUSE_TAGS, LOOKED_THROUGH, REVIEWS)


def load_mistakes(folder: RunFolder) -> MistakeTable | None:
    """The looked-through mistakes of a run with their causes; None if nobody has looked yet."""
    return MistakeTable.from_csv(folder / MISTAKES) if (folder / MISTAKES).exists() else None


def load_reviews(folder: RunFolder) -> Corrections:
    """The reviews of labels that are in force for a run."""
    return Corrections.from_csv(folder / LABEL_REVIEWS) if (folder / LABEL_REVIEWS).exists() else Corrections()


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
    found = connection.execute(select(table).order_by(table.c.run, table.c.row))
    return [dict(row) for row in found.mappings()]


def _rows(folder: RunFolder) -> list[tuple[Table, list[dict[str, Any]]]]:
    run, mistakes = folder.path.name, load_mistakes(folder)
    found = [(REVIEWS, [{"run": run, **vars(review)} for review in load_reviews(folder)])]
    if mistakes is None:
        return found
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
    return [*found, (LOOKED_THROUGH, looked), (CAUSE_TAGS, tags)]
