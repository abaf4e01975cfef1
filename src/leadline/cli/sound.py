"""``leadline sound`` and ``leadline next``: what each remedy would bring, and the best one trained."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from leadline.cli.runs import RunName
from leadline.cli.screen import ProgressBar, console, print_diagnosis, print_json, print_under, too_wide
from leadline.cli.train import (
    AsJson,
    ExperimentName,
    MovedData,
    RunsFolder,
    Target,
    assigned,
    experiment_of,
    load_with_data,
)
from leadline.errors import UsageError
from leadline.runs.run import load_run
from leadline.text import duration, seconds_of

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from leadline.runs.run import Run
    from leadline.soundings import Soundings

Budget = Annotated[str, typer.Option("--budget", help='Time to spend, such as "90s", "5m" or "1h30m".')]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, only the result.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command()(sound)
    app.command("next")(next_run)
    app.command()(climb)


def sound(
    run: RunName,
    budget: Budget = "5m",
    target: Annotated[
        float | None,
        typer.Option("--target-error", help="How many examples reach this dev error? Percent, or the target's unit."),
    ] = None,
    data: MovedData = None,
    go_on: Annotated[
        bool, typer.Option("--resume", help="Go on with soundings of the run that were interrupted, if there are any.")
    ] = False,
    runs: RunsFolder = Path("runs"),
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Measure what each remedy would do to a run's dev error, before anyone pays for it."""
    seconds = seconds_of(budget)
    sounded = load_with_data(run, runs, data)
    sound_and_show(sounded, seconds, _target_of(sounded, target), as_json, quiet, go_on)


def sound_and_show(
    run: Run, seconds: float, target: float | None, as_json: bool, quiet: bool, resume: bool = False
) -> None:
    """Sound a run with a progress bar and print what came out; ``target`` is an error to reach."""
    from leadline.cli.sounding_screen import SoundingProgress
    from leadline.soundings.sounder import sound as sound_run

    screen = console(stderr=as_json)
    progress = None if quiet else SoundingProgress(screen)
    try:
        soundings = sound_run(run, seconds, listener=progress, target=target, resume=resume)
    finally:
        if progress is not None:
            progress.close()
    if as_json:
        print_json(soundings.to_json())
        return
    print_soundings(screen, soundings)


def _target_of(run: Run, target: float | None) -> float | None:
    """The error that is meant: a fraction where percent were given."""
    if target is None:
        return None
    most = 100.0 if not run.task.graded else float("inf")
    if not 0 < target < most:
        raise UsageError(
            f"--target-error {target:g}: needs to be an error, above 0" + (" and below 100 %." if most == 100 else ".")
        )
    return target / 100 if most == 100 else target


def next_run(
    run: RunName,
    remedy: Annotated[
        str | None, typer.Option(help="Another remedy than the best, by its key: dropout, l2, bigger_network, …")
    ] = None,
    name: Annotated[str | None, typer.Option(help="The new run's name.")] = None,
    data: MovedData = None,
    runs: RunsFolder = Path("runs"),
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Train the best remedy of a sounded run in full, and say whether the prediction held."""
    from leadline.soundings.prediction import train_next

    screen = console(stderr=as_json)
    progress = None if quiet else ProgressBar(screen)
    try:
        trained, prediction = train_next(load_with_data(run, runs, data), remedy, name=name, listener=progress)
    finally:
        if progress is not None:
            progress.close()
    if as_json:
        print_json(prediction.to_json() | {"folder": str(trained.folder.path)})
        return
    screen.print(f"\n{prediction}\n", markup=False)
    print_diagnosis(screen, trained.diagnosis)
    screen.print(f"\nRun:    {trained.name}\nReport: {trained.report_path}", markup=False)


def climb(
    experiment: ExperimentName,
    budget: Budget = "30m",
    target: Target = None,
    name: Annotated[str | None, typer.Option(help="The first run's name.")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="Any key of the experiment, such as split.seed=1.")
    ] = None,
    go_on: Annotated[
        bool, typer.Option("--resume", help="Go on with the climb of this experiment that was ended, if there is one.")
    ] = False,
    runs: RunsFolder = Path("runs"),
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Train, sound, train the best remedy, and again, until the budget ends or nothing helps; tell the story."""
    from leadline.cli.sounding_screen import ClimbProgress
    from leadline.soundings.climb import climb as climb_from

    seconds = seconds_of(budget)
    changes = assigned(set_ or [])
    wanted = experiment_of(experiment).replace(changes | ({"data.target": target} if target else {}))
    screen = console(stderr=as_json)
    progress = None if quiet else ClimbProgress(screen)
    try:
        story = climb_from(wanted, seconds, name=name, runs=runs, listener=progress, resume=go_on)
    finally:
        if progress is not None:
            progress.close()
    if as_json:
        print_json(story.to_json())
        return
    screen.print(f"\n{story}", markup=False)
    folder = load_run(story.best, runs).folder
    screen.print(f"Story: {folder / 'climb.html'}\nReport: {folder / 'report.html'}", markup=False)


def print_soundings(screen: Console, found: Soundings) -> None:
    """The remedies in a table, the forecast, and the advice."""
    from leadline.cli.sounding_screen import cells, forecast_lines, note_lines

    screen.print(
        f"Dev {found.metric} {found.error.plain()} ({found.error.range()}): the run's own experiment, "
        f"{found.seeds} seeds; {duration(found.spent)} of {duration(found.budget)}.",
        markup=False,
    )
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("Remedy", no_wrap=True)
    for title in ("Change of dev error", "95 % interval", "Of its gap", "Full run"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("Verdict", no_wrap=True)
    for sounding in found.soundings:
        table.add_row(*cells(sounding))
    if too_wide(screen, table):
        _narrow(table)
    screen.print(table, soft_wrap=False)
    for line in [*forecast_lines(found), *note_lines(found), *found.notes]:
        screen.print(line, markup=False, style="dim")
    print_under(screen, "Next step", found.advice)


def _narrow(table: Table) -> None:
    """For a narrow terminal: what a remedy changes and how sure that is; the report has the rest."""
    del table.columns[3:5]
    table.columns[0].no_wrap = False
    table.columns[1].header = "Dev error"
