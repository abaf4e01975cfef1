"""``leadline threshold``: from which probability on a run's network says yes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

import typer

from leadline.cli.goal_options import Costs, SecondsPerExample, goal_of
from leadline.cli.runs import RunName
from leadline.cli.screen import console, print_json
from leadline.cli.train import AsJson, RunsFolder
from leadline.errors import UsageError
from leadline.experiment import Experiment
from leadline.runs.run import load_run


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(threshold)


def threshold(
    run: RunName,
    at: Annotated[float | None, typer.Option(help="The threshold itself, between 0 and 1; else it is chosen.")] = None,
    metric: Annotated[
        str | None, typer.Option(help="What is optimized: f1, cost, precision, …; by default what the run optimizes.")
    ] = None,
    limit: Annotated[
        list[str] | None, typer.Option("--limit", help="What has to hold, such as 'recall>=0.9'; may repeat.")
    ] = None,
    cost: Costs = None,
    seconds_per_example: SecondsPerExample = None,
    runs: RunsFolder = Path("runs"),
    as_json: AsJson = False,
) -> None:
    """Choose the threshold between two classes on the dev set; predictions, errors and report of the run follow it."""
    from leadline.session.threshold import set_threshold

    given: dict[str, Any] = goal_of(cost, seconds_per_example).model_dump(exclude_none=True, exclude_defaults=True)
    given |= {"threshold": at, "satisficing": dict(_limit(text) for text in limit or [])}
    given["optimizing"] = metric or ("cost" if cost else None)
    goal = Experiment().replace({f"goal.{key}": value for key, value in given.items()}).goal
    chosen = set_threshold(load_run(run, runs), goal)
    if as_json:
        print_json(chosen.to_json())
    else:
        console().print(str(chosen), markup=False)


def _limit(text: str) -> tuple[str, str]:
    match = re.fullmatch(r"\s*([\w.]+)\s*((?:<=|>=|≤|≥|<|>).*)", text)
    if match is None:
        raise UsageError(f"--limit {text}: write METRIC>=NUMBER in quotes, such as 'recall>=0.9'.")
    return match.group(1), match.group(2)
