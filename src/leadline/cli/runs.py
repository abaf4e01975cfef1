"""The commands on runs: list, show, predict, report."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from leadline.cli.breakdown import breakdowns_to_json, print_breakdown
from leadline.cli.screen import console, ending, print_diagnosis, print_fitted, print_json
from leadline.cli.train import AsJson, MovedData, RunsFolder, load_with_data
from leadline.errors import LeadlineError, LeadlineWarning, UsageError, nearest
from leadline.runs.folder import RunFolder
from leadline.runs.repeated import load_evaluation
from leadline.runs.run import load_run
from leadline.runs.soundings import load_prediction
from leadline.runs.store import RunStore
from leadline.runs.verification import problems
from leadline.text import counted, grouped

if TYPE_CHECKING:
    import pyarrow as pa
    from rich.console import Console

    from leadline.measure import Estimate
    from leadline.runs.run import Run


def _completed_runs(incomplete: str) -> list[str]:
    """Names of runs in the usual folder, for the shell's completion."""
    return sorted(name for name in RunStore().names() if name.startswith(incomplete))


RunName = Annotated[
    str,
    typer.Argument(
        metavar="RUN", help='A name, a beginning of it, a folder, or "last".', autocompletion=_completed_runs
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("runs")(list_runs)
    app.command("verify-runs")(verify_runs)
    app.command()(show)
    app.command()(predict)
    app.command()(report)


def list_runs(
    runs: RunsFolder = Path("runs"),
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Make the list anew from the runs' folders.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the runs, oldest first."""
    from leadline.runs.index import RunIndex

    store = RunStore(runs)
    rows = RunIndex(store).rows(rebuild)
    predictions = {folder.path.name: _prediction(folder) for folder in store.folders()}
    rows = [row | {"prediction": predictions.get(row["name"])} for row in rows]
    if as_json:
        print_json(rows)
        return
    screen = console()
    if not rows:
        screen.print(f"There are no runs in {runs}. Train one: leadline train digits", markup=False)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("Run", "Status"):
        table.add_column(title, no_wrap=True)
    for title in ("Train error", "Dev error", "95 % interval", "n", "Time"):
        table.add_column(title, justify="right", no_wrap=title != "Train error")
    for row in rows:
        table.add_row(*_cells(row))
    print_fitted(screen, table)
    for row in rows:
        if row["problem"]:
            screen.print(f"{row['name']}: {row['problem']}", markup=False)
    ended = [row["name"] for row in rows if row["status"] in ("interrupted", "failed")]
    if ended:
        screen.print(f"Go on with what ended before its time: leadline resume {ended[-1]}", markup=False)
    known = [prediction for prediction in predictions.values() if prediction is not None]
    held, n = sum(bool(prediction.get("held")) for prediction in known), len(known)
    if n:
        screen.print(f"Predictions of soundings: {held} of {n} held (they are stated at 90 %).", markup=False)


def _prediction(folder: RunFolder) -> dict[str, Any] | None:
    try:
        return load_prediction(folder)
    except LeadlineError:  # which is no reason to show no runs
        return None


def verify_runs(runs: RunsFolder = Path("runs"), as_json: AsJson = False) -> None:
    """Check every run's files against the checksums that it left; exit code 1 where one is not as it was."""
    store = RunStore(runs)
    by_run = {name: problems(RunFolder(store.root / name)) for name in sorted(store.names())}
    by_run = {name: lines for name, lines in by_run.items() if lines or store.folder(name) is not None}
    if as_json:
        print_json(by_run)
    else:
        screen = console()
        for name, lines in by_run.items():
            for line in lines:
                screen.print(f"{name}: {line}", markup=False)
        wrong = sum(map(bool, by_run.values()))
        screen.print(f"{counted(len(by_run), 'run')} checked, {wrong} with something wrong.", markup=False)
    if any(by_run.values()):
        raise typer.Exit(1)


def _cells(row: dict[str, Any]) -> list[str]:
    dev, train = _measured(row, "dev"), _measured(row, "train")
    return [
        row["name"],
        row["status"],
        f"{train.number()} {train.unit}".strip() if train else "–",
        f"{dev.number()} {dev.unit}".strip() if dev else "–",
        dev.range() if dev else "–",
        grouped(row["dev_n"]) if row["dev_n"] else "–",
        "–" if row["seconds"] is None or row["status"] == "running" else f"{row['seconds']:.1f} s",
    ]


def _measured(row: dict[str, Any], part: str) -> Estimate | None:
    from leadline.measure import Estimate
    from leadline.measure.metrics import error_unit

    if row[f"{part}_error"] is None:
        return None
    low, high, n = (row[f"{part}_{key}"] for key in ("low", "high", "n"))
    return Estimate(row[f"{part}_error"], low, high, n, unit=error_unit(row["metric"], row["task"]))


def show(
    run: RunName,
    show_experiment: Annotated[
        bool, typer.Option("--show-experiment", help="Print the experiment with every choice filled in.")
    ] = False,
    runs: RunsFolder = Path("runs"),
    as_json: AsJson = False,
) -> None:
    """Show a run: how training went, its diagnosis, and metrics by class and segment."""
    loaded = load_run(run, runs)
    measured = loaded.has_diagnosis
    if as_json:
        extra = {"diagnosis": loaded.diagnosis_json} if measured else {}
        extra |= {"metrics": breakdowns_to_json(loaded.metrics)} if measured else {}
        extra |= {"transfer": loaded.transfer} if loaded.transfer else {}
        evaluation = load_evaluation(loaded.folder).to_json()
        extra |= {"evaluation": evaluation} if evaluation else {}
        facts = {"folder": str(loaded.folder.path), "experiment": loaded.experiment.to_dict()}
        print_json(loaded.summary.to_json() | facts | extra)
        return
    screen, summary = console(), loaded.summary
    screen.print(f"[bold]{loaded.name}[/bold]  {loaded.status}, {summary.started}")
    if show_experiment:
        screen.print(loaded.experiment.to_toml(), style="dim", markup=False)
    else:
        screen.print(f"Experiment: {loaded.folder / 'experiment.toml'}", markup=False)
    if summary.epochs:
        screen.print(ending(summary), markup=False)
    for guideline in (loaded.transfer or {}).get("guidelines", ()):
        holds = {True: "holds", False: "does not hold"}.get(guideline["holds"], "inconclusive")
        screen.print(f"Transfer, {guideline['name']} ({holds}): {guideline['text']}", markup=False)
    if loaded.status in ("interrupted", "failed"):
        _print_how_to_go_on(screen, loaded, measured)
    if measured:
        screen.print()
        print_diagnosis(screen, loaded.diagnosis)
        if (name := loaded.diagnosis.ladder.reference.name) in loaded.metrics:
            screen.print()
            print_breakdown(screen, name, loaded.metrics[name], loaded.task)
        screen.print(f"\nReport: {loaded.report_path}", markup=False)


def _print_how_to_go_on(screen: Console, run: Run, measured: bool) -> None:
    """What can be done with a run that ended before its time."""
    epochs = counted(len(run.history), "epoch")
    screen.print(f"It ended before its time, after {epochs}. Go on: leadline resume {run.name}", markup=False)
    if not measured:
        screen.print(f"What it had reached is measured by: leadline report {run.name}", markup=False)


def predict(
    run: RunName,
    data: Annotated[
        str, typer.Argument(metavar="DATA", help="A file with rows like those of training; the target is not needed.")
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write .csv or .parquet instead of printing.")
    ] = None,
    coverage: Annotated[
        float | None,
        typer.Option(help="Add sets of classes, or intervals, that hold the truth for such a share of rows: 0.9."),
    ] = None,
    coverage_by: Annotated[
        str | None, typer.Option(metavar="SEGMENT", help="Keep --coverage in each part of this segment of the run.")
    ] = None,
    runs: RunsFolder = Path("runs"),
    as_json: AsJson = False,
) -> None:
    """Predict on new rows with a run's network."""
    from leadline.runs.predictions import check_table_path, write_table

    if coverage is None and coverage_by is not None:
        raise UsageError("--coverage-by needs --coverage, such as 0.9.")
    if output is not None:
        check_table_path(output)
    with warnings.catch_warnings(record=True) as noticed:
        warnings.simplefilter("always", LeadlineWarning)
        table, said = _predictions(load_run(run, runs), data, coverage, coverage_by)
    if said:
        console(stderr=True).print(said, markup=False)
    for each in noticed:
        console(stderr=True).print(f"Note: {each.message}", markup=False)
    if output is not None:
        write_table(table, output)
        console(stderr=True).print(f"{grouped(table.num_rows)} predictions: {output}", markup=False)
    elif as_json:
        print_json(table.to_pylist())
    else:
        from pyarrow import csv

        sys.stdout.flush()
        csv.write_csv(table, sys.stdout.buffer)


def _predictions(run: Run, data: str, coverage: float | None, by: str | None) -> tuple[pa.Table, str]:
    """The predictions, with sets or intervals where a coverage is asked for, and what is said of that."""
    if coverage is None:
        return run.final_network().predictions(data), ""
    import numpy as np

    from leadline.runs.coverage import promise, with_coverage
    from leadline.strategy.predictions_table import read_any_table

    asked, groups = promise(run, coverage, by), None
    if by is not None:
        table = read_any_table(data)
        if by not in table.column_names:
            raise UsageError(f"--coverage-by: {data} has no column '{by}'.{nearest(by, table.column_names)}")
        groups = np.array([str(value) for value in table[by].to_pylist()])
    return with_coverage(run, data, asked, groups), str(asked)


def report(
    run: RunName,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Copy the report to this file.")] = None,
    data: MovedData = None,
    runs: RunsFolder = Path("runs"),
    as_json: AsJson = False,
) -> None:
    """Write a run's HTML report anew, and print where it is."""
    from leadline.session.results import renew_report
    from leadline.session.resume import ENDED_BEFORE, conclude

    loaded = load_with_data(run, runs, data)
    if loaded.status in ENDED_BEFORE and not (loaded.folder / "diagnosis.json").exists():
        conclude(loaded)
    path = renew_report(loaded, output)
    if as_json:
        print_json({"report": str(path)})
    else:
        typer.echo(path)
