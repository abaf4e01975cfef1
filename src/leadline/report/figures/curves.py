"""Cost, error and learning rate over the epochs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

from leadline.report.figures.figure import Figure, Layout, Trace, axis
from leadline.report.quantities import Scale
from leadline.report.style import MUTED, SERIES

History = Sequence[Mapping[str, Any]]


def cost_curves(history: History, task: str, best_epoch: int | None = None) -> Figure:
    """Cost on the training and the dev set by epoch."""
    # Regression trains on the standardized target, whose squared error has no unit.
    title = "cost (standardized)" if task == "regression" else "cost (nats per example)"
    traces = _pair(history, "cost", "dev_cost", 1.0, ".4g")
    return Figure(
        "Cost",
        "Cost on the training and the dev set for each epoch.",
        traces,
        _layout(title, history, best_epoch),
        log_toggle=True,
        logarithmic=_hugs_the_floor(traces),
    )


def error_curves(history: History, scale: Scale, best_epoch: int | None = None) -> Figure:
    """Error on the training and the dev set by epoch: percent of wrong answers, or RMSE in the target's unit."""
    traces = _pair(history, "train_error", "dev_error", scale.factor, ".4g")
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


def _pair(history: History, train: str, dev: str, factor: float, form: str) -> list[Trace]:
    epochs = [epoch["epoch"] for epoch in history]
    traces = []
    for name, key, colour in (("train", train, SERIES[0]), ("dev", dev, SERIES[1])):
        values = [epoch.get(key) for epoch in history]
        if any(value is not None for value in values):
            shown = [None if value is None else value * factor for value in values]
            traces.append(_line(name, epochs, shown, colour, form))
    return traces


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
