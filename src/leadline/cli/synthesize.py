"""``leadline synthesize``: training data more like the target, from a folder of images or sounds."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from leadline.cli.screen import console, print_json
from leadline.cli.train import AsJson
from leadline.errors import UsageError
from leadline.text import grouped


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(synthesize)


def synthesize(
    source: Annotated[
        Path, typer.Argument(metavar="SOURCE", help="A folder of images or WAV files; folders of classes stay.")
    ],
    output: Annotated[Path, typer.Argument(metavar="OUTPUT", help="The folder to make.")],
    background: Annotated[
        Path | None, typer.Option(help="A folder of sounds to mix in, or of images to paste cut-outs on.")
    ] = None,
    n: Annotated[int | None, typer.Option("--n", help="How many examples; as many as there are by default.")] = None,
    snr: Annotated[
        str | None, typer.Option(metavar="LOW,HIGH", help="Sounds: decibels above the background, 0,20 by default.")
    ] = None,
    height: Annotated[
        str | None, typer.Option(metavar="LOW,HIGH", help="Share of the background's height, 0.3,0.8 by default.")
    ] = None,
    blur: Annotated[str | None, typer.Option(metavar="LOW,HIGH", help="Standard deviation in pixels.")] = None,
    noise: Annotated[str | None, typer.Option(metavar="LOW,HIGH", help="Standard deviation of 255 levels.")] = None,
    quality: Annotated[str | None, typer.Option(metavar="LOW,HIGH", help="Of a JPEG, 1 to 95.")] = None,
    brightness: Annotated[str | None, typer.Option(metavar="LOW,HIGH", help="A factor.")] = None,
    contrast: Annotated[str | None, typer.Option(metavar="LOW,HIGH", help="A factor.")] = None,
    gamma: Annotated[str | None, typer.Option(metavar="LOW,HIGH", help="An exponent.")] = None,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    as_json: AsJson = False,
) -> None:
    """Make training data more like the target: sounds with backgrounds, images with other light, blur, noise, …"""
    from leadline.data.synthetic_folder import Recipe, synthesize_folder

    ranges = {
        "snr": snr,
        "height": height,
        "blur": blur,
        "noise": noise,
        "quality": quality,
        "brightness": brightness,
        "contrast": contrast,
        "gamma": gamma,
    }
    recipe = Recipe(**{name: _range(name, text) for name, text in ranges.items() if text is not None})
    made = synthesize_folder(source, output, recipe, background, n, seed)
    if as_json:
        material = [asdict(each) for each in made.diversity]
        print_json({"folder": str(output), "examples": made.examples, "material": material, "warnings": made.warnings})
        return
    used = ", ".join(f"{grouped(each.distinct)} {each.material}" for each in made.diversity)
    console().print(f"{output}: {grouped(made.examples)} examples from {used}", markup=False)
    for warning in made.warnings:
        typer.echo(f"leadline: {warning}", err=True)


def _range(name: str, text: str) -> tuple[float, float]:
    try:
        low, high = (float(part) for part in (text.split(",") if "," in text else (text, text)))
    except ValueError:
        raise UsageError(f"--{name} {text}: give one number, or a range such as 0,2.") from None
    return low, high
