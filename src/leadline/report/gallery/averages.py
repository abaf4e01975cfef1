"""Exponentially weighted averages, with and without bias correction."""

from __future__ import annotations

import numpy as np

from leadline.equations.averages import weighted_averages, window
from leadline.report.figures.figure import Figure, Frame, axis
from leadline.report.gallery.toy import daily_temperatures
from leadline.report.style import MUTED, SERIES

BETAS = (0.5, 0.9, 0.98)


def exponentially_weighted_averages() -> Figure:
    """A noisy year of temperatures and its averages for several β."""
    series = daily_temperatures(180, seed=2)
    days = np.arange(1, len(series) + 1)
    dots = {
        "type": "scatter",
        "x": days,
        "y": series.numpy(),
        "mode": "markers",
        "marker": {"color": MUTED, "size": 4, "opacity": 0.6},
        "name": "each day",
        "hovertemplate": "day %{x}: %{y:.1f} °C<extra></extra>",
    }
    frames = []
    for beta in BETAS:
        lines = [
            {
                "type": "scatter",
                "x": days,
                "y": weighted_averages(series, beta, corrected).numpy(),
                "mode": "lines",
                "line": {"color": colour, "width": 2.5, "dash": dash},
                "name": name,
                "hovertemplate": f"{name}, day %{{x}}: %{{y:.1f}} °C<extra></extra>",
            }
            for corrected, colour, dash, name in (
                (False, SERIES[1], "dot", "not corrected"),
                (True, SERIES[0], "solid", "corrected"),
            )
        ]
        frames.append(Frame(f"β = {beta:g}, about {window(beta):.0f} days", lines))
    layout = {"xaxis": axis("day", range=[0, len(series)]), "yaxis": axis("temperature (°C)")}
    description = "Daily temperatures and their weighted average with and without bias correction."
    return Figure("Averaging a noisy series", description, [dots], layout, "medium", frames, "memory", start=1)
