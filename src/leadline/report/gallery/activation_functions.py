"""Activations and their derivatives."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from leadline.equations.activations import ACTIVATIONS
from leadline.report.figures.figure import Figure, Trace, axis
from leadline.report.style import SERIES

SHOWN = {"sigmoid": "sigmoid", "tanh": "tanh", "relu": "ReLU", "leaky_relu": "leaky ReLU"}
Z = torch.linspace(-4, 4, 161, dtype=torch.float64)


def activations() -> Figure:
    """g(z) of the usual activations."""
    layout = {"xaxis": axis("z"), "yaxis": axis("g(z)", range=[-1.2, 3.2])}
    lines = _lines(lambda name: ACTIVATIONS[name].forward(Z))
    return Figure("The functions", "Sigmoid, tanh, ReLU and leaky ReLU over z from −4 to 4.", lines, layout)


def derivatives() -> Figure:
    """g′(z), by the same backward functions that train networks."""
    layout = {"xaxis": axis("z"), "yaxis": axis("g′(z)", range=[-0.1, 1.15])}

    def slope(name: str) -> Tensor:
        function = ACTIVATIONS[name]
        return function.backward(torch.ones_like(Z), function.forward(Z))

    return Figure("Their derivatives", "Derivatives of the same activations.", _lines(slope), layout)


def _lines(values: Callable[[str], Tensor]) -> list[Trace]:
    return [
        {
            "type": "scatter",
            "x": Z.numpy(),
            "y": values(name).numpy(),
            "mode": "lines",
            "name": shown,
            "line": {"color": colour, "width": 2.5, "dash": dash, "simplify": False},
            "hovertemplate": f"{shown} %{{y:.3f}}<extra></extra>",
        }
        for (name, shown), colour, dash in zip(SHOWN.items(), SERIES, ("solid", "solid", "solid", "dash"), strict=False)
    ]
