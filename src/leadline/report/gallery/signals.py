"""Vanishing and exploding signals in a deep network."""

from __future__ import annotations

import numpy as np
import torch

from leadline.network import Dense, Network
from leadline.network.depth_report import DepthReport, depth_report
from leadline.report.figures.figure import Figure, axis
from leadline.report.style import SERIES

DEPTH, UNITS = 50, 64
POWERS = {1e-15: "10⁻¹⁵", 1e-10: "10⁻¹⁰", 1e-5: "10⁻⁵", 1.0: "1", 1e5: "10⁵", 1e10: "10¹⁰"}
GAINS = {1.5: "He × 1.5", 1.0: "He", 0.5: "He × 0.5"}


def reports() -> dict[str, DepthReport]:
    """The scale of signals in 50 ReLU layers, by how the start was scaled."""
    x = torch.randn(256, UNITS, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    return {
        name: depth_report(Network([*[Dense(UNITS, "relu", gain=gain)] * DEPTH, Dense(1)]), x)
        for gain, name in GAINS.items()
    }


def signals_forward() -> Figure:
    """The size of activations at each layer."""
    return _figure("On the way forward", "activation", "size of the activations (RMS)")


def signals_backward() -> Figure:
    """The size of derivatives at each layer."""
    return _figure("On the way back", "gradient", "size of the derivatives (RMS)")


def _figure(title: str, what: str, y_title: str) -> Figure:
    lines = [
        {
            "type": "scatter",
            "x": np.arange(1, DEPTH + 1),
            "y": [getattr(row, what) for row in report.layers[:DEPTH]],
            "mode": "lines",
            "name": name,
            "line": {"color": colour, "width": 2.5},
            "hovertemplate": f"{name}, layer %{{x}}: %{{y:.2g}}<extra></extra>",
        }
        for (name, report), colour in zip(reports().items(), (SERIES[1], SERIES[2], SERIES[0]), strict=True)
    ]
    powers = {"type": "log", "tickvals": list(POWERS), "ticktext": list(POWERS.values())}
    layout = {"xaxis": axis("layer"), "yaxis": axis(y_title, **powers)}
    return Figure(title, f"The {y_title} at each of {DEPTH} layers, on a logarithmic scale.", lines, layout)
