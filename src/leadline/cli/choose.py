"""``leadline compare`` and ``leadline best``: runs side by side, and which one to take."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from leadline.cli.goal_options import Costs, SecondsPerExample, goal_of
from leadline.cli.screen import console, print_fitted, print_json
from leadline.cli.train import AsJson, RunsFolder
from leadline.errors import LeadlineError, UsageError
from leadline.runs.run import load_run
from leadline.text import grouped
from leadline.toml_text import toml_value

if TYPE_CHECKING:
    from leadline.runs.run import Run
    from leadline.session.comparing import RunComparison

MetricName = Annotated[str | None, typer.Option("--metric", help="The metric to go by; by default what was optimized.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command()(compare)
    app.command()(best)


def compare(
    names: Annotated[list[str], typer.Argument(metavar="RUN", help="Two runs or more.")],
    metric: MetricName = None,
    cost: Costs = None,
    seconds_per_example: SecondsPerExample = None,
    runs: RunsFolder = Path("runs"),
    as_json: AsJson = False,
) -> None:
    """Compare runs on the same dev examples: is the best one significantly better?"""
    from leadline.session.comparing import compare_runs

    goal = goal_of(cost, seconds_per_example)
    found = compare_runs([load_run(name, runs) for name in names], metric, goal)
    if as_json:
        print_json(found.to_json())
    else:
        _print(found)


def _print(found: RunComparison) -> None:
    screen = console()
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("Run", no_wrap=True)
    for title in (f"Dev {found.metric}", "95 % interval", "n"):
        table.add_column(title, justify="right", no_wrap=True)
    for name, score in found.scores.items():
        table.add_row(name, score.plain(), score.range() or "–", grouped(score.n) if score.n else "–")
    print_fitted(screen, table)
    screen.print(found.over_text, markup=False)
    for comparison in found.comparisons:
        screen.print(str(comparison), markup=False)
    changed = sorted({key for values in found.changes.values() for key in values})
    if changed:
        screen.print("\n[bold]What differs[/bold]")
    for key in changed:
        values = "; ".join(f"{name} {_shown(values.get(key))}" for name, values in found.changes.items())
        screen.print(f"  {key}: {values}", markup=False)


def _shown(value: Any) -> str:
    return "–" if value is None else toml_value(list(value) if isinstance(value, tuple) else value)


def best(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="RUN", help="Runs; by default all on the dev set of the last.")
    ] = None,
    metric: MetricName = None,
    limit: Annotated[
        list[str] | None,
        typer.Option(
            "--limit", help="Such as latency_ms<=100, size_mb<=5, parameters<=10000, or of a metric: cost<=2."
        ),
    ] = None,
    cost: Costs = None,
    seconds_per_example: SecondsPerExample = None,
    runs: RunsFolder = Path("runs"),
    as_json: AsJson = False,
) -> None:
    """Choose the best run by one metric among those within the limits, corrected for selection bias."""
    from leadline.session.comparing import choose_run

    limits = dict(_limit(text) for text in limit or [])
    chosen = [load_run(name, runs) for name in names] if names else _comparable(runs)
    selection = choose_run(chosen, metric, limits, goal=goal_of(cost, seconds_per_example))
    if as_json:
        print_json(selection.to_json())
        return
    screen = console()
    screen.print(str(selection), markup=False)
    if selection.winner is not None:
        costs = ", ".join(f"{name} {_number(value)}" for name, value in selection.winner.satisficing.items())
        screen.print(f"{selection.winner.name}: {costs}", markup=False)


def _number(value: float) -> str:
    return grouped(value) if value >= 1000 else f"{value:.3g}"


def _comparable(runs: Path) -> list[Run]:
    from leadline.session.comparing import with_dev_set_of

    last = load_run("last", runs)
    found = with_dev_set_of(last)
    if not found:
        raise LeadlineError(f"{last.name} has no dev predictions to choose by.")
    return found


def _limit(text: str) -> tuple[str, str]:
    found = re.fullmatch(r"\s*(\w+)\s*((?:<=|>=|≤|≥|<|>).*)", text)
    if found is None:
        raise UsageError(f"--limit {text}: write NAME<=NUMBER in quotes, such as 'latency_ms<=100'.")
    return found.group(1), found.group(2)
