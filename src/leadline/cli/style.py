"""``leadline style``: one photo painted in the style of another."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from leadline.cli.screen import console, print_json
from leadline.cli.train import AsJson
from leadline.errors import UsageError

if TYPE_CHECKING:
    from leadline.architectures.weights import Published
    from leadline.vision import StyleProgress

PREVIEW_EVERY = 25


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(style)


def style(
    content: Annotated[Path, typer.Argument(metavar="CONTENT", help="The photo to paint.")],
    style: Annotated[Path, typer.Argument(metavar="STYLE", help="The picture whose style it gets.")],
    output: Annotated[
        Path, typer.Option("--output", "--out", "-o", help="The picture to write: .png, .jpg or .webp.")
    ] = Path("styled.png"),
    weights: Annotated[
        str | None, typer.Option(metavar="FILE", help="Published weights of a network trained on photos.")
    ] = None,
    architecture: Annotated[str, typer.Option(help="What the weights are of.")] = "squeezenet",
    size: Annotated[int, typer.Option(help="Pixels along the longer side.")] = 512,
    scales: Annotated[int, typer.Option(min=1, help="Sizes painted, from coarse to fine.")] = 3,
    steps: Annotated[int, typer.Option(min=1, help="Updates at each size.")] = 150,
    strength: Annotated[float, typer.Option(help="Weight of the style's cost; the content's is 1.")] = 10.0,
    smooth: Annotated[float, typer.Option(help="Weight of total variation.")] = 1.0,
    style_size: Annotated[
        int | None, typer.Option(help="Pixels of the style along its longer side; smaller gives finer strokes.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Paint a photo in the style of another: descent on the picture itself, coarse first.

    Every 25 steps the picture so far is written to OUTPUT; Ctrl-C ends the painting and keeps it.
    """
    from leadline.vision import Style, transfer_style
    from leadline.vision.photos import check_ending, read_photo, write_photo

    check_ending(output)
    settings = Style(size=size, scales=scales, steps=steps, style=strength, smooth=smooth, style_size=style_size)
    photos = read_photo(content), read_photo(style)
    network = _network(architecture, weights)
    last: list[StyleProgress] = []
    with console(stderr=True).status("Painting") as status:

        def show(progress: StyleProgress) -> None:
            last[:] = [progress]
            place = f"{progress.size} pixels: step {progress.step} of {progress.steps}"
            status.update(f"Painting at {place}, cost {progress.cost:.3g}")
            if progress.step % PREVIEW_EVERY == 0:
                write_photo(progress.picture(), output)

        try:
            picture = transfer_style(network, *photos, settings, show)
        except KeyboardInterrupt:
            if not last:
                raise
            picture = last[0].picture()
    write_photo(picture, output)
    done = last[0]
    if as_json:
        facts = {"width": picture.width, "height": picture.height, "steps": done.step, "cost": done.cost}
        print_json({"picture": str(output), **facts})
        return
    ended = "" if done.step == done.steps else f" of {done.steps}"
    console().print(
        f"{output}: {picture.width}×{picture.height} pixels, {done.step}{ended} steps, cost {done.cost:.3g}",
        markup=False,
    )


def _network(architecture: str, weights: str | None) -> Published:
    from leadline.architectures import ARCHITECTURES, load_published

    chosen = ARCHITECTURES.lookup(architecture, "--architecture ")
    if weights is None:
        publishers = " or ".join(publication.publisher for publication in chosen.publications)
        raise UsageError(
            f"--weights FILE is needed: ImageNet weights of {architecture}, as published by {publishers}, in a "
            ".safetensors or .pth file."
        )
    return load_published(chosen, weights)
