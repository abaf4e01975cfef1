"""``leadline search``: hyper-parameters for an experiment."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from leadline.cli.screen import console, print_json
from leadline.cli.train import AsJson, ExperimentName, RunsFolder, Target, assigned, experiment_of
from leadline.extensions import registry
from leadline.toml_text import toml_value

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

    from leadline.search import PreparedExperiment, SearchRecord, SearchSettings, Space, TrialRecord


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(search)


def search(
    experiment: ExperimentName,
    trials: Annotated[int | None, typer.Option(help="How many to train in all. [default: 64]")] = None,
    sampler: Annotated[
        str | None,
        typer.Option(help=f"{', '.join(registry('sampler').builtin)}, or one of [extensions]. [default: random]"),
    ] = None,
    storage: Annotated[
        str | None,
        typer.Option(help="A database that several workers share: sqlite:///FILE or postgresql://USER@HOST/NAME."),
    ] = None,
    budget: Annotated[str | None, typer.Option(help="Time for all of it, such as 90s, 5m or 1h.")] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes of this machine.")] = 1,
    seed: Annotated[int | None, typer.Option(help="Of the sampler. [default: 0]")] = None,
    tiers: Annotated[int | None, typer.Option(help="Tiers of the default space, 1 to 3. [default: 3]")] = None,
    pruning: Annotated[
        bool | None, typer.Option("--pruning/--no-pruning", help="Stop hopeless trials early. [default: pruning]")
    ] = None,
    target: Target = None,
    name: Annotated[str | None, typer.Option(help="The search's name.")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="Any key of the experiment, such as training.epochs=20.")
    ] = None,
    runs: RunsFolder = Path("runs"),
    as_json: AsJson = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, only the result.")] = False,
) -> None:
    """Search hyper-parameters for the least dev error; the same command again goes on where the search ended."""
    from leadline.search import settings_of
    from leadline.search.job import search as run_search

    changes: dict[str, Any] = {} if target is None else {"data.target": target}
    parsed = experiment_of(experiment).replace(changes | assigned(set_ or []))
    given: Mapping[str, Any] = {
        "trials": trials,
        "sampler": sampler,
        "budget": budget,
        "seed": seed,
        "tiers": tiers,
        "pruning": pruning,
    }
    settings = settings_of(parsed, given)
    screen = console(stderr=as_json)
    progress = None if quiet else SearchProgress(screen)
    try:
        record = run_search(
            parsed, settings=settings, name=name, runs=runs, storage=storage, workers=workers, listener=progress
        )
    finally:
        if progress is not None:
            progress.close()
    if as_json:
        print_json({**record.summary, "folder": str(record.folder), "trials": [t.to_json() for t in record.trials]})
    else:
        print_search(screen, record)


def print_search(screen: Console, record: SearchRecord) -> None:
    """The result: the best with its interval, what mattered, and where to look on."""
    from leadline.report.figures.search import name_of
    from leadline.search.report import conclusion

    summary = record.summary
    counts = ", ".join(f"{n} {state}" for state, n in summary["counts"].items())
    screen.print(f"{counts}; {summary['seconds']:.1f} s in all.", markup=False)
    screen.print()
    screen.print(conclusion(summary), markup=False, style="bold")
    for line in summary["edges"]:
        screen.print(f"Note: {line}", markup=False, style="yellow")
    if summary["importance"]:
        screen.print(
            "\nHyper-parameter importance (share of the variance between trials; its usual tier of tuning):",
            markup=False,
        )
        for entry in summary["importance"]:
            tier = f"tier {entry['tier']}" if entry["tier"] else "no tier"
            chance = entry.get("chance", 0.0)
            note = f"; chance alone gives up to {100 * chance:.0f} %" if entry["importance"] <= chance else ""
            screen.print(f"  {100 * entry['importance']:3.0f} %  {name_of(entry['key'])} ({tier}{note})", markup=False)
    screen.print(f"\nReport: {record.folder / 'report.html'}", markup=False)
    screen.print(f"Train:  leadline train {record.folder / 'best.toml'}", markup=False)


class SearchProgress:
    """Shows how a search goes on: trials, the best so far and time left."""

    def __init__(self, screen: Console) -> None:
        self.screen = screen
        self.bar: Progress | None = None
        self.best: float | None = None
        self.percent = True
        self.done = 0

    def planned(self, prepared: PreparedExperiment, space: Space, settings: SearchSettings, done: int) -> None:
        """Say what is about to be searched, and show the bar on a terminal."""
        from leadline.measure.metrics import error_unit

        plan, screen = prepared.plan, self.screen
        self.done = done
        self.percent = error_unit(plan.experiment.goal.optimizing, plan.data.task) == "%"
        screen.print(f"{plan.data.name}: {settings.trials} trials, {settings.sampler}, over", markup=False)
        for dimension in space:
            screen.print(f"  {dimension.key} = {toml_value(dimension.to_config())}", markup=False, style="dim")
        if done:
            screen.print(f"Going on after {done} trials.", markup=False)
        if screen.is_terminal:
            columns = (
                TextColumn("Searching"),
                BarColumn(),
                TextColumn("{task.completed}/{task.total} {task.fields[text]}"),
            )
            self.bar = Progress(
                *columns, TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(), console=screen, transient=True
            )
            self.task = self.bar.add_task("Searching", total=settings.trials, completed=done, text="")
            self.bar.start()

    def trial(self, record: TrialRecord) -> None:
        """A trial has ended."""
        self.done += 1
        if record.state == "complete" and record.dev_error is not None:
            self.best = record.dev_error if self.best is None else min(self.best, record.dev_error)
        if self.bar is not None:
            shown = "" if self.best is None else f"{100 * self.best:.2f} %" if self.percent else f"{self.best:.5g}"
            self.bar.update(self.task, completed=self.done, text=f"best {shown}" if shown else "")

    def finals(self, count: int, seeds: int) -> None:
        """The best are trained with other seeds."""
        self.close()
        self.screen.print(f"The best {count} with {seeds} other seeds each …", markup=False, style="dim")

    def close(self) -> None:
        """Take the bar away."""
        if self.bar is not None:
            self.bar.stop()
            self.bar = None
