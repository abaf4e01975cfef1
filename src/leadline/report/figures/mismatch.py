"""What tells two sets apart, as bars: how well each feature alone does."""

from __future__ import annotations

from leadline.report.figures.figure import Figure, axis, text
from leadline.report.style import SERIES
from leadline.strategy.mismatch import Mismatch

MOST_FEATURES = 15


def feature_bars(mismatch: Mismatch) -> Figure:
    """The area under the ROC curve of the most telling features; those within chance are pale."""
    shown = mismatch.features[:MOST_FEATURES][::-1]
    clear = {feature.name for feature in mismatch.clear_features}
    trace = {
        "type": "bar",
        "orientation": "h",
        "y": [text(feature.name) for feature in shown],
        "x": [feature.auc - 0.5 for feature in shown],
        "base": 0.5,
        "text": [text(feature.words) for feature in shown],
        "textposition": "none",  # the table beside the figure has the words
        "hovertemplate": "%{y}: %{text}<extra></extra>",
        "marker": {"color": SERIES[0], "opacity": [1.0 if feature.name in clear else 0.35 for feature in shown]},
    }
    layout = {
        "xaxis": axis("area under the ROC curve", range=[0.5, 1]),
        "yaxis": {"automargin": True},
    }
    names = " and ".join(mismatch.names)
    height = "small" if len(shown) < 5 else "medium" if len(shown) < 9 else "large"
    return Figure(f"What tells {names} apart", mismatch.conclusion, [trace], layout, height)


def difference_rows(mismatch: Mismatch) -> list[dict[str, str]]:
    """The same as rows of a table, for all features."""
    clear = {feature.name for feature in mismatch.clear_features}
    return [
        {
            "name": feature.name,
            "area": f"{feature.auc:.3f}",
            "beyond_chance": "yes" if feature.name in clear else "no",
            "words": feature.words,
        }
        for feature in mismatch.features
    ]
