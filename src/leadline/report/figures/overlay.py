"""Curves of several runs over each other: a colour for each run, dots for its training set, a line for its dev set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from leadline.measure import task_named
from leadline.report.figures.curves import History, series, smoothed, thinned
from leadline.report.figures.figure import Figure, Trace, axis, text
from leadline.report.quantities import ErrorScale
from leadline.report.style import SERIES

SETS = (("dev", "solid"), ("train", "dot"))


def cost_overlay(histories: Mapping[str, History], task: str, beta: float = 0.0) -> Figure:
    """Costs by epoch of runs by name, smoothed with a weight β."""
    title = task_named(task).cost_title
    return _overlay("Cost", histories, {"dev": "dev_cost", "train": "cost"}, title, 1.0, beta)


def error_overlay(histories: Mapping[str, History], scale: ErrorScale, beta: float = 0.0) -> Figure:
    """Errors by epoch of runs by name, smoothed with a weight β."""
    name = "error" if scale.unit == "%" else "RMSE"
    title = f"{name} ({scale.unit})" if scale.unit else name
    return _overlay("Error", histories, {"dev": "dev_error", "train": "train_error"}, title, scale.factor, beta)


def run_colour(place: int) -> str:
    """The colour of the run at a place among those compared; after the last colour they begin anew."""
    return SERIES[place % len(SERIES)]


def _overlay(
    title: str, histories: Mapping[str, History], keys: Mapping[str, str], y_title: str, factor: float, beta: float
) -> Figure:
    traces: list[Trace] = []
    for place, (run, history) in enumerate(histories.items()):
        for part, dash in SETS:
            epochs, values = series(history, keys[part], factor)
            if any(value is not None for value in values):
                name = f"{run} · {part}"
                traces.append(_line(text(name), *thinned(epochs, smoothed(values, beta)), run_colour(place), dash))
    layout: dict[str, Any] = {
        "xaxis": axis("epoch", rangemode="tozero"),
        "yaxis": axis(y_title, rangemode="tozero"),
        "hovermode": "closest",
    }
    names = " and ".join(histories)
    return Figure(title, f"{title} of {names} by epoch.", traces, layout, "large", log_toggle=True)


def _line(name: str, epochs: Sequence[int], values: Sequence[float | None], colour: str, dash: str) -> Trace:
    return {
        "type": "scatter",
        "name": name,
        "x": epochs,
        "y": values,
        "mode": "lines+markers" if len(epochs) <= 12 else "lines",
        "line": {"color": colour, "width": 2 if dash == "solid" else 1.5, "dash": dash},
        "marker": {"size": 5},
        "hovertemplate": f"{name}<br>epoch %{{x}}: %{{y:.4g}}<extra></extra>",
    }
