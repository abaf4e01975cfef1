"""Soundings drawn: what each remedy would change, how the error falls with more data, and the steps of a climb.

They are made from the plain records that soundings leave in a run's folder.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import Any

from leadline.report.figures.figure import Figure, Trace, axis, text
from leadline.report.quantities import count
from leadline.report.style import INK, MUTED, SERIES

Record = Mapping[str, Any]
COLOURS = {"helps": SERIES[2], "cannot tell": MUTED, "hurts": SERIES[1]}
NAME_WIDTH = 20
"""Characters of a step's name on one line: a phone's page is some 60 wide."""
SYMBOLS = {"helps": "circle", "cannot tell": "circle-open", "hurts": "x"}


def changes_figure(record: Record) -> Figure | None:
    """The predicted change of the dev error by each remedy with its interval, the best on top; None without any."""
    measured = [sounding for sounding in record["soundings"] if sounding["change"] is not None]
    if not measured:
        return None
    factor, unit = _scale(record)
    names = [text(sounding["title"]) for sounding in measured]
    traces = [
        _dots([(name, s) for name, s in zip(names, measured, strict=True) if s["verdict"] == verdict], verdict, factor)
        for verdict in ("helps", "cannot tell", "hurts")
    ]
    title = f"change of dev {record['metric']}" + (f" ({unit})" if unit else "")
    layout = {
        "xaxis": axis(title, zeroline=True, zerolinecolor=INK, nticks=4, tickangle=0),
        "yaxis": {"automargin": True, "categoryorder": "array", "categoryarray": names[::-1], "dtick": 1},
        "hovermode": "closest",
    }
    listed = "; ".join(f"{name}: {s['verdict']}" for name, s in zip(names, measured, strict=True))
    return Figure(
        "What each remedy would change",
        f"Predicted change of the dev error. {listed}.",
        _shown(traces),
        layout,
        "large",
    )


def forecast_figure(record: Record) -> Figure | None:
    """Error by number of training examples: measured, the power laws that fit, and forecasts; None without a curve."""
    curve = record["curve"]
    if not curve or not curve["points"]:
        return None
    factor, unit = _scale(record)
    unit = "%" if unit == "points" else unit
    traces: list[Trace] = []
    if curve["line"]:
        traces += _band(curve["line"], factor)
    traces.append(_intervals(curve["points"], factor, "measured", SERIES[0], "circle", "seeds"))
    if curve["forecasts"]:
        traces.append(
            _intervals(curve["forecasts"], factor, "forecast of one training, 90 %", SERIES[1], "diamond-open")
        )
    title = record["metric"] + (f" ({unit})" if unit else "")
    sizes = [point["n"] for point in (*curve["points"], *curve["forecasts"])]
    named = sizes[::-2]  # every second one, so that they fit a phone's width
    ticks = {"tickvals": sizes, "ticktext": [count(n) if n in named else "" for n in sizes], "tickangle": 0}
    layout = {
        "xaxis": axis("training examples", type="log", **ticks),
        "yaxis": axis(f"dev {title}"),
        "hovermode": "closest",
    }
    forecast = "a power law with offset goes through them" if curve["forecasts"] else f"no forecast: {curve['reason']}"
    return Figure("More data", f"Dev error by number of training examples; {forecast}.", traces, layout)


def climb_figure(record: Record) -> Figure:
    """The dev error of every run of a climb with its interval, and what had been predicted for it."""
    steps = record["steps"]
    factor = 100.0 if steps[0]["error"]["unit"] == "%" else 1.0
    unit = "%" if factor == 100.0 else steps[0]["error"]["unit"]
    names = [_wrapped(f"{k + 1}. {step['remedy']}") for k, step in enumerate(steps)]
    measured = [_step(name, step["error"]) for name, step in zip(names, steps, strict=True)]
    predicted = [
        _step(name, step["predicted"]) for name, step in zip(names, steps, strict=True) if step["predicted"] is not None
    ]
    traces = [_vertical(measured, factor, "measured", SERIES[0], "circle")]
    if predicted:
        traces.append(_vertical(predicted, factor, "predicted, 90 %", SERIES[1], "diamond-open"))
    layout = {
        "xaxis": axis(f"dev {record['metric']}" + (f" ({unit})" if unit else ""), rangemode="tozero"),
        "yaxis": {"automargin": True, "categoryorder": "array", "categoryarray": names[::-1], "dtick": 1},
        "hovermode": "closest",
    }
    return Figure(
        "Step by step",
        "Dev error of each run, measured and predicted.",
        traces,
        layout,
        "large" if len(steps) > 5 else "small",
    )


def _wrapped(name: str) -> str:
    """In two lines that leave a phone room for the figure; the story below it has the whole name."""
    return "<br>".join(text(line) for line in wrap(name, NAME_WIDTH, max_lines=2, placeholder=" …"))


def _scale(record: Record) -> tuple[float, str]:
    """What errors are multiplied by, and the unit of their differences."""
    return (100.0, "points") if record["unit"] == "%" else (1.0, record["unit"])


def _dots(rows: Sequence[tuple[str, Record]], verdict: str, factor: float) -> Trace:
    changes = [sounding["change"] for _, sounding in rows]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": verdict,
        "y": [name for name, _ in rows],
        "x": [factor * change["value"] for change in changes],
        "error_x": _bars(changes, factor, COLOURS[verdict]),
        "marker": {"color": COLOURS[verdict], "symbol": SYMBOLS[verdict], "size": 10, "line": {"width": 2}},
        "customdata": [text(sounding["option"]) for _, sounding in rows],
        "hovertemplate": "%{y}: %{customdata}<br>%{x:+.3g}<extra>" + verdict + "</extra>",
    }


def _bars(measured: Sequence[Record], factor: float, colour: str) -> dict[str, Any]:
    """Error bars from values with ends."""
    return {
        "type": "data",
        "symmetric": False,
        "array": [factor * (m["high"] - m.get("value", m.get("error", 0.0))) for m in measured],
        "arrayminus": [factor * (m.get("value", m.get("error", 0.0)) - m["low"]) for m in measured],
        "color": colour,
        "thickness": 1.5,
        "width": 4,
    }


def _intervals(points: Sequence[Record], factor: float, name: str, colour: str, symbol: str, note: str = "") -> Trace:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": [point["n"] for point in points],
        "y": [factor * point["error"] for point in points],
        "error_y": _bars(points, factor, colour),
        "marker": {"color": colour, "symbol": symbol, "size": 9, "line": {"width": 2, "color": colour}},
        "customdata": [point.get(note, "") for point in points],
        "hovertemplate": "%{x:,} examples: %{y:.4g}<extra>" + name + "</extra>",
    }


def _band(line: Sequence[Record], factor: float) -> list[Trace]:
    n = [point["n"] for point in line]
    edge: Trace = {"type": "scatter", "mode": "lines", "x": n, "hoverinfo": "skip", "showlegend": False}
    return [
        edge | {"y": [factor * point["low"] for point in line], "line": {"width": 0}},
        edge
        | {"y": [factor * point["high"] for point in line], "line": {"width": 0}}
        | {"fill": "tonexty", "fillcolor": "var(--alarm-soft)"},
        {
            "type": "scatter",
            "mode": "lines",
            "name": "power law, 90 %",
            "x": n,
            "y": [factor * point["error"] for point in line],
            "line": {"color": SERIES[1], "width": 2},
            "hovertemplate": "%{x:,} examples: %{y:.4g}<extra>power law</extra>",
        },
    ]


def _step(name: str, error: Record) -> Record:
    value = error["value"]
    low, high = (value if error[key] is None else error[key] for key in ("low", "high"))
    return {"name": name, "value": value, "low": low, "high": high}


def _vertical(steps: Sequence[Record], factor: float, name: str, colour: str, symbol: str) -> Trace:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "y": [step["name"] for step in steps],
        "x": [factor * step["value"] for step in steps],
        "error_x": _bars(steps, factor, colour),
        "marker": {"color": colour, "symbol": symbol, "size": 10, "line": {"width": 2, "color": colour}},
        "hovertemplate": "%{y}: %{x:.4g}<extra>" + name + "</extra>",
    }


def _shown(traces: Sequence[Trace]) -> list[Trace]:
    return [trace for trace in traces if trace["x"]]
