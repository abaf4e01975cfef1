"""``leadline diagnose``: the ladder of a run, of a table of predictions, or of percentages."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from leadline.cli.breakdown import breakdowns_to_json, print_breakdown
from leadline.cli.goal_options import Costs, SecondsPerExample, goal_of
from leadline.cli.screen import console, print_diagnosis, print_json
from leadline.cli.train import AsJson, MovedData, Quick, RunsFolder, load_with_data
from leadline.errors import LeadlineError, UsageError
from leadline.text import seconds_of

if TYPE_CHECKING:
    from leadline.experiment import GoalSection
    from leadline.measure import Breakdown
    from leadline.runs.run import Run
    from leadline.strategy import Diagnosis


Percent = Annotated[float | None, typer.Option(help="Error in percent.")]
Size = Annotated[int | None, typer.Option(help="Number of examples.")]
RUNGS = ("human", "train", "train-dev", "dev", "test")


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(diagnose)


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
