"""``leadline rename``, ``remove`` and ``restore``: runs under other names, in the bin, and back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leadline.cli.runs import RunName
from leadline.cli.screen import console, print_json
from leadline.cli.train import AsJson, RunsFolder
from leadline.runs.store import RunStore


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command()(rename)
    app.command()(remove)
    app.command()(restore)


def rename(
    run: RunName,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The new name.")],
    runs: RunsFolder = Path("runs"),
    as_json: AsJson = False,
) -> None:
    """Give a run another name."""
    store = RunStore(runs)
    folder = store.find(run)
    before = folder.path.name
    renamed = store.rename(folder, name)
    _print(as_json, {"run": renamed.path.name, "before": before}, f"{before} is called {renamed.path.name} now.")


def remove(
    names: Annotated[list[str], typer.Argument(metavar="RUN", help="Runs, by their whole names or folders.")],
    runs: RunsFolder = Path("runs"),
    as_json: AsJson = False,
) -> None:
    """Move runs into the bin, from where they can be restored."""
    store = RunStore(runs)
    places = {folder.path.name: str(store.remove(folder)) for folder in [store.find(name) for name in names]}
    first = next(iter(places))
    text = "\n".join(f"{name} is in the bin: {place}" for name, place in places.items())
    _print(as_json, {"removed": places}, f"{text}\nBring it back: leadline restore {Path(places[first]).name}")


def restore(
    name: Annotated[str, typer.Argument(metavar="RUN", help="The name of a run in the bin.")],
    runs: RunsFolder = Path("runs"),
    as_json: AsJson = False,
) -> None:
    """Bring a run back from the bin."""
    folder = RunStore(runs).restore(name)
    _print(as_json, {"run": folder.path.name, "folder": str(folder.path)}, f"{folder.path.name} is back.")


def _print(as_json: bool, values: dict[str, object], text: str) -> None:
    if as_json:
        print_json(values)
    else:
        console().print(text, markup=False)
