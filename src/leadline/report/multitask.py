"""What each of several tasks gains from being learnt with the others: tables of a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from leadline.measure import Estimate
from leadline.report.quantities import count
from leadline.text import about

BETTER = {"joint": "together", "separate": "on its own"}


@dataclass(frozen=True)
class MultitaskCell:
    """A value and, in smaller letters, its interval."""

    value: str
    note: str = ""


@dataclass(frozen=True)
class MultitaskTable:
    """A table whose rows begin with a task's name."""

    caption: str
    head: Sequence[str]
    rows: Sequence[tuple[str, Sequence[MultitaskCell]]]


def measured_cell(measured: Estimate | None) -> MultitaskCell:
    """A metric as a cell; a dash where nothing was there to measure."""
    return (
        MultitaskCell("–") if measured is None or measured.n == 0 else MultitaskCell(measured.plain(), measured.range())
    )


def multitask_tables(record: Mapping[str, Any] | None) -> list[MultitaskTable]:
    """The comparison of the joint network with one for each task, a table for each width."""
    tables = []
    for each in (record or {}).get("widths", ()):
        joint, separate = (count(each["parameters"][which]) for which in ("joint", "separate"))
        caption = f"Hidden layers × {each['width']:g}: {joint} parameters together, {separate} in separate networks"
        rows = [(task["task"], _compared(task)) for task in each["tasks"]]
        head = ["Training labels", "Together", "On its own", "Difference", "Better"]
        tables.append(MultitaskTable(caption, head, rows))
    return tables


def _compared(task: Mapping[str, Any]) -> list[MultitaskCell]:
    name = "error" if "error" in task["joint"] else "rmse"
    joint, separate = (Estimate.from_json(task[which][name]) for which in ("joint", "separate"))
    verdict = BETTER.get(task["better"] or "", "cannot tell")
    needed = "" if task["needed"] is None else f"about {about(task['needed'])} dev examples would"
    difference = Estimate.from_json(task["difference"])
    cells = [measured_cell(joint), measured_cell(separate), MultitaskCell(difference.signed(), difference.range())]
    return [MultitaskCell(count(task["n_train"])), *cells, MultitaskCell(verdict, needed)]
