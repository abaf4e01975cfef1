"""``leadline export``: a run's network as an ONNX file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leadline.cli.runs import RunName
from leadline.cli.screen import console, print_json
from leadline.cli.train import AsJson, RunsFolder
from leadline.errors import UsageError
from leadline.runs.run import load_run


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(export)


def export(
    run: RunName,
    onnx: Annotated[Path, typer.Option("--onnx", metavar="FILE", help="The ONNX file to write.")],
    runs: RunsFolder = Path("runs"),
    as_json: AsJson = False,
) -> None:
    """Write a run's network, with the preparation of its inputs, as one ONNX file for other programs."""
    from leadline.export import described_onnx

    if onnx.suffix.lower() != ".onnx":
        raise UsageError(f"--onnx {onnx}: the file's name ends in .onnx.")
    loaded = load_run(run, runs)
    path = loaded.final_network().export(onnx, loaded.name)
    described = described_onnx(path)
    if as_json:
        print_json({"file": str(path), **described})
        return
    screen = console()
    for title in ("inputs", "outputs"):
        screen.print(f"{title.capitalize()}:", style="bold")
        width = max(len(each["name"]) for each in described[title])
        for each in described[title]:
            shape = " × ".join(str(size) for size in each["shape"])
            screen.print(f"  {each['name']:<{width}}  {each['type']} {shape}  {each['note']}", markup=False)
    screen.print(f"{path} ({path.stat().st_size / 1e6:.3g} MB)", markup=False)
