"""Cost, error and learning rate over the epochs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil, isfinite
from typing import Any

import torch

from leadline.equations.averages import weighted_averages
from leadline.measure import task_named
from leadline.report.figures.figure import Figure, Layout, Trace, axis
from leadline.report.quantities import ErrorScale
from leadline.report.style import MUTED, SERIES

History = Sequence[Mapping[str, Any]]
MOST_POINTS = 2_000


def cost_curves(history: History, task: str, best_epoch: int | None = None, beta: float = 0.0) -> Figure:
    """Cost on the training and the dev set by epoch; β above 0 smooths the curves by weighted averages."""
    title = task_named(task).cost_title
    traces = _pair(history, "cost", "dev_cost", 1.0, ".4g", beta)
    return Figure(
        "Cost",
        "Cost on the training and the dev set for each epoch, without penalties.",
        traces,
        _layout(title, history, best_epoch),
        log_toggle=True,
        logarithmic=_hugs_the_floor(traces),
    )


def error_curves(history: History, scale: ErrorScale, best_epoch: int | None = None, beta: float = 0.0) -> Figure:
    """Error on the training and the dev set by epoch: percent of wrong answers, or RMSE in the target's unit.

    β above 0 smooths the curves by weighted averages.
    """
    traces = _pair(history, "train_error", "dev_error", scale.factor, ".4g", beta)
    name = "error" if scale.unit == "%" else "RMSE"
    title = f"{name} ({scale.unit})" if scale.unit else name
    return Figure(
        "Error",
        "Error on the training and the dev set for each epoch.",
        traces,
        _layout(title, history, best_epoch),
        log_toggle=True,
    )


def learning_rate_curve(history: History) -> Figure | None:
    """Learning rate by epoch; None when it never changed."""
    rates = [epoch.get("learning_rate") for epoch in history]
    if len({rate for rate in rates if rate is not None}) < 2:
        return None
    trace = _line("learning rate", [epoch["epoch"] for epoch in history], rates, SERIES[2], ".3g")
    layout = _layout("learning rate", history, None) | {"showlegend": False}
    return Figure("Learning rate", "Learning rate for each epoch.", [trace], layout, "small", log_toggle=True)


def _hugs_the_floor(traces: Sequence[Trace]) -> bool:
    """Whether a linear axis would show most of the curves in its lowest twentieth."""
    costs = sorted(value for trace in traces for value in trace["y"] if value is not None and isfinite(value))
    return bool(costs) and costs[0] > 0 and costs[len(costs) // 2] < costs[-1] / 20


def _pair(history: History, train: str, dev: str, factor: float, form: str, beta: float) -> list[Trace]:
    traces: list[Trace] = []
    for name, key, colour in (("train", train, SERIES[0]), ("dev", dev, SERIES[1])):
        epochs, values = series(history, key, factor)
        if not any(value is not None for value in values):
            continue
        if beta:
            pale = _line(name, *thinned(epochs, values), colour, form) | {"opacity": 0.3, "showlegend": False}
            traces.append(pale | {"hoverinfo": "skip", "hovertemplate": None})
        traces.append(_line(name, *thinned(epochs, smoothed(values, beta)), colour, form))
    return traces


def series(history: History, key: str, factor: float = 1.0) -> tuple[list[int], list[float | None]]:
    """Epochs, and the values of ``key`` times ``factor``; None where there is none.

    The cost is shown without its penalties, as the dev set's is.
    """
    values = [epoch.get(key) for epoch in history]
    if key == "cost":
        penalties = [epoch.get("penalty") or 0.0 for epoch in history]
        values = [None if value is None else value - own for value, own in zip(values, penalties, strict=True)]
    return [epoch["epoch"] for epoch in history], [None if value is None else value * factor for value in values]


def smoothed(values: Sequence[float | None], beta: float) -> list[float | None]:
    """The bias-corrected weighted average after each value (course 2, optimization); gaps stay gaps."""
    there = [k for k, value in enumerate(values) if value is not None and isfinite(value)]
    if not beta or not there:
        return list(values)
    averages = weighted_averages(torch.tensor([values[k] for k in there], dtype=torch.float64), beta)
    averaged: list[float | None] = [None] * len(values)
    for k, average in zip(there, averages.tolist(), strict=True):
        averaged[k] = average
    return averaged


def thinned(epochs: Sequence[int], values: Sequence[float | None]) -> tuple[Sequence[int], Sequence[float | None]]:
    """Every k-th point and the last one, where there are more than a screen can show."""
    step = ceil(len(epochs) / MOST_POINTS)
    if step <= 1:
        return epochs, values
    kept = [*range(0, len(epochs) - 1, step), len(epochs) - 1]
    return [epochs[k] for k in kept], [values[k] for k in kept]


def _line(name: str, epochs: Sequence[int], values: Sequence[Any], colour: str, form: str) -> Trace:
    few = len(epochs) <= 12
    return {
        "type": "scatter",
        "name": name,
        "x": epochs,
        "y": values,
        "mode": "lines+markers" if few else "lines",
        "line": {"color": colour, "width": 2},
        "marker": {"size": 6},
        "hovertemplate": f"epoch %{{x}}: %{{y:{form}}}<extra>{name}</extra>",
    }


def _layout(y_title: str, history: History, best_epoch: int | None) -> Layout:
    last = max(int(history[-1]["epoch"]), 1)
    layout: Layout = {
        "xaxis": axis("epoch", range=[0, last * 1.01]),
        "yaxis": axis(y_title, rangemode="tozero"),
        "hovermode": "x",
    }
    if best_epoch is not None:
        layout["shapes"] = [
            {"type": "line", "x0": best_epoch, "x1": best_epoch, "yref": "paper", "y0": 0, "y1": 1}
            | {"line": {"color": MUTED, "width": 1.5, "dash": "dot"}}
        ]
        left = best_epoch > 0.6 * last
        layout["annotations"] = [
            {"text": f"best epoch {best_epoch}", "font": {"color": MUTED, "size": 12}, "showarrow": False}
            | {"x": best_epoch, "xanchor": "right" if left else "left", "xshift": -4 if left else 4}
            | {"y": 1, "yref": "paper", "yanchor": "top"}
        ]
    return layout
