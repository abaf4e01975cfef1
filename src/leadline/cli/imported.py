"""``leadline import``: predictions of any framework as a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leadline.cli.screen import console, print_diagnosis, print_json
from leadline.cli.train import AsJson, RunsFolder


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("import")(import_)


def import_(
    predictions: Annotated[
        str,
        typer.Argument(
            metavar="PREDICTIONS",
            help="A table (.csv, .tsv, .parquet) with the columns set, label and prediction, probability_CLASS where "
            "there are, and features under any other name.",
        ),
    ],
    name: Annotated[str | None, typer.Option(help="The run's name.")] = None,
    human_error: Annotated[
        float | None, typer.Option(help="The error of a human: percent, or in the target's units.")
    ] = None,
    runs: RunsFolder = Path("runs"),
    as_json: AsJson = False,
) -> None:
    """Make a run of predictions of any framework, for mistakes, labels, compare, the report and the application."""
    from leadline.session.imported import import_predictions

    run = import_predictions(predictions, name=name, human_error=human_error, runs=runs)
    if as_json:
        print_json(run.summary.to_json() | {"folder": str(run.folder.path), "diagnosis": run.diagnosis.to_json()})
        return
    screen = console()
    for notice in run.notices:
        screen.print(f"Note: {notice}", markup=False)
    print_diagnosis(screen, run.diagnosis)
    where = "" if runs == Path("runs") else f" --runs {runs}"
    screen.print(f"\nRun:      {run.name}\nReport:   {run.report_path}", markup=False)
    screen.print(f"Mistakes: leadline mistakes {run.name}{where}", markup=False)
