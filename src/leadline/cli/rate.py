"""``leadline rate``: change the learning rate of a run while it trains (the manual schedule)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leadline.cli.runs import RunName
from leadline.cli.train import RunsFolder
from leadline.errors import LeadlineError, UsageError


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(rate)


def rate(
    run: RunName,
    value: Annotated[float | None, typer.Argument(metavar="RATE", help="The new learning rate.")] = None,
    release: Annotated[bool, typer.Option("--release", help="Give the rate back to the schedule.")] = False,
    runs: RunsFolder = Path("runs"),
) -> None:
    """Set the learning rate of a run that is training, from its next epoch on."""
    from leadline.optimize import change_rate
    from leadline.runs.folder import RATE_FILE
    from leadline.runs.run import load_run

    if (value is None) != release:
        raise UsageError("rate: give a new learning rate, or --release to give it back to the schedule.")
    found = load_run(run, runs)
    if found.status != "running":
        raise LeadlineError(f"{found.name} is not training any more (it is {found.status}); nothing was changed.")
    change_rate(found.folder / RATE_FILE, value)
    told = "follows its schedule again" if release else f"trains with a learning rate of {value:g}"
    typer.echo(f"{found.name} {told} from its next epoch on.")
