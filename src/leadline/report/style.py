"""The look that every page shares: colours by name, the template of the figures, the stylesheet and the scripts.

Colours are written in figures as ``var(--series-1)``; the stylesheet says what they are in light and in dark, and the
page's script fills them in when it draws. So no figure knows a colour, and both schemes follow the stylesheet.
"""

from __future__ import annotations

import zlib
from base64 import b64encode
from functools import cache
from importlib.resources import files
from typing import Any

INK = "var(--ink)"
LINE = "var(--line)"
MUTED = "var(--muted)"
SURFACE = "var(--surface)"

SERIES = tuple(f"var(--series-{number})" for number in range(1, 7))
"""Colours of series in the order of use: Okabe and Ito's colour-blind-safe palette, deepened for contrast."""

SEQUENTIAL = [[0.0, SURFACE], [1.0, SERIES[0]]]
"""Colour scale from nothing to much."""

AXIS: dict[str, Any] = {
    "automargin": True,
    "gridcolor": LINE,
    "linecolor": LINE,
    "zeroline": False,
    "ticks": "outside",
    "tickcolor": LINE,
    "ticklen": 4,
    "tickfont": {"size": 12, "color": MUTED},
    "title": {"font": {"size": 13, "color": MUTED}, "standoff": 8},
    "nticks": 7,
    "separatethousands": True,
}

TEMPLATE: dict[str, Any] = {
    "font": {
        "family": 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif',
        "size": 13,
        "color": INK,
    },
    "paper_bgcolor": "rgba(0,0,0,0)",
    "plot_bgcolor": "rgba(0,0,0,0)",
    "colorway": list(SERIES),
    "separators": ". ",
    "margin": {"l": 8, "r": 12, "t": 36, "b": 8},
    "xaxis": AXIS,
    "yaxis": AXIS,
    "legend": {"orientation": "h", "x": 0, "y": 1, "xanchor": "left", "yanchor": "bottom"},
    "hoverlabel": {"bgcolor": SURFACE, "bordercolor": LINE, "font": {"color": INK, "size": 13}},
    "colorscale": {"sequential": SEQUENTIAL},
    "dragmode": "zoom",
}
"""Plotly layout template of all figures (colours by name)."""


@cache
def stylesheet() -> str:
    """The stylesheet of every page."""
    return _own("leadline.css")


@cache
def script() -> str:
    """The page's script: draws the figures in the scheme's colours and serves their controls."""
    return _own("leadline.js")


@cache
def plotly_script() -> str:
    """Plotly's own script, its bundle of Cartesian traces (1.5 MB, vendored: decision 36)."""
    return _own("plotly-cartesian.min.js")


@cache
def packed_plotly_script() -> str:
    """The same for a page that stands alone: deflated (zlib) and in base64, 0.66 MB; the page's browser inflates it."""
    return b64encode(zlib.compress(plotly_script().encode(), 9)).decode()


def _own(name: str) -> str:
    return files("leadline.report").joinpath("static", name).read_text(encoding="utf-8")
