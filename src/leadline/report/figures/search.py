"""A search as figures: every trial as a line through its hyper-parameters, and the dev error along each of them.

They take what a search's folder holds: ``space``, the tables of its dimensions by key, and ``trials``, mappings with
``number``, ``state``, ``values`` and ``dev_error``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from leadline.report.figures.figure import Figure, Layout, Trace, axis, text
from leadline.report.quantities import ErrorScale, digits
from leadline.report.style import INK, LINE, MUTED, SERIES, SURFACE

Trials = Sequence[Mapping[str, Any]]
MOST_LINES = 250
GROUPS = ((0.1, SERIES[0], 2.5, 1.0, "best tenth"), (0.5, SERIES[0], 1.25, 0.45, "better half"))
REST = (MUTED, 1.0, 0.3, "others")
NAMES = {
    "training.learning_rate": "learning rate",
    "training.batch_size": "batch size",
    "training.l2": "λ (L2)",
    "training.l1": "λ (L1)",
    "training.optimizer.beta": "β",
    "training.optimizer.beta1": "β₁",
    "training.optimizer.beta2": "β₂",
    "training.schedule": "decay",
    "network.units": "hidden units",
    "network.hidden_layers": "hidden layers",
    "network.keep_prob": "keep_prob",
}
UNITS = {"training.batch_size": "examples"}


def name_of(key: str) -> str:
    """What people call a key of the experiment."""
    return NAMES.get(key, key.rpartition(".")[2].replace("_", " "))


@dataclass(frozen=True)
class Scaled:
    """One axis: where a value lies between 0 and 1, and the ticks (place, text)."""

    key: str
    ticks: Sequence[tuple[float, str]]
    table: Mapping[str, Any]

    @classmethod
    def of(cls, key: str, table: Mapping[str, Any]) -> Scaled:
        """The axis of a dimension's table, such as ``{log = [1e-4, 1]}``."""
        plain = cls(key, (), table)
        return cls(key, [(plain.place(value), plain.shown(value)) for value in plain._tick_values()], table)

    @property
    def kind(self) -> str:
        """ "choice", "log", "one_minus_log", "linear" or "integer"."""
        return next(name for name in ("choice", "integer", "one_minus_log", "log", "linear") if name in self.table)

    @property
    def choices(self) -> list[Any]:
        """The choices, numbers in their order."""
        given = list(self.table.get("choice", ()))
        numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in given)
        return sorted(given) if numbers else given

    def place(self, value: Any) -> float:
        """Where the value lies; a choice in the middle of its part."""
        if self.kind == "choice":
            return (self.choices.index(value) + 0.5) / len(self.choices)
        low, high = self.table[self.kind]
        low, high, at = self._bent(low), self._bent(high), self._bent(value)
        return (at - low) / (high - low)

    def shown(self, value: Any) -> str:
        """The value as people write it."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return str(value)
        if self.kind == "one_minus_log":
            return f"{value:.4g}" if value < 0.9999 else f"{value:.6g}"
        return f"{value:.3g}"

    def _bent(self, value: float) -> float:
        if self.kind == "one_minus_log":
            return -math.log10(1 - value)
        return math.log10(value) if self.kind == "log" or self.table.get("log") is True else value

    def _tick_values(self) -> list[Any]:
        if self.kind == "choice":
            return self.choices
        low, high = self.table[self.kind]
        if self.kind == "integer" and high - low <= 6:
            return list(range(low, high + 1))
        if self.kind == "log":
            powers = range(math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9) + 1)
            return [10.0**power for power in powers] if len(powers) >= 2 else [low, high]
        if self.kind == "one_minus_log":
            nines = [1 - 10.0**-k for k in range(1, 8)]
            inside = [value for value in nines if low < value < high]
            return [low, *inside, high] if abs(low) > 0 else [0.0, *inside, high]
        return [low, (low + high) / 2, high]


def parallel_coordinates(
    space: Mapping[str, Any], trials: Trials, scale: ErrorScale, best: int | None = None
) -> Figure:
    """Each trial as a line through the values of its hyper-parameters to its dev error; the best tenth stands out."""
    axes = [Scaled.of(key, table) for key, table in space.items()]
    done = [trial for trial in trials if trial["dev_error"] is not None and trial["state"] in ("complete", "pruned")]
    done = sorted(done, key=lambda trial: trial["dev_error"])
    top = _top([trial["dev_error"] for trial in done])
    traces: list[Trace] = []
    for rank, trial in reversed(list(enumerate(done[:MOST_LINES]))):
        traces.append(_line(trial, axes, scale, top, _look(rank, len(done)), trial["number"] == best))
    traces += [_axis_labels(i, a.ticks) for i, a in enumerate(axes)]
    ticks = [(k / 3, digits(scale.factor * (top[0] + (top[1] - top[0]) * k / 3))) for k in range(4)]
    traces.append(_axis_labels(len(axes), ticks))
    names = [name_of(a.key) for a in axes] + [f"dev error ({scale.unit})" if scale.unit else "dev RMSE"]
    shapes = [
        {"type": "line", "x0": i, "x1": i, "y0": 0, "y1": 1, "line": {"color": LINE, "width": 1.5}, "layer": "below"}
        for i in range(len(names))
    ]
    layout: Layout = {
        "xaxis": {
            "tickvals": list(range(len(names))),
            "ticktext": [text(name).replace(" ", "<br>", 1) for name in names],
            "range": [-0.3, len(names) - 0.55],
            "side": "top",
            "showgrid": False,
            "ticks": "",
            "fixedrange": True,
            "tickfont": {"size": 12, "color": INK},
        },
        "yaxis": {"visible": False, "range": [-0.06, 1.04], "fixedrange": True},
        "shapes": shapes,
        "showlegend": False,
        "hovermode": "closest",
        "margin": {"l": 8, "r": 8, "t": 44, "b": 8},
    }
    said = f"{len(done)} trials as lines through {len(axes)} hyper-parameters to the dev error; the best tenth is bold."
    return Figure("All trials", said, traces, layout, "large")


def slices(
    space: Mapping[str, Any],
    trials: Trials,
    scale: ErrorScale,
    best: int | None = None,
    tiers: Mapping[str, Any] | None = None,
) -> list[Figure]:
    """The dev error of every trial along each hyper-parameter."""
    return [_slice(Scaled.of(key, table), trials, scale, best, (tiers or {}).get(key)) for key, table in space.items()]


def search_progress(trials: Trials, scale: ErrorScale) -> Figure:
    """The dev error of the trials in their order, and the best so far."""
    done = [trial for trial in trials if trial["dev_error"] is not None and trial["state"] == "complete"]
    numbers, errors = [t["number"] + 1 for t in done], [scale.factor * t["dev_error"] for t in done]
    least = [min(errors[: i + 1]) for i in range(len(errors))]
    points = _points("trial", numbers, errors, SERIES[0], [_hover(t, scale) for t in done], 0.55)
    line = {
        "type": "scatter",
        "mode": "lines",
        "name": "best so far",
        "x": numbers,
        "y": least,
        "line": {"color": SERIES[1], "width": 2, "shape": "hv"},
        "hovertemplate": "best of %{x} trials: %{y:.4g}<extra></extra>",
    }
    layout: Layout = {"xaxis": axis("trial"), "yaxis": axis(_error_title(scale))}
    said = "Dev error of each trial in the order of their numbers, with the best so far."
    return Figure("How the search went", said, [points, line], layout, "medium", log_toggle=True)


def _top(errors: Sequence[float]) -> tuple[float, float]:
    """The range of errors to draw: a few failures far off stay at the upper end."""
    if not errors:
        return 0.0, 1.0
    ordered = sorted(errors)
    low, high = ordered[0], ordered[min(len(ordered) - 1, int(0.9 * len(ordered)))]
    return (low, high) if high > low else (low, low + max(abs(low), 1e-3))


def _look(rank: int, n: int) -> tuple[str, float, float, str]:
    for share, colour, width, opacity, name in GROUPS:
        if rank < max(1, share * n):
            return colour, width, opacity, name
    return REST


def _line(
    trial: Mapping[str, Any],
    axes: Sequence[Scaled],
    scale: ErrorScale,
    top: tuple[float, float],
    look: tuple[str, float, float, str],
    best: bool,
) -> Trace:
    colour, width, opacity, _ = look
    values = trial["values"]
    places: list[float | None] = [a.place(values[a.key]) if a.key in values else None for a in axes]
    error = min(1.0, (trial["dev_error"] - top[0]) / (top[1] - top[0]))
    return {
        "type": "scatter",
        "mode": "lines+markers" if best else "lines",
        "x": list(range(len(places) + 1)),
        "y": [*places, error],
        "line": {"color": SERIES[1] if best else colour, "width": 3 if best else width},
        "marker": {"size": 7},
        "opacity": 1.0 if best else opacity,
        "connectgaps": True,
        "text": _hover(trial, scale),
        "hovertemplate": "%{text}<extra></extra>",
    }


def _axis_labels(i: int, ticks: Sequence[tuple[float, str]]) -> Trace:
    return {
        "type": "scatter",
        "mode": "markers+text",
        "x": [i] * len(ticks),
        "y": [place for place, _ in ticks],
        "text": [text(f" {shown}") for _, shown in ticks],
        "textposition": "middle right",
        "textfont": {"size": 11, "color": MUTED},
        "marker": {"symbol": "line-ew", "size": 7, "line": {"color": MUTED, "width": 1}},
        "hoverinfo": "skip",
        "cliponaxis": False,
    }


def _slice(along: Scaled, trials: Trials, scale: ErrorScale, best: int | None, tier: int | None) -> Figure:
    shown = [trial for trial in trials if along.key in trial["values"] and trial["dev_error"] is not None]
    traces: list[Trace] = []
    for state, colour, opacity in (("pruned", MUTED, 0.5), ("complete", SERIES[0], 0.75)):
        own = [trial for trial in shown if trial["state"] == state and trial["number"] != best]
        x, y = [along.place(t["values"][along.key]) for t in own], [scale.factor * t["dev_error"] for t in own]
        traces.append(_points(state, x, y, colour, [_hover(t, scale) for t in own], opacity))
    winner = [trial for trial in shown if trial["number"] == best]
    if winner:
        x, y = along.place(winner[0]["values"][along.key]), scale.factor * winner[0]["dev_error"]
        traces.append(_points("best", [x], [y], SERIES[1], [_hover(winner[0], scale)], 1.0, 11))
    ticks = along.ticks
    unit = UNITS.get(along.key)
    name = name_of(along.key)
    layout: Layout = {
        "xaxis": axis(f"{name} ({unit})" if unit else name, range=[-0.04, 1.04])
        | {"tickvals": [place for place, _ in ticks], "ticktext": [text(label) for _, label in ticks]},
        "yaxis": axis(_error_title(scale)),
    }
    capital = name[:1].upper() if name.isascii() else name[:1]  # β₁ stays what it is
    title = capital + name[1:] + (f" · tier {tier}" if tier else "")
    said = f"Dev error of the trials along {name}."
    return Figure(title, said, traces, layout, "small", log_toggle=True, logarithmic=_hugs_the_floor(shown))


def _hugs_the_floor(trials: Trials) -> bool:
    """Whether a linear axis would show most of the trials in its lowest tenth."""
    errors = sorted(trial["dev_error"] for trial in trials)
    return bool(errors) and errors[0] > 0 and errors[len(errors) // 2] < errors[-1] / 10


def _points(
    name: str, x: Sequence[float], y: Sequence[float], colour: str, hover: Sequence[str], opacity: float, size: int = 7
) -> Trace:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": x,
        "y": y,
        "marker": {"color": colour, "size": size, "opacity": opacity, "line": {"color": SURFACE, "width": 1}},
        "text": hover,
        "hovertemplate": "%{text}<extra></extra>",
    }


def _hover(trial: Mapping[str, Any], scale: ErrorScale) -> str:
    error = f"{scale.factor * trial['dev_error']:.4g}{' ' + scale.unit if scale.unit else ''}"
    values = [f"{name_of(key)} {_short(value)}" for key, value in trial["values"].items()]
    return text(f"trial {trial['number'] + 1}: {error}") + "<br>" + "<br>".join(text(value) for value in values)


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _error_title(scale: ErrorScale) -> str:
    return f"dev error ({scale.unit})" if scale.unit else "dev RMSE"
