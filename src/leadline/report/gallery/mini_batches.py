"""The cost while training on batches of different size."""

from __future__ import annotations

import numpy as np
import torch

from leadline.equations.averages import weighted_averages
from leadline.network import Dense, Network
from leadline.optimize import GradientDescent
from leadline.report.figures.figure import Figure, Frame, axis
from leadline.report.gallery.toy import moons
from leadline.report.style import SERIES
from leadline.training import Examples, Objective
from leadline.training.batches import batch_slices, epoch_order

SIZES = (1, 16, 64, 512)
EPOCHS = 10
LOSS = "binary_cross_entropy"
NETWORK = Network([Dense(16, "tanh"), Dense(1)])


def step_costs(examples: Examples, batch_size: int, epochs: int = EPOCHS) -> np.ndarray:
    """The cost of each batch before its update, over all steps of ``epochs`` passes."""
    parameters = NETWORK.initialize((2,), seed=1, dtype=torch.float64)
    objective, rule = Objective(NETWORK, LOSS, parameters), GradientDescent(0.5 if batch_size > 1 else 0.1)
    state, random, costs = rule.start(parameters.theta), torch.Generator().manual_seed(1), []
    for _ in range(epochs):
        order = epoch_order(len(examples), random)
        for batch in batch_slices(len(examples), batch_size):
            x, y = examples.x[order[batch]], examples.y[order[batch]]
            z = objective.output(x)
            costs.append(objective.loss.cost(z, y))
            rule.update(parameters.theta, objective.gradient(z, y), state)
    return torch.stack(costs).numpy()


def batch_against_mini_batch() -> Figure:
    """Cost against passes over the data, one frame for each batch size."""
    examples = moons(512, noise=0.2, seed=3)
    frames = []
    for size in SIZES:
        costs = step_costs(examples, size)
        name = {1: "1 (stochastic)", len(examples): f"{len(examples)} (all)"}.get(size, str(size))
        frames.append(Frame(f"{name}: {len(costs)} steps", _lines(costs)))
    return Figure(
        "Cost of each step",
        "Cost of each batch against passes over the data.",
        [],
        {
            "xaxis": axis("passes over the data (epochs)", range=[0, EPOCHS]),
            "yaxis": axis("cost of the batch (nats per example)", range=[0, 1]),
        },
        "medium",
        frames,
        "batch size",
        start=1,
    )


def _lines(costs: np.ndarray, most: int = 1_000) -> list[dict]:
    passes = EPOCHS * (np.arange(len(costs)) + 1) / len(costs)
    smooth = weighted_averages(torch.from_numpy(costs), 0.9 if len(costs) < 100 else 0.98).numpy()
    every = -(-len(costs) // most)
    shared = {"type": "scatter", "x": passes[::every], "hovertemplate": "pass %{x:.2f}: %{y:.3f}<extra></extra>"}
    few = len(costs) <= 20
    each = {
        "y": costs[::every],
        "mode": "lines+markers" if few else "lines",
        "line": {"color": SERIES[0], "width": 2 if few else 1},
        "opacity": 1 if few else 0.45,
        "name": "each batch",
    }
    average = {
        "y": smooth[::every],
        "mode": "lines",
        "line": {"color": SERIES[1], "width": 2.5},
        "name": "weighted average",
    }
    return [shared | each] + ([] if few else [shared | average])
