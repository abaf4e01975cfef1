"""Descent on raw and on normalized inputs."""

from __future__ import annotations

import numpy as np
import torch

from leadline.data.normalization import location, scaled
from leadline.network import Dense, Network
from leadline.optimize import GradientDescent
from leadline.report.figures.figure import Figure, axis
from leadline.report.gallery.computing import cost_grid, parameter_path
from leadline.report.gallery.plane import path, star, surface
from leadline.report.gallery.toy import two_scales
from leadline.report.style import SERIES
from leadline.training import Examples

LOSS = "squared_error"
NETWORK = Network([Dense(1, bias=False)])
STEPS = 25
RAW_RATE, NORMALIZED_RATE = 0.075, 0.5


def raw() -> Examples:
    """Two features, the second five times as wide as the first."""
    return two_scales(200, seed=6, ratio=5.0)


def normalized() -> Examples:
    """The same, standardized with their own mean and standard deviation."""
    examples = raw()
    inputs = examples.x.numpy()
    return Examples(torch.from_numpy(scaled(inputs, *location(inputs, "standardize"))), examples.y)


def descent(examples: Examples, rate: float) -> np.ndarray:
    """Weights along 25 steps from the same distance of the minimum, (26, 2)."""
    minimum = _minimum(examples)
    return parameter_path(NETWORK, LOSS, examples, GradientDescent(rate), [minimum[0] - 3, minimum[1] + 2], STEPS)


def raw_inputs() -> Figure:
    """The cost over both weights on raw inputs."""
    return _figure("Raw inputs", raw(), RAW_RATE)


def normalized_inputs() -> Figure:
    """The cost over both weights on normalized inputs."""
    return _figure("Normalized inputs", normalized(), NORMALIZED_RATE)


def _minimum(examples: Examples) -> np.ndarray:
    """Where descent in well-scaled directions would end: the least-squares solution."""
    return torch.linalg.lstsq(examples.x, examples.y).solution.flatten().numpy()


def _figure(title: str, examples: Examples, rate: float) -> Figure:
    minimum = _minimum(examples)
    first, second = minimum[0] + np.linspace(-4, 4, 61), minimum[1] + np.linspace(-3, 3, 61)
    cost = cost_grid(NETWORK, LOSS, examples, first, second)
    traces = [
        surface(first, second, cost, "cost"),
        path(descent(examples, rate), SERIES[1], f"{STEPS} steps, α = {rate:g}"),
        star((minimum[0], minimum[1]), "minimum"),
    ]
    layout = {
        "xaxis": axis("weight of feature 1", range=[first[0], first[-1]]),
        "yaxis": axis("weight of feature 2", range=[second[0], second[-1]]),
    }
    description = f"Contours of the cost over two weights, {title.lower()}, with a descent path."
    return Figure(title, description, traces, layout)
