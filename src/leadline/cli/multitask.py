"""``leadline multitask``: one network for several tasks against a network for each."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from leadline.cli.screen import ProgressBar, console, print_fitted, print_json, print_under
from leadline.cli.train import AsJson, RunsFolder, assigned, experiment_of
from leadline.errors import UsageError
from leadline.text import about, grouped

if TYPE_CHECKING:
    from rich.console import Console

    from leadline.session.multitask import Multitask, WidthComparison


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(multitask)


def multitask(
    experiment: Annotated[
        str, typer.Argument(metavar="EXPERIMENT", help="An experiment file (.toml), or a data file with --target.")
    ],
    target: Annotated[str | None, typer.Option(help="The columns to predict: a,b,c.")] = None,
    widths: Annotated[str, typer.Option(help="Compare again with hidden layers so many times as wide: 1,2,4.")] = "1",
    name: Annotated[str | None, typer.Option(help="The name of the joint network's run.")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="Any key of the experiment.")] = None,
    runs: RunsFolder = Path("runs"),
    as_json: AsJson = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, only the result.")] = False,
) -> None:
    """Train one network for all tasks and one for each, on the same split: which tasks gain from the others?"""
    parsed = experiment_of(experiment)
    changes: dict[str, Any] = {} if target is None else {"data.target": [each.strip() for each in target.split(",")]}
    parsed = parsed.replace(changes | assigned(set_ or []))
    factors = [_width(text) for text in widths.split(",")]
    screen = console(stderr=as_json)
    progress = None if quiet else ProgressBar(screen)
    from leadline.session.multitask import compare_multitask

    try:
        run, comparison = compare_multitask(parsed, widths=factors, name=name, runs=runs, listener=progress)
    finally:
        if progress is not None:
            progress.close()
    if as_json:
        print_json(comparison.to_json() | {"folder": str(run.folder.path)})
    else:
        print_multitask(screen, comparison, run.report_path)


def _width(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise UsageError(f"--widths: got '{text}'; it is a list of factors, such as 1,2,4.") from None


def print_multitask(screen: Console, comparison: Multitask, report: Path) -> None:
    """The tables and what they say."""
    for each in comparison.widths:
        joint, separate = (grouped(n) for n in each.parameters)
        screen.print(
            f"[bold]Hidden layers × {each.width:g}[/bold]: {joint} parameters together, {separate} in "
            f"{len(each.tasks)} networks"
        )
        print_fitted(screen, _table(each, comparison.metric))
        if each.mean is not None:
            screen.print(f"Mean over the tasks, on its own − together: {each.mean}", markup=False)
        screen.print()
    print_under(screen, "Conclusion", comparison.conclusion)
    if comparison.advice:
        print_under(screen, "Next step", comparison.advice)
    screen.print(f"Run:    {comparison.run}", markup=False)
    screen.print(f"Report: {report}", markup=False)


def _table(each: WidthComparison, metric: str) -> Any:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("Task", no_wrap=True)
    titles = ("Labels", "n dev", f"{metric.capitalize() if metric == 'error' else metric} together", "On its own")
    for title in (*titles, "Difference", "95 % interval"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("Better", no_wrap=True)
    key = "error" if metric == "error" else "rmse"
    for task in each.tasks:
        verdict = {"joint": "together", "separate": "on its own"}.get(task.better or "", "cannot tell")
        if task.needed is not None:
            verdict += f" (about {_about(task.needed)} would)"
        table.add_row(
            task.task,
            str(task.n_train),
            str(task.joint[key].n),
            task.joint[key].plain(),
            task.separate[key].plain(),
            task.difference.signed(),
            task.difference.range() or "–",
            verdict,
        )
    return table


def _about(n: int) -> str:
    return str(about(n))
