"""What an L2 penalty and dropout do to a decision boundary."""

from __future__ import annotations

import numpy as np

from leadline.network import Dense, Dropout, Network
from leadline.optimize import Adam
from leadline.report.figures.figure import Figure, Frame, axis
from leadline.report.gallery.computing import error, predictions, trained
from leadline.report.gallery.plane import mesh, points, probability_map
from leadline.report.gallery.toy import moons
from leadline.training import FitResult

LOSS = "binary_cross_entropy"
LAMBDAS = (0.0, 0.03, 0.3, 1.0, 10.0)
KEEP_PROBS = (1.0, 0.9, 0.7, 0.5)
X, Y = np.linspace(-2, 3, 61), np.linspace(-1.6, 2.1, 47)
TRAIN, DEV = moons(90, noise=0.33, seed=7), moons(2_000, noise=0.33, seed=8)


def fit_with_penalty(strength: float) -> FitResult:
    """A network that could learn 90 noisy points by heart, held back by λ."""
    network = Network([Dense(48, "tanh", gain=1.5), Dense(48, "tanh", gain=1.5), Dense(1)])
    return trained(network, LOSS, TRAIN, epochs=600, optimizer=Adam(0.01), l2=strength)


def fit_with_dropout(keep_prob: float) -> FitResult:
    """The same kind of network, whose hidden units are left out at random while it learns."""
    hidden = [Dense(96, "relu"), Dropout(keep_prob=keep_prob), Dense(96, "relu"), Dropout(keep_prob=keep_prob)]
    return trained(Network([*hidden, Dense(1)]), LOSS, TRAIN, epochs=600, optimizer=Adam(0.01))


def effect_of_l2() -> Figure:
    """The boundary for several λ."""
    frames = [_frame(f"λ = {strength:g}", fit_with_penalty(strength)) for strength in LAMBDAS]
    return _figure("L2 penalty", "strength", frames, start=2)


def effect_of_dropout() -> Figure:
    """The boundary for several keep_prob."""
    frames = [_frame(f"keep_prob = {keep:g}", fit_with_dropout(keep)) for keep in KEEP_PROBS]
    return _figure("Dropout", "keeping", frames, start=3)


def _frame(label: str, fitted: FitResult) -> Frame:
    probability = predictions(fitted, LOSS, mesh(X, Y)).reshape(len(Y), len(X))
    errors = f"error {100 * error(fitted, LOSS, TRAIN):.0f} % train, {100 * error(fitted, LOSS, DEV):.0f} % dev"
    traces = probability_map(X, Y, probability) + points(TRAIN.x, TRAIN.y, ("class 0", "class 1"))
    return Frame(f"{label}: {errors}", traces)


def _figure(title: str, control: str, frames: list[Frame], start: int) -> Figure:
    layout = {
        "xaxis": axis("feature 1", range=[float(X[0]), float(X[-1])]),
        "yaxis": axis("feature 2", range=[float(Y[0]), float(Y[-1])]),
    }
    description = "Training examples of two classes and the decision boundary that a network has learnt."
    return Figure(title, description, [], layout, "large", frames, control, start)
