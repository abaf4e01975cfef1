"""The cost of logistic regression as a surface, and descent on it."""

from __future__ import annotations

import numpy as np

from leadline.network import Dense, Network
from leadline.optimize import GradientDescent
from leadline.report.figures.figure import Figure, Frame, axis
from leadline.report.gallery.computing import cost_grid, parameter_path
from leadline.report.gallery.plane import path, star, surface
from leadline.report.gallery.toy import overlapping
from leadline.report.style import SERIES

LOSS = "binary_cross_entropy"
RATES = (0.1, 0.5, 2.0, 8.0, 20.0)
START = [-3.0, 3.5]
STEPS = 40


def logistic_cost_surface() -> Figure:
    """J(w, b) from above, with the path of gradient descent for several learning rates."""
    network, examples = Network([Dense(1)]), overlapping(60, seed=4)
    w, b = np.linspace(-4, 5, 61), np.linspace(-4, 4.5, 61)
    cost = cost_grid(network, LOSS, examples, w, b)
    minimum = parameter_path(network, LOSS, examples, GradientDescent(2.0), START, 400)[-1]
    frames = [
        Frame(
            f"α = {rate:g}",
            [path(parameter_path(network, LOSS, examples, GradientDescent(rate), START, STEPS), SERIES[1], "descent")],
        )
        for rate in RATES
    ]
    return Figure(
        "Forty steps of gradient descent",
        "Contours of the logistic cost over weight and bias, with a descent path.",
        [surface(w, b, cost, "cost"), star((minimum[0], minimum[1]), "minimum")],
        {"xaxis": axis("weight w", range=[-4, 5]), "yaxis": axis("bias b", range=[-4, 4.5])},
        "large",
        frames,
        "learning rate",
        start=2,
    )
