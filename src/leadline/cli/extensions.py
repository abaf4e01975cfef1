"""``leadline extensions``: the names of all kinds of things, and where each is defined."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leadline.cli.screen import console, print_json
from leadline.extensions import kinds, load_module, registry


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(extensions)


def extensions(
    kind: Annotated[
        str | None, typer.Argument(metavar="[KIND]", help=f"One of {', '.join(kinds())}; all of them without it.")
    ] = None,
    modules: Annotated[
        list[Path] | None, typer.Option("--module", help="A Python file of your own to load first; repeat it for more.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the names by kind as JSON.")] = False,
) -> None:
    """List the names that experiments may use: layers, losses, metrics and so on, those of your own included."""
    chosen = kinds() if kind is None else (registry(kind).kind,)
    for path in modules or []:
        load_module(str(path), "--module")
    names = {each: {name: origin.place for name, origin in registry(each).listed().items()} for each in chosen}
    if as_json:
        print_json(names)
        return
    screen = console()
    for each, places in names.items():
        own = {name: place for name, place in places.items() if place is not None}
        screen.print(f"[bold]{each}[/bold]: {', '.join(name for name in places if name not in own)}", highlight=False)
        for name, place in own.items():
            screen.print(f"  {name} ({place})", markup=False, highlight=False)
