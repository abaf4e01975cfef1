"""Metrics by class and by segment on the screen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rich.table import Table

from leadline.cli.screen import print_fitted

if TYPE_CHECKING:
    from rich.console import Console

    from leadline.measure import Breakdown
    from leadline.report.figures.breakdown import MetricTable


def print_breakdown(screen: Console, name: str, breakdown: Breakdown, task: str) -> None:
    """The metrics of a set: over all, by class and by segment."""
    from leadline.report.figures.breakdown import class_table, overall_table, segment_tables

    print_table(screen, overall_table({name: breakdown}, task))
    tables = [class_table(breakdown, task), *segment_tables(breakdown)]
    for table in tables:
        if table is not None:
            screen.print()
            print_table(screen, table)


def print_table(screen: Console, table: MetricTable) -> None:
    """One table, a metric with its interval in each cell and n at the end of the row where it is one for all."""
    shown = Table(box=None, pad_edge=False, header_style="bold")
    shown.add_column(table.subject[:1].upper() + table.subject[1:], no_wrap=True)
    for column in table.columns:
        shown.add_column(column, justify="right", no_wrap=True)
    # Each label has its own known examples, which its error rests on; precision and recall rest on some of them.
    common_to = slice(1) if table.subject == "label" else slice(None)
    counts = [{cell.n for cell in cells[common_to] if cell is not None} for _, cells in table.rows]
    common = all(len(sizes) == 1 for sizes in counts)
    if common:
        shown.add_column("n", justify="right", no_wrap=True)
    for (name, cells), sizes in zip(table.rows, counts, strict=True):
        texts = ["–" if c is None else f"{c.value} ({c.interval})" if c.interval else c.value for c in cells]
        shown.add_row(name, *texts, *(sizes if common else ()))
    print_fitted(screen, shown)
    if table.left_out:
        screen.print(f"… and {table.left_out} more that are better", markup=False)


def breakdowns_to_json(breakdowns: Mapping[str, Breakdown]) -> dict[str, object]:
    """Plain values by set."""
    return {name: breakdown.to_json() for name, breakdown in breakdowns.items()}
