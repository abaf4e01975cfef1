"""Metrics by class and by segment as tables and figures, and the calibration of probabilities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from leadline.measure import METRICS, Breakdown, CalibrationBin, Estimate, task_named
from leadline.measure.metrics import CONFIGURED
from leadline.report.figures.figure import Figure, axis, text
from leadline.report.quantities import count
from leadline.report.style import MUTED, SERIES

MOST_ROWS = 30
"""Rows of a table; of more classes the worst are shown."""


@dataclass(frozen=True)
class MetricCell:
    """One metric as shown: its value with the unit, its interval, and what the interval rests on."""

    value: str
    interval: str = ""
    n: str = ""


@dataclass(frozen=True)
class MetricTable:
    """Metrics in columns; each row is a class, a segment or a set. ``left_out`` rows are better than those shown."""

    title: str
    subject: str
    columns: Sequence[str]
    rows: Sequence[tuple[str, Sequence[MetricCell | None]]]
    left_out: int = 0


def overall_table(breakdowns: Mapping[str, Breakdown], task: str) -> MetricTable:
    """The usual metrics of the task and the user's own, one row each, one column per set."""
    measured = dict.fromkeys(name for each in breakdowns.values() for name in each.overall)
    usual = [name for name in (*task_named(task).headline_metrics, *CONFIGURED) if name in measured]
    names = usual + [name for name in measured if name not in usual and _is_the_users(name)]
    rows = [(_title(name), [_cell(b.overall.get(name)) for b in breakdowns.values()]) for name in names]
    return MetricTable("Metrics", "metric", list(breakdowns), rows)


def class_table(breakdown: Breakdown, task: str) -> MetricTable | None:
    """Precision, recall and F1 of each class, or the error of each target; None where there are no classes."""
    subject = task_named(task).subject
    return _table(f"By {subject}", subject, breakdown.classes) if breakdown.classes else None


def segment_tables(breakdown: Breakdown) -> list[MetricTable]:
    """One table for each column of segments."""
    return [_table(f"By {column}", column, rows) for column, rows in breakdown.segments.items()]


def segment_figure(breakdown: Breakdown, column: str, name: str) -> Figure | None:
    """A metric's value with its interval for each segment, beside the value over all examples (dashed).

    None where fewer than two segments have the metric.
    """
    rows = {part: row[name] for part, row in breakdown.segments[column].items() if name in row}
    if len(rows) < 2:
        return None
    overall = breakdown.overall.get(name)
    return interval_figure(rows, f"{_capital(_title(name))} by {column}", _title(name), overall)


def interval_figure(rows: Mapping[str, Estimate], title: str, quantity: str, overall: Estimate | None = None) -> Figure:
    """Dots with intervals, one row for each name; a dashed line marks the value over all examples."""
    measured = list(rows.values())
    factor = 100.0 if measured[0].unit == "%" else 1.0
    unit = measured[0].unit
    values = [factor * m.value for m in measured]
    trace = {
        "type": "scatter",
        "mode": "markers",
        "x": values,
        "y": [text(name) for name in rows],
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [factor * (m.interval[1] - m.value) for m in measured],
            "arrayminus": [factor * (m.value - m.interval[0]) for m in measured],
            "color": SERIES[0],
            "thickness": 2,
            "width": 0,
        },
        "marker": {"color": SERIES[0], "size": 10},
        "customdata": [[m.plain(), m.range(), count(m.n or 0)] for m in measured],
        "hovertemplate": "%{y}: %{customdata[0]} (%{customdata[1]}), n = %{customdata[2]}<extra></extra>",
    }
    layout = {
        "xaxis": axis(f"{quantity} ({unit})" if unit else quantity, rangemode="tozero"),
        "yaxis": axis("", type="category", autorange="reversed", showgrid=False, nticks=0, tickmode="linear"),
        "showlegend": False,
    }
    if overall is not None:
        at = factor * overall.value
        layout["shapes"] = [
            {"type": "line", "x0": at, "x1": at, "yref": "paper", "y0": 0, "y1": 1}
            | {"line": {"color": MUTED, "width": 1.5, "dash": "dash"}}
        ]
        layout["annotations"] = [
            {"text": "all", "x": at, "y": 1, "yref": "paper", "yanchor": "bottom", "showarrow": False}
            | {"font": {"color": MUTED, "size": 12}}
        ]
    height = "small" if len(measured) <= 6 else "medium" if len(measured) <= 14 else "large"
    description = f"{title}: " + ", ".join(f"{name} {m.plain()}" for name, m in rows.items())
    return Figure(title, description, [trace], layout, height)


def calibration_figure(bins: Sequence[CalibrationBin], before: Sequence[tuple[float, float, float]] = ()) -> Figure:
    """How often predictions of some confidence are right: on the dashed line they are right as often as they say.

    ``before`` are confidence, accuracy and share of the examples in bins before the probabilities were calibrated.
    """
    trace = {
        "type": "scatter",
        "name": "predictions",
        "mode": "lines+markers",
        "x": [100 * b.confidence for b in bins],
        "y": [100 * b.accuracy.value for b in bins],
        "error_y": {
            "type": "data",
            "symmetric": False,
            "array": [100 * (b.accuracy.interval[1] - b.accuracy.value) for b in bins],
            "arrayminus": [100 * (b.accuracy.value - b.accuracy.interval[0]) for b in bins],
            "color": SERIES[0],
            "thickness": 1.5,
            "width": 0,
        },
        "line": {"color": SERIES[0], "width": 2},
        "marker": {"size": 8},
        "customdata": [[b.accuracy.range(), count(b.accuracy.n or 0)] for b in bins],
        "hovertemplate": "%{x:.1f} % sure, %{y:.1f} % right (%{customdata[0]}), n = %{customdata[1]}<extra></extra>",
    }
    earlier = {
        "type": "scatter",
        "name": "before calibration",
        "mode": "lines+markers",
        "x": [100 * confidence for confidence, _, _ in before],
        "y": [100 * accuracy for _, accuracy, _ in before],
        "line": {"color": SERIES[1], "width": 1.5},
        "marker": {"size": 6},
        "customdata": [[100 * share] for _, _, share in before],
        "hovertemplate": "before: %{x:.1f} % sure, %{y:.1f} % right, %{customdata[0]:.0f} % of examples<extra></extra>",
    }
    low = min(100 * value for b in bins for value in (b.confidence, b.accuracy.value))
    low = min([low, *(100 * value for confidence, accuracy, _ in before for value in (confidence, accuracy))])
    start = max(10 * int(low / 10), 0)
    line = {
        "type": "scatter",
        "name": "calibrated",
        "mode": "lines",
        "x": [start, 100],
        "y": [start, 100],
        "line": {"color": MUTED, "width": 1.5, "dash": "dash"},
        "hoverinfo": "skip",
    }
    layout = {
        "xaxis": axis("confidence (%)", range=[start, 101]),
        "yaxis": axis("accuracy (%)", range=[max(start - 2, -2), 102]),
    }
    description = "Accuracy of predictions by their confidence, the probability of the predicted class."
    return Figure("Calibration", description, [trace, *([earlier] if before else []), line], layout)


def _table(title: str, subject: str, rows: Mapping[str, Mapping[str, Estimate]]) -> MetricTable:
    names = list(dict.fromkeys(name for row in rows.values() for name in row))
    chosen = list(rows.items())
    if len(chosen) > MOST_ROWS:
        chosen.sort(key=lambda item: _badness(item[1]), reverse=True)
    cells = [(part, [_cell(row.get(name)) for name in names]) for part, row in chosen[:MOST_ROWS]]
    return MetricTable(title, subject, [_title(name) for name in names], cells, max(len(chosen) - MOST_ROWS, 0))


def _is_the_users(name: str) -> bool:
    return name not in METRICS or not METRICS.origins[name].is_own


def _title(name: str) -> str:
    """How a metric is shown; one that is not registered here, of a run from elsewhere, by its name."""
    if name in METRICS:
        return METRICS[name].title
    return CONFIGURED[name][0] if name in CONFIGURED else name.replace("_", " ")


def _capital(title: str) -> str:
    return title[:1].upper() + title[1:]


def _badness(row: Mapping[str, Estimate]) -> float:
    """The more the worse, by F1 where there is one, else by the first metric."""
    name = "f1" if "f1" in row else next(iter(row))
    rising = name not in METRICS or METRICS[name].direction == "maximize"
    return -row[name].value if rising else row[name].value


def _cell(measured: Estimate | None) -> MetricCell | None:
    if measured is None:
        return None
    return MetricCell(measured.plain(), measured.range(), "" if measured.n is None else count(measured.n))
