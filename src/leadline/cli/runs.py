"""The commands on runs: list, show, diagnose, predict, report."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from leadline.cli.breakdown import breakdowns_to_json, print_breakdown
from leadline.cli.goal_options import Costs, SecondsPerExample, goal_of
from leadline.cli.screen import console, ending, print_diagnosis, print_fitted, print_json
from leadline.cli.train import AsJson, MovedData, Quick, RunsFolder, load_with_data
from leadline.errors import LeadlineError, LeadlineWarning, UsageError, nearest
from leadline.runs.folder import RunFolder
from leadline.runs.repeated import load_evaluation
from leadline.runs.run import load_run
from leadline.runs.soundings import load_prediction
from leadline.runs.store import RunStore
from leadline.runs.verification import problems
from leadline.text import counted, grouped, seconds_of

if TYPE_CHECKING:
    import pyarrow as pa
    from rich.console import Console

    from leadline.experiment import GoalSection
    from leadline.measure import Breakdown, Estimate
    from leadline.runs.run import Run
    from leadline.strategy import Diagnosis


def _completed_runs(incomplete: str) -> list[str]:
    """Names of runs in the usual folder, for the shell's completion."""
    return sorted(name for name in RunStore().names() if name.startswith(incomplete))


RunName = Annotated[
    str,
    typer.Argument(
        metavar="RUN", help='A name, a beginning of it, a folder, or "last".', autocompletion=_completed_runs
    ),
]
Percent = Annotated[float | None, typer.Option(help="Error in percent.")]
Size = Annotated[int | None, typer.Option(help="Number of examples.")]
RUNGS = ("human", "train", "train-dev", "dev", "test")


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("runs")(list_runs)
    app.command("verify-runs")(verify_runs)
    app.command()(show)
    app.command()(diagnose)
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


def diagnose(
    run: Annotated[
        str | None,
        typer.Argument(
            metavar="RUN|PREDICTIONS",
            help='A run\'s name, a beginning of it, a folder, or "last"; or a table of predictions of any framework, '
            ".csv or .parquet with the columns set, label and prediction.",
        ),
    ] = None,
    open_test: Annotated[
        bool, typer.Option("--open-test", help="Measure the test set, too; that it was opened is recorded.")
    ] = False,
    human: Percent = None,
    train: Percent = None,
    train_dev: Percent = None,
    dev: Percent = None,
    test: Percent = None,
    n_human: Size = None,
    n_train: Size = None,
    n_train_dev: Size = None,
    n_dev: Size = None,
    n_test: Size = None,
    metric: Annotated[str | None, typer.Option(help="Of PREDICTIONS: accuracy, macro_f1, rmse, …")] = None,
    segment: Annotated[
        list[str] | None, typer.Option("--segment", help="A column to tell metrics apart by; may repeat.")
    ] = None,
    by_class: Annotated[bool, typer.Option("--metrics", help="Print metrics over all and by class, too.")] = False,
    cost: Costs = None,
    seconds_per_example: SecondsPerExample = None,
    quick: Quick = False,
    budget: Annotated[
        str | None, typer.Option(help='Time for probes beside the RUN, such as "60s" or "2m"; they are made again.')
    ] = None,
    data: MovedData = None,
    runs: RunsFolder = Path("runs"),
    as_json: AsJson = False,
) -> None:
    """Say where the error comes from: of a RUN, of PREDICTIONS, or from errors in percent (--train 1 --dev 10 …)."""
    errors = dict(zip(RUNGS, (human, train, train_dev, dev, test), strict=True))
    sizes = dict(zip(RUNGS, (n_human, n_train, n_train_dev, n_dev, n_test), strict=True))
    given = {name: value for name, value in errors.items() if value is not None}
    if run is not None and run.lower().endswith((".csv", ".tsv", ".parquet")):
        if open_test:
            raise UsageError("--open-test is about a RUN; the sets of a table are open as they are.")
        goal = goal_of(cost, seconds_per_example)
        _diagnose_table(run, given, sizes["human"], metric, goal, (segment or [], by_class), as_json)
        return
    if cost or seconds_per_example:
        raise UsageError("--cost and --seconds-per-example are about a table of predictions; a run has its [goal].")
    if metric is not None:
        raise UsageError("--metric is about a table of predictions; a run is measured by its [goal] optimizing.")
    if (run is None) == (not given):
        raise UsageError("diagnose takes a RUN, or errors in percent such as --train 1 --dev 10, one of the two.")
    if run is None:
        _refuse_for_percentages(open_test, bool(segment) or by_class)
        _print(_from_percentages(given, {name: n for name, n in sizes.items() if n is not None}), as_json)
        return
    loaded = load_with_data(run, runs, data)
    if not quick:
        if loaded.is_imported and budget is not None:
            loaded.needs_network()
        if not loaded.is_imported:
            _complete_probes(loaded, budget)
    _diagnose_run(loaded, open_test, segment or [], by_class, as_json)


def _complete_probes(loaded: Run, budget: str | None) -> None:
    """Make the probes of a run that were left out, or all of them again within the ``budget`` that is given."""
    from leadline.session.probing import seconds_allowed, unprobed

    if budget is None and not unprobed(loaded):
        return
    from leadline.session.test_set import probe_again

    seconds = seconds_allowed(loaded.summary.seconds or 0.0) if budget is None else seconds_of(budget)
    typer.echo(f"leadline: probes beside {loaded.name} are made now, in at most {seconds:g} s.", err=True)
    try:
        probe_again(loaded, seconds)
    except LeadlineError as error:
        typer.echo(f"leadline: they cannot be made: {error}", err=True)


def _diagnose_run(loaded: Run, open_test: bool, segment: list[str], by_class: bool, as_json: bool) -> None:
    """Print a run's diagnosis, with the test set and with metrics if asked."""
    if open_test:
        from leadline.session.test_set import open_test_set

        open_test_set(loaded)
        _warn_of_openings(loaded)
    if not segment and not by_class:
        _print(loaded.diagnosis, as_json)
        return
    from leadline.session.segments import measure_segments

    measured = measure_segments(loaded, segment) if segment else loaded.metrics
    _print_with_metrics(loaded.diagnosis, measured, loaded.task, as_json)


def _refuse_for_percentages(open_test: bool, metrics: bool) -> None:
    """What bare errors cannot give."""
    if metrics:
        raise UsageError("--segment and --metrics are about a RUN or a table of predictions, not bare errors.")
    if open_test:
        raise UsageError("--open-test is about a RUN; a test error in percent is given with --test.")


def _warn_of_openings(run: Run) -> None:
    """The first opening is what a test set is for; the later ones wear it out."""
    from leadline.session.test_set import openings

    times = openings(run)
    if len(times) > 1:
        typer.echo(
            f"leadline: the test set of {run.name} was opened {len(times)} times, first on {times[0][:10]}. Choices\n"
            "made since then may have followed it, and then its error is too good to be believed.",
            err=True,
        )


def _diagnose_table(
    path: str,
    given: dict[str, float],
    n_human: int | None,
    metric: str | None,
    goal: GoalSection,
    wanted: tuple[list[str], bool],
    as_json: bool,
) -> None:
    from leadline.measure import ErrorCost
    from leadline.strategy.predictions_table import read_predictions

    others = [f"--{name}" for name in given if name != "human"]
    if others:
        raise UsageError(f"{others[0]} does not go with {path}: its errors are measured from the predictions.")
    costs = [ErrorCost(each.actual, each.predicted, each.cost) for each in goal.costs]
    table = read_predictions(path, metric, costs, goal.seconds_per_example)
    diagnosis = table.diagnose(given.get("human"), n_human)
    if not any(wanted) and not table.configured:
        _print(diagnosis, as_json)
    else:
        _print_with_metrics(diagnosis, table.breakdowns(wanted[0]), table.task, as_json)


def _print_with_metrics(diagnosis: Diagnosis, measured: dict[str, Breakdown], task: str, as_json: bool) -> None:
    """The diagnosis, then the metrics of the set that stands for the task; as JSON, those of all sets."""
    if as_json:
        print_json(diagnosis.to_json() | {"metrics": breakdowns_to_json(measured)})
        return
    _print(diagnosis, as_json)
    name = diagnosis.ladder.reference.name
    if name in measured:
        screen = console()
        screen.print()
        print_breakdown(screen, name, measured[name], task)


def _from_percentages(errors: dict[str, float], sizes: dict[str, int]) -> Diagnosis:
    from leadline.strategy import diagnose_rates

    for name, value in errors.items():
        if not 0 <= value <= 100:
            raise UsageError(f"--{name}: got {value:g}; an error lies between 0 and 100 percent.")
    if set(errors) == {"human"}:
        raise UsageError("--human alone has nothing to compare with; give --train, --dev or others, too.")
    fractions = {name: value / 100 for name, value in errors.items()}
    human = fractions.pop("human", None)
    return diagnose_rates(fractions, sizes, human)


def _print(diagnosis: Diagnosis, as_json: bool) -> None:
    if as_json:
        print_json(diagnosis.to_json())
    else:
        print_diagnosis(console(), diagnosis)


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
