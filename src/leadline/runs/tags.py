"""Tags of runs: words that people give them to find them again.

A run's folder keeps them as a log of what was added and removed, one line each, so that two programs at once lose
nothing of each other's; a table of the database, made from the logs, is for queries.
"""

from __future__ import annotations

import re

from sqlalchemy import Column, MetaData, String, Table, delete
from sqlalchemy.engine import Connection

from leadline.errors import UsageError
from leadline.files import append_line, json_text, read_json_lines
from leadline.runs.folder import RunFolder

TAGS = "tags.jsonl"
LONGEST = 40
METADATA = MetaData()
RUN_TAGS = Table(
    "run_tags",
    METADATA,
    Column("run", String, primary_key=True),
    Column("tag", String, primary_key=True),
)


def load_tags(folder: RunFolder) -> tuple[str, ...]:
    """A run's tags, in the order of the alphabet; a last line that a crash cut short is left out."""
    tags: set[str] = set()
    for change in read_json_lines(folder / TAGS):
        if isinstance(tag := change.get("tag"), str):
            (tags.add if change.get("kept") else tags.discard)(tag)
    return tuple(sorted(tags))


def change_tag(folder: RunFolder, tag: str, kept: bool) -> None:
    """Add a tag to a run, or take it away. `leadline.errors.UsageError`: no tag, or too long a one."""
    tag = re.sub(r"\s+", " ", tag).strip()
    if not tag or len(tag) > LONGEST or not tag.isprintable():
        raise UsageError(f"A tag has 1 to {LONGEST} characters; got {tag[:LONGEST]!r}.")
    append_line(folder / TAGS, json_text({"tag": tag, "kept": kept}))


def enter_tags(connection: Connection, folders: list[RunFolder], names: list[str]) -> None:
    """Replace what the table says of the runs ``names`` by what the logs of ``folders`` say."""
    connection.execute(delete(RUN_TAGS).where(RUN_TAGS.c.run.in_(names)))
    rows = [{"run": folder.path.name, "tag": tag} for folder in folders for tag in load_tags(folder)]
    if rows:
        connection.execute(RUN_TAGS.insert(), rows)
