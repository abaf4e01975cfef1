"""What the figures of the gallery have computed by Leadline's own networks, losses and update rules."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor

from leadline.equations.losses import LOSSES
from leadline.network import Network, Parameters
from leadline.optimize import Optimizer
from leadline.training import Examples, FitResult, Objective, TrainingSettings, fit, outputs


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute in one thread: on matrices this small, threads wait for each other more than they work."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def cost_grid(network: Network, loss: str, examples: Examples, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """J over two parameters: ``first`` (a,) along the columns, ``second`` (b,) along the rows, (b, a).

    Every point of the grid is a member of one population, so one forward pass serves them all.
    """
    theta = torch.cartesian_prod(torch.from_numpy(second), torch.from_numpy(first)).flip(-1)
    layout = network.layout(tuple(examples.x.shape[1:]))
    x = examples.x.expand(len(theta), *examples.x.shape)
    z = network.forward(Parameters(layout, theta.contiguous()), x)
    return LOSSES[loss].cost(z, examples.y).reshape(len(second), len(first)).numpy()


def parameter_path(
    network: Network, loss: str, examples: Examples, rule: Optimizer, start: list[float], steps: int
) -> np.ndarray:
    """θ before the first and after each of ``steps`` full-batch updates, (steps + 1, n)."""
    theta = torch.tensor(start, dtype=torch.float64)
    objective = Objective(network, loss, Parameters(network.layout(tuple(examples.x.shape[1:])), theta))
    state, path = rule.start(theta), [theta.clone()]
    for _ in range(steps):
        rule.update(theta, objective.gradient(objective.output(examples.x), examples.y), state)
        path.append(theta.clone())
    return torch.stack(path).numpy()


def trained(network: Network, loss: str, examples: Examples, **settings: Any) -> FitResult:
    """The network after full-batch training in float64."""
    full_batch = TrainingSettings(precision="float64", batch_size=len(examples), **settings)
    return fit(network, loss, examples, settings=full_batch)


def predictions(fitted: FitResult, loss: str, x: Tensor) -> np.ndarray:
    """Probabilities (m, k) for the rows of ``x``."""
    return LOSSES[loss].prediction(outputs(fitted.network, fitted.parameters, x)).numpy()


def error(fitted: FitResult, loss: str, examples: Examples) -> float:
    """The fraction of wrong answers."""
    return float(LOSSES[loss].error(outputs(fitted.network, fitted.parameters, examples.x), examples.y).mean())
