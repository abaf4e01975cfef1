"""``leadline importance``: which columns a run's network uses."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from leadline.cli.runs import RunName
from leadline.cli.screen import console, print_fitted, print_json
from leadline.cli.train import AsJson, MovedData, RunsFolder, load_with_data

SHOWN = 30


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(importance)


def importance(
    run: RunName,
    most: Annotated[int, typer.Option("--most", min=1, help="How many columns are shown.")] = SHOWN,
    data: MovedData = None,
    runs: RunsFolder = Path("runs"),
    as_json: AsJson = False,
) -> None:
    """Measure what the network loses when one column is shuffled; name columns that look useless or suspicious."""
    from leadline.session.importance import measure_importance
    from leadline.session.results import renew_report

    loaded = load_with_data(run, runs, data)
    measured = measure_importance(loaded)
    renew_report(loaded)
    if as_json:
        print_json(measured.to_json())
        return
    screen = console()
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("Column")
    for title in (measured.title, "95 % interval", "of what is known"):
        table.add_column(title, justify="right", no_wrap=True)
    for each in measured.columns[:most]:
        table.add_row(each.column, each.increase.number(), each.increase.range() or "–", f"{100 * each.share:.0f} %")
    print_fitted(screen, table)
    if len(measured.columns) > most:
        screen.print(f"and {len(measured.columns) - most} more, with --most", markup=False)
    for line in measured.lines:
        screen.print(line, markup=False)
