"""Predicted against true, and how far off: the figures of a regression."""

from __future__ import annotations

import numpy as np

from leadline.report.figures.figure import Figure, axis
from leadline.report.style import MUTED, SERIES

MOST_POINTS = 5_000


def predicted_against_true(y_true: np.ndarray, y_pred: np.ndarray, target: str = "target", unit: str = "") -> Figure:
    """Each example as a point, both (m,); on the dashed line the prediction equals the truth.

    More than 5 000 examples are thinned to every k-th, which keeps the file small.
    """
    y_true, y_pred = _finite(y_true, y_pred)
    every = -(-y_true.size // MOST_POINTS) or 1
    low, high = (float(f(np.concatenate([y_true, y_pred]))) for f in (np.min, np.max))
    line = {
        "type": "scatter",
        "name": "predicted = true",
        "x": [low, high],
        "y": [low, high],
        "mode": "lines",
        "line": {"color": MUTED, "width": 1.5, "dash": "dash"},
        "hoverinfo": "skip",
    }
    points = {
        "type": "scatter",
        "name": "examples",
        "x": y_true[::every],
        "y": y_pred[::every],
        "mode": "markers",
        "marker": {"color": SERIES[0], "size": 5, "opacity": 0.25 if y_true.size > 500 else 0.6},
        "hovertemplate": "true %{x:.4g}<br>predicted %{y:.4g}<extra></extra>",
    }
    layout = {
        "xaxis": axis(_with_unit(f"true {target}", unit)),
        "yaxis": axis(_with_unit(f"predicted {target}", unit)),
        "legend": {"itemsizing": "constant"},
    }
    return Figure("Predicted against true", "Predicted against true target of the dev set.", [points, line], layout)


def residual_histogram(y_true: np.ndarray, y_pred: np.ndarray, unit: str = "", bins: int = 41) -> Figure:
    """Counts of prediction minus truth, with the middle 98 % at full resolution and the rest in the outer bars."""
    y_true, y_pred = _finite(y_true, y_pred)
    residuals = y_pred - y_true
    reach = float(np.quantile(np.abs(residuals), 0.98)) or 1.0
    edges = np.linspace(-reach, reach, bins + 1)
    counts, _ = np.histogram(np.clip(residuals, -reach, reach), edges)
    bars = {
        "type": "bar",
        "x": (edges[:-1] + edges[1:]) / 2,
        "y": counts,
        "width": np.diff(edges) * 0.92,
        "marker": {"color": SERIES[0]},
        "hovertemplate": "around %{x:.3g}: %{y}<extra></extra>",
    }
    zero = {
        "type": "line",
        "x0": 0,
        "x1": 0,
        "yref": "paper",
        "y0": 0,
        "y1": 1,
        "line": {"color": MUTED, "width": 1.5, "dash": "dash"},
    }
    layout = {
        "xaxis": axis(_with_unit("predicted − true", unit), nticks=5, tickangle=0),
        "yaxis": axis("examples (count)"),
        "shapes": [zero],
        "showlegend": False,
    }
    return Figure("Residuals", "Histogram of predicted minus true target.", [bars], layout)


def _finite(y_true: np.ndarray, y_pred: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    y_true, y_pred = np.asarray(y_true, dtype=float).ravel(), np.asarray(y_pred, dtype=float).ravel()
    good = np.isfinite(y_true) & np.isfinite(y_pred)
    return y_true[good], y_pred[good]


def _with_unit(name: str, unit: str) -> str:
    return f"{name} ({unit})" if unit else name
