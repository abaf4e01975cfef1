"""``leadline rate`` and ``stop``: change the learning rate of a run while it trains, or end it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leadline.cli.runs import RunName
from leadline.cli.screen import print_json
from leadline.cli.train import AsJson, RunsFolder
from leadline.errors import UsageError
from leadline.runs.run import load_run


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command()(rate)
    app.command()(stop)


def rate(
    run: RunName,
    value: Annotated[float | None, typer.Argument(metavar="RATE", help="The new learning rate.")] = None,
    release: Annotated[bool, typer.Option("--release", help="Give the rate back to the schedule.")] = False,
    runs: RunsFolder = Path("runs"),
    as_json: AsJson = False,
) -> None:
    """Set the learning rate of a run that is training, from its next epoch on."""
    from leadline.runs.control import set_rate

    if (value is None) != release:
        raise UsageError("rate: give a new learning rate, or --release to give it back to the schedule.")
    loaded = load_run(run, runs)
    set_rate(loaded, value)
    if as_json:
        print_json({"run": loaded.name, "learning_rate": value, "scheduled": release})
        return
    change = "follows its schedule again" if release else f"trains with a learning rate of {value:g}"
    typer.echo(f"{loaded.name} {change} from its next epoch on.")


def stop(run: RunName, runs: RunsFolder = Path("runs"), as_json: AsJson = False) -> None:
    """End a training after its present epoch; what it has reached is kept, measured and reported."""
    from leadline.runs.control import stop as stop_training

    loaded = load_run(run, runs)
    stop_training(loaded)
    if as_json:
        print_json({"run": loaded.name, "stopping": True})
        return
    typer.echo(f"{loaded.name} ends after its present epoch and keeps what it has reached.")
