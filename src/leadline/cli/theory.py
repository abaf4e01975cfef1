"""``leadline check`` and ``leadline gallery``: the theory tried on a user's own network, and seen in figures."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from leadline.cli.screen import console, print_json
from leadline.cli.train import AsJson, Target, experiment_of
from leadline.errors import LeadlineError

if TYPE_CHECKING:
    from leadline.network.gradient_check import GradientCheck
    from leadline.session.plan import Plan


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command()(check)
    app.command()(gallery)


def check(
    experiment: Annotated[
        str, typer.Argument(metavar="EXPERIMENT", help="An experiment file, a data file with --target, or digits.")
    ],
    target: Target = None,
    examples: Annotated[int, typer.Option(min=2, help="Training examples in the batch that is checked.")] = 16,
    entries: Annotated[int, typer.Option(min=1, help="Entries of each parameter that are checked.")] = 40,
    epsilon: Annotated[float, typer.Option(help="The step of the differences.")] = 1e-7,
    seed: Annotated[int, typer.Option(help="Of the start, the batch and the entries.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Check every derivative of an experiment's network against differences of its cost, on its own data.

    Exit code 1 where a derivative is wrong.
    """
    from leadline.session.plan import make_plan

    parsed = experiment_of(experiment)
    plan = make_plan(parsed.replace({"data.target": target}) if target is not None else parsed)
    checked = _check(plan, examples, entries, epsilon, seed)
    if as_json:
        rows = [asdict(row) | {"place": row.place} for row in checked.rows]
        print_json({"passed": checked.passed, "examples": checked.examples, "epsilon": checked.epsilon, "rows": rows})
    else:
        shapes = plan.network.summary(plan.input_shape, plan.batch_size)
        console().print(f"{shapes}\n\n{checked}", markup=False)
    if not checked.passed:
        raise typer.Exit(1)


def _check(plan: Plan, examples: int, entries: int, epsilon: float, seed: int) -> GradientCheck:
    import torch

    from leadline.network.gradient_check import gradient_check

    train = plan.examples("train")
    assert train is not None  # a split without training examples is refused
    chosen = torch.randperm(len(train), generator=torch.Generator().manual_seed(seed))[:examples]
    training = plan.training
    return gradient_check(
        plan.network,
        train.x[chosen],
        train.y[chosen],
        plan.loss,
        l2=training.l2,
        l1=training.l1,
        seed=seed,
        epsilon=epsilon,
        entries=entries,
    )


def gallery(
    output: Annotated[Path, typer.Option("--output", "-o", help="The page to write.")] = Path("gallery.html"),
    as_json: AsJson = False,
) -> None:
    """Write one offline page of interactive figures of the theory, computed by the functions that train."""
    from leadline.report.gallery import write_gallery

    if not output.parent.is_dir():
        raise LeadlineError(f"{output.parent} is no folder; make it first, or give another --output.")
    if as_json:
        print_json({"page": str(write_gallery(output))})
        return
    screen = console()
    with console(stderr=True).status("Computing the figures"):
        written = write_gallery(output)
    screen.print(f"Gallery: {written}", markup=False)
