"""Softmax regression against a network with a hidden layer."""

from __future__ import annotations

import numpy as np

from leadline.network import Dense, Network
from leadline.optimize import Adam
from leadline.report.figures.figure import Figure, Frame, axis
from leadline.report.gallery.computing import error, predictions, trained
from leadline.report.gallery.plane import class_map, mesh, points
from leadline.report.gallery.toy import rings
from leadline.training import FitResult

LOSS = "softmax_cross_entropy"
HIDDEN = (0, 2, 3, 12)
GRID = np.linspace(-3, 3, 121)
EXAMPLES = rings(240, seed=9)


def fit_rings(hidden: int) -> FitResult:
    """Softmax regression for no hidden units, else a network with one tanh layer."""
    layers = [Dense(hidden, "tanh")] if hidden else []
    return trained(Network([*layers, Dense(3)]), LOSS, EXAMPLES, epochs=500, optimizer=Adam(0.05), l2=0.1)


def regions(fitted: FitResult) -> np.ndarray:
    """The most probable class at each point of the grid, (121, 121)."""
    return predictions(fitted, LOSS, mesh(GRID, GRID)).argmax(1).reshape(len(GRID), len(GRID))


def decision_boundaries() -> Figure:
    """Regions of three classes, one frame for each number of hidden units."""
    frames = []
    for hidden in HIDDEN:
        fitted = fit_rings(hidden)
        label = f"{hidden} hidden units" if hidden else "none: softmax regression"
        wrong = f"error {100 * error(fitted, LOSS, EXAMPLES):.0f} %"
        frames.append(Frame(f"{label}, {wrong}", [class_map(GRID, GRID, regions(fitted))]))
    layout = {"xaxis": axis("feature 1", range=[-3, 3]), "yaxis": axis("feature 2", range=[-3, 3])}
    description = "Three rings of points and the regions in which each class is predicted."
    dots = points(EXAMPLES.x, EXAMPLES.y, ("inner", "middle", "outer"))
    return Figure("Three rings", description, dots, layout, "large", frames, "hidden layer", start=3)
