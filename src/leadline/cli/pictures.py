"""``leadline augment`` and ``leadline edges``: pictures to look at."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from leadline.cli.screen import console, print_json
from leadline.cli.train import AsJson, Target, assigned, experiment_of
from leadline.errors import LeadlineError, UsageError, nearest

if TYPE_CHECKING:
    from leadline.experiment import Experiment
    from leadline.session.plan import Plan

SHOWN_IMAGES = 8
FILTERS = ("sobel", "scharr", "vertical", "horizontal")


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command()(augment)
    app.command()(edges)


def augment(
    experiment: Annotated[
        str, typer.Argument(metavar="EXPERIMENT", help="An experiment file, a data file with --target, or digits.")
    ],
    image: Annotated[
        list[int] | None, typer.Option("--image", min=0, help="The row of an image; may repeat. [default: 8 of them]")
    ] = None,
    versions: Annotated[int, typer.Option(min=1, max=50, help="Versions of each image.")] = 7,
    target: Target = None,
    seed: Annotated[int | None, typer.Option(help="Of the variations; by default the training's.")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="Any key of the experiment, such as augment.rotation=15.")
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="The picture to write.")] = Path("augmented.png"),
    as_json: AsJson = False,
) -> None:
    """Draw training images beside random versions of them, as the experiment's augmentation varies them."""
    _check_png(output)
    parsed = experiment_of(experiment)
    changes = assigned(set_ or []) | ({"data.target": target} if target is not None else {})
    parsed = parsed.replace(changes | ({"training.seed": seed} if seed is not None else {}))
    with console(stderr=True).status("Drawing"):
        plan, rows = _draw(parsed, image, versions, output)
    if as_json:
        print_json({"sheet": str(output), "rows": rows, "versions": versions, "augment": plan.augmentation.to_config()})
    else:
        console().print(f"Contact sheet: {output}", markup=False)


def _draw(experiment: Experiment, image: list[int] | None, versions: int, output: Path) -> tuple[Plan, list[int]]:
    from leadline.session.augmented import contact_sheet, some_rows
    from leadline.session.plan import make_plan

    plan = make_plan(experiment)
    rows = image or some_rows(plan.data, plan.split.train, SHOWN_IMAGES)
    contact_sheet(plan, rows, versions).save(output)
    return plan, rows


def _check_png(path: Path) -> None:
    if path.suffix.lower() != ".png":
        raise LeadlineError(f"{path}: pictures are written as PNG; give a name that ends in .png.")
    if not path.parent.is_dir():
        raise LeadlineError(f"{path.parent} is no folder; make it first, or give another --output.")


def edges(
    photo: Annotated[Path, typer.Argument(metavar="PHOTO", help="An image: JPEG, PNG, …")],
    filters: Annotated[
        list[str] | None,
        typer.Option("--filter", help="sobel, scharr, vertical, horizontal or an angle in degrees; may repeat."),
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="A folder, or the picture to write for a single filter (.png).")
    ] = Path(),
    as_json: AsJson = False,
) -> None:
    """Find the edges of a photo by filters designed by hand, and write a picture for each.

    sobel and scharr tell how steep the photo is, whatever the direction: bright on black. The others tell the direction
    as well: white where the photo falls from bright to dark (left to right for vertical edges, downwards for horizontal
    ones), black where it rises, grey where it is even. An angle of 90 is vertical, 0 horizontal.
    """
    from leadline.report.edge_pictures import write_edges

    known = {name: _known_filter(name) for name in filters or FILTERS}
    paths = _edge_pictures(photo, list(known), output)
    written = write_edges(photo, {paths[name]: meaning for name, meaning in known.items()})
    if as_json:
        pictures = [{"filter": name, "picture": str(path)} for name, path in paths.items()]
        print_json({"photo": str(photo), "height": written[0], "width": written[1], "pictures": pictures})
        return
    for name, path in paths.items():
        console().print(f"{name}: {path}", markup=False)


def _known_filter(name: str) -> str | float:
    """The name of a filter, or an angle."""
    if name in FILTERS:
        return name
    try:
        angle = float(name)
    except ValueError:
        raise UsageError(f"--filter {name}: it is an angle in degrees or a name.{nearest(name, FILTERS)}") from None
    if not -360 <= angle <= 360:
        raise UsageError(f"--filter {name}: an angle is a number of degrees from -360 to 360.")
    return angle


def _edge_pictures(photo: Path, names: list[str], output: Path) -> dict[str, Path]:
    """Where the picture of each filter goes."""
    if output.suffix.lower() == ".png" and not output.is_dir():
        if len(names) > 1:
            raise UsageError(f"--output {output}: one picture cannot hold {len(names)} filters; give a folder.")
        _check_png(output)
        return {names[0]: output}
    if output.exists() and not output.is_dir():
        raise LeadlineError(f"{output} is no folder; give a folder, or a name that ends in .png.")
    if not output.parent.is_dir():
        raise LeadlineError(f"{output.parent} is no folder; make it first, or give another --output.")
    return {name: output / f"{photo.stem}-{name}.png" for name in names}
