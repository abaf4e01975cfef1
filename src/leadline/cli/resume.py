"""``leadline resume``: go on with a training, or with soundings of a run, after whatever ended them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from leadline.cli.sound import sound_and_show
from leadline.cli.train import AsJson, MovedData, Quiet, RunsFolder, load_with_data, train_and_show
from leadline.runs.soundings import has_unfinished_soundings

if TYPE_CHECKING:
    from leadline.runs.run import Run
    from leadline.session.recorder import TrainingListener


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(resume)


def resume(
    run: Annotated[str, typer.Argument(metavar="RUN", help='A name, a beginning of it, a folder, or "last".')] = "last",
    data: MovedData = None,
    runs: RunsFolder = Path("runs"),
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Go on with a training, or soundings of a run, that was killed or stopped, as if that had not been."""
    ended = load_with_data(run, runs, data)
    if ended.status == "done" and has_unfinished_soundings(ended.folder):
        sound_and_show(ended, 0.0, None, as_json, quiet, resume=True)
        return

    def begin(listener: TrainingListener | None) -> Run:
        from leadline.session.resume import resume

        return resume(ended, runs=runs, listener=listener)

    train_and_show(begin, runs, as_json, quiet)
