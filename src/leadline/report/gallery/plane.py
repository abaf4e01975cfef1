"""Traces that figures over a plane share: a surface seen from above, paths on it, regions and points."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from leadline.report.figures.figure import Trace
from leadline.report.style import INK, SERIES, SURFACE

CLASS_COLOURS = (SERIES[0], SERIES[1], SERIES[2])
SYMBOLS = ("circle", "diamond", "square")


def mesh(x: np.ndarray, y: np.ndarray) -> Tensor:
    """The points of the grid row by row, (len(y)·len(x), 2)."""
    return torch.from_numpy(np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2))


def surface(x: np.ndarray, y: np.ndarray, z: np.ndarray, title: str, levels: int = 18) -> Trace:
    """A cost (b, a) as shaded contours; the levels follow its square root, so the valley is seen too."""
    shade = np.sqrt(z - z.min())
    return {
        "type": "contour",
        "x": x,
        "y": y,
        "z": shade,
        "customdata": z,
        "colorscale": [[0.0, SERIES[0]], [1.0, SURFACE]],
        "contours": {"start": 0, "end": float(shade.max()), "size": float(shade.max()) / levels},
        "line": {"width": 0.5, "color": SURFACE},
        "showscale": False,
        "opacity": 0.75,
        "hovertemplate": f"{title} %{{customdata:.3g}}<extra></extra>",
        "name": title,
    }


def path(points: np.ndarray, colour: str, name: str, **settings: Any) -> Trace:
    """Steps (n, 2) as a line with a dot for each."""
    return {
        "type": "scatter",
        "x": points[:, 0],
        "y": points[:, 1],
        "mode": "lines+markers",
        "line": {"color": colour, "width": 2},
        "marker": {"color": colour, "size": 5},
        "name": name,
        "hovertemplate": f"{name}<br>%{{x:.3g}}, %{{y:.3g}}<extra></extra>",
        **settings,
    }


def star(point: tuple[float, float], name: str) -> Trace:
    """The place to reach."""
    return {
        "type": "scatter",
        "x": [point[0]],
        "y": [point[1]],
        "mode": "markers",
        "marker": {"symbol": "star", "size": 13, "color": INK, "line": {"color": SURFACE, "width": 1}},
        "name": name,
        "hovertemplate": f"{name}<extra></extra>",
    }


def points(x: Tensor, labels: Tensor, names: Sequence[str], size: int = 6) -> list[Trace]:
    """Examples (m, 2) with a colour and a symbol for each class."""
    classes = labels.flatten().numpy()
    return [
        {
            "type": "scatter",
            "x": x[classes == label, 0].numpy(),
            "y": x[classes == label, 1].numpy(),
            "mode": "markers",
            "marker": {
                "color": CLASS_COLOURS[label],
                "symbol": SYMBOLS[label],
                "size": size,
                "line": {"color": SURFACE, "width": 1},
            },
            "name": name,
            "hoverinfo": "skip",
        }
        for label, name in enumerate(names)
    ]


def probability_map(x: np.ndarray, y: np.ndarray, probability: np.ndarray) -> list[Trace]:
    """P(class 1) over the grid (b, a) as a tint, and the line where it is one half."""
    shared = {"type": "contour", "x": x, "y": y, "z": np.round(probability, 3), "showscale": False}
    tint = {
        **shared,
        "colorscale": [[0.0, CLASS_COLOURS[0]], [0.5, SURFACE], [1.0, CLASS_COLOURS[1]]],
        "contours": {"start": 0.05, "end": 0.95, "size": 0.1},
        "line": {"width": 0},
        "opacity": 0.45,
        "hovertemplate": "probability %{z:.2f}<extra></extra>",
    }
    line = {
        **shared,
        "contours": {"type": "constraint", "operation": "=", "value": 0.5},
        "line": {"color": INK, "width": 2.5},
        "hoverinfo": "skip",
        "name": "boundary",
        "showlegend": True,
    }
    return [tint, line]


def class_map(x: np.ndarray, y: np.ndarray, classes: np.ndarray) -> Trace:
    """The most probable of three classes over the grid (b, a), as tints."""
    steps = [(0.0, 0), (1 / 3, 0), (1 / 3, 1), (2 / 3, 1), (2 / 3, 2), (1.0, 2)]
    return {
        "type": "heatmap",
        "x": x,
        "y": y,
        "z": classes,
        "zmin": -0.5,
        "zmax": 2.5,
        "colorscale": [[place, CLASS_COLOURS[label]] for place, label in steps],
        "showscale": False,
        "opacity": 0.28,
        "hovertemplate": "predicted class %{z}<extra></extra>",
    }
