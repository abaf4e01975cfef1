"""Paths of the update rules on an elongated bowl."""

from __future__ import annotations

import numpy as np
import torch

from leadline.optimize import Adam, GradientDescent, Momentum, Optimizer, RMSprop
from leadline.report.figures.figure import Figure, Frame, axis
from leadline.report.gallery.plane import path, star, surface
from leadline.report.style import SERIES

CURVATURE = torch.tensor([1.0, 40.0], dtype=torch.float64)
START = (-8.0, 1.6)
STEPS = 60
RULES: dict[str, Optimizer] = {
    "descent": GradientDescent(0.045),
    "momentum": Momentum(0.1, beta=0.8),
    "RMSprop": RMSprop(0.2),
    "Adam": Adam(0.35, beta1=0.8, beta2=0.99),
}


def bowl(theta: np.ndarray) -> np.ndarray:
    """J = ½ Σ cᵢ θᵢ², 40 times as steep along the second axis, for points (…, 2)."""
    return 0.5 * (theta**2 @ CURVATURE.numpy())


def steps_of(rule: Optimizer, steps: int = STEPS) -> np.ndarray:
    """θ before the first and after each update, (steps + 1, 2)."""
    theta = torch.tensor(START, dtype=torch.float64)
    state, thetas = rule.start(theta), [theta.clone()]
    for _ in range(steps):
        rule.update(theta, CURVATURE * theta, state)
        thetas.append(theta.clone())
    return torch.stack(thetas).numpy()


def optimizer_paths() -> Figure:
    """The first sixty steps of four rules, as far as the slider says."""
    x, y = np.linspace(-9, 3, 61), np.linspace(-2.4, 2.4, 49)
    cost = bowl(np.stack(np.meshgrid(x, y), axis=-1))
    paths = {name: steps_of(rule) for name, rule in RULES.items()}
    colours = (SERIES[1], SERIES[3], SERIES[2], SERIES[4])
    frames = [
        Frame(
            f"step {last}",
            [
                path(points[: last + 1], colour, name)
                for (name, points), colour in zip(paths.items(), colours, strict=True)
            ],
        )
        for last in (1, 2, 3, 5, 8, 12, 16, 20, 25, 30, 40, 50, STEPS)
    ]
    return Figure(
        "Four rules from the same start",
        "Paths of gradient descent, momentum, RMSprop and Adam on an elongated bowl.",
        [surface(x, y, cost, "cost"), star((0.0, 0.0), "minimum")],
        {"xaxis": axis("θ₁ (flat direction)", range=[-9, 3]), "yaxis": axis("θ₂ (steep direction)", range=[-2.4, 2.4])},
        "large",
        frames,
        "how far",
        start=8,
    )
