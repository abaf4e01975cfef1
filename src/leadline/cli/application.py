"""``leadline open``: the runs in the browser."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leadline.cli.screen import console, print_json
from leadline.cli.train import AsJson, RunsFolder
from leadline.runs.store import RunStore


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("open")(open_application)


def open_application(
    run: Annotated[
        str | None, typer.Argument(metavar="RUN", help='A run to begin with: a name, a beginning of it, or "last".')
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 0,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the browser.")] = True,
    runs: RunsFolder = Path("runs"),
    as_json: AsJson = False,
) -> None:
    """Look at the runs in the browser: a local application that answers this machine only. Ctrl-C ends it."""
    from leadline.web.serving import serve

    store = RunStore(runs)
    path = "/" if run is None else f"/runs/{store.find(run).path.name}"

    def ready(url: str) -> None:
        if as_json:
            print_json({"url": url})
        else:
            console().print(f"Leadline: {url}\nCtrl-C ends it.", markup=False)

    serve(store, path, port, browser, ready, console(stderr=as_json).print)
