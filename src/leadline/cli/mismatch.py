"""``leadline mismatch``: how different two sets are, and in which features."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leadline.cli.screen import console, print_json
from leadline.cli.train import AsJson, RunsFolder
from leadline.errors import UsageError
from leadline.runs.run import load_run


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(mismatch)


def mismatch(
    first: Annotated[str, typer.Argument(metavar="DATA_A", help="A data file, or a run whose sets are compared.")],
    second: Annotated[str | None, typer.Argument(metavar="DATA_B", help="The data file to compare it with.")] = None,
    sets: Annotated[str, typer.Option(help="Which sets of a run: two of train, train-dev, dev, test.")] = "train,dev",
    runs: RunsFolder = Path("runs"),
    as_json: AsJson = False,
) -> None:
    """Say how different two sets are: whether a classifier can tell them apart, and by which features."""
    from leadline.session.mismatch import mismatch as compare
    from leadline.session.mismatch import run_mismatch

    if second is not None:
        comparison = compare(first, second)
    else:
        names = [name.strip() for name in sets.split(",")]
        if len(names) != 2:
            raise UsageError(f"--sets {sets}: name two sets, such as train,dev.")
        comparison = run_mismatch(load_run(first, runs), names[0], names[1])
    if as_json:
        print_json(comparison.to_json())
    else:
        console().print(str(comparison), markup=False)
