"""The confusion matrix: a table whose tints show shares, and the pairs of classes taken for one another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np

from leadline.report.figures.figure import Figure, axis, text
from leadline.report.style import SEQUENTIAL

MOST_CLASSES = 24
"""Above this a table has too many cells to read; a heat map and the list of pairs take over."""

MOST_LABELS = 12
"""Classes named on an axis of the heat map; pointing at a cell names every other."""

TINTS = 6


@dataclass(frozen=True)
class ConfusionCell:
    """One cell: how many, which share of the true class (0 to 1), and the tint (0 none to 6) of the table."""

    count: int
    share: float
    right: bool
    tint: int


@dataclass(frozen=True)
class Pair:
    """Examples of ``label`` predicted as ``prediction``: how many of how many."""

    label: str
    prediction: str
    count: int
    of: int


def cells(matrix: np.ndarray) -> list[list[ConfusionCell]]:
    """The rows of the table from counts (k, k), true class by predicted class."""
    matrix = np.asarray(matrix)
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    return [
        [
            ConfusionCell(int(n), float(share), row == column, _tint(float(share), row == column))
            for column, (n, share) in enumerate(zip(counts, row_shares, strict=True))
        ]
        for row, (counts, row_shares) in enumerate(zip(matrix, shares, strict=True))
    ]


def confused_pairs(matrix: np.ndarray, classes: Sequence[str], most: int = 5) -> list[Pair]:
    """The pairs with the most mistakes, largest first; of equals, the one with the larger share."""
    matrix = np.asarray(matrix)
    totals = matrix.sum(axis=1)
    wrong = [
        Pair(str(classes[row]), str(classes[column]), int(matrix[row, column]), int(totals[row]))
        for row, column in zip(*np.nonzero(matrix), strict=True)
        if row != column
    ]
    return sorted(wrong, key=lambda pair: (-pair.count, -pair.count / pair.of))[:most]


def confusion_map(matrix: np.ndarray, classes: Sequence[str]) -> Figure:
    """A heat map of row shares, for more classes than a table holds."""
    matrix = np.asarray(matrix)
    shares = 100 * matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    names = [text(name) for name in classes]
    places = np.arange(len(names))
    labelled = places[:: ceil(len(names) / MOST_LABELS)]
    ticks = {"tickvals": labelled, "ticktext": [text(_short(str(classes[place]))) for place in labelled]}
    trace = {
        "type": "heatmap",
        "x": places,
        "y": places,
        "z": shares,
        "customdata": [
            [(label, prediction, int(n)) for prediction, n in zip(names, row, strict=True)]
            for label, row in zip(names, matrix, strict=True)
        ],
        "zmin": 0,
        "zmax": 100,
        "colorscale": SEQUENTIAL,
        "colorbar": {
            "title": {"text": "share of true class (%)", "side": "top"},
            "orientation": "h",
            "y": 1.02,
            "yanchor": "bottom",
            "thickness": 10,
            "outlinewidth": 0,
        },
        "hovertemplate": "true %{customdata[0]}<br>predicted %{customdata[1]}<br>"
        "%{customdata[2]} (%{z:.1f} %)<extra></extra>",
    }
    layout = {
        "xaxis": axis("predicted class", tickangle=-90, showgrid=False, **ticks),
        "yaxis": axis("true class", autorange="reversed", showgrid=False, **ticks),
    }
    return Figure("Confusion", "Share of each true class predicted as each class.", [trace], layout, "large")


def _short(name: str, most: int = 10) -> str:
    return name if len(name) <= most else name[: most - 1] + "…"


def _tint(share: float, right: bool) -> int:
    # Mistakes are rare where it matters, so their tint rises with the square root.
    if share == 0:
        return 0
    return min(TINTS, max(1, ceil(TINTS * (share if right else share**0.5))))
