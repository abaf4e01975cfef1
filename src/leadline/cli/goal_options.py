"""Options for the keys of ``[goal]`` that define metrics: what errors cost, and how long an example lasts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from leadline.errors import UsageError
from leadline.experiment import Experiment

if TYPE_CHECKING:
    from leadline.experiment import GoalSection

Costs = Annotated[
    list[str] | None,
    typer.Option("--cost", metavar="ACTUAL,PREDICTED=COST", help="What a kind of error costs (else 1); may repeat."),
]
SecondsPerExample = Annotated[
    float | None, typer.Option(help="What a detector listens for one example: gives false alarms per 24 hours.")
]


def goal_of(costs: list[str] | None, seconds_per_example: float | None) -> GoalSection:
    """The options as a part of an experiment."""
    keys = {"costs": [_cost(text) for text in costs or []], "seconds_per_example": seconds_per_example}
    return Experiment.from_dict({"goal": {key: value for key, value in keys.items() if value}}).goal


def _cost(text: str) -> dict[str, str | float]:
    pair, _, cost = text.rpartition("=")
    names = [name.strip() for name in pair.split(",")]
    try:
        if len(names) == 2 and all(names):
            return {"actual": names[0], "predicted": names[1], "cost": float(cost)}
    except ValueError:
        pass
    raise UsageError(f"--cost {text}: write ACTUAL,PREDICTED=COST, such as ill,healthy=10.")
