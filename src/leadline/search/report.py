"""The report of a search: one HTML file that opens offline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from leadline.measure import task_named
from leadline.report.figures.figure import Figure
from leadline.report.figures.search import name_of, parallel_coordinates, search_progress, slices
from leadline.report.quantities import ErrorScale, count, digits, duration, moment
from leadline.report.rendering import templates, write_page
from leadline.search.records import SearchRecord
from leadline.search.tiers import tier_of
from leadline.text import about

TIER_NAMES = {1: "first", 2: "second", 3: "third", None: "—"}


@dataclass(frozen=True)
class _Row:
    """A hyper-parameter: its name, tier, share of the differences in percent, and the best value."""

    name: str
    tier: str
    share: float | None
    best: str


def write_search_report(search: SearchRecord) -> Path:
    """Write ``report.html`` into the search's folder and return its path."""
    return write_page(render_search_report(search), search.folder / "report.html")


def render_search_report(search: SearchRecord) -> str:
    """The report as HTML."""
    summary = search.summary
    best: Mapping[str, Any] = summary["best"]
    scale = ErrorScale.of(summary["task"] or "", metric=summary["metric"])
    trials = [trial.to_json() for trial in search.trials]
    return (
        templates()
        .get_template("search.html")
        .render(
            search=search,
            summary=summary,
            created=moment(summary["started"]),
            conclusion=conclusion(summary),
            key_figures=_key_figures(summary, scale),
            figures=_overview(summary, trials, scale),
            slices=slices(summary["space"], trials, scale, best["number"], {k: tier_of(k) for k in summary["space"]}),
            rows=_rows(summary),
            finalists=[_finalist(finalist, scale) for finalist in summary["finalists"]],
            best_toml=(search.folder / "best.toml").read_text(encoding="utf-8"),
            command=f"leadline train {search.folder / 'best.toml'}",
        )
    )


def conclusion(summary: Mapping[str, Any]) -> str:
    """The result in one sentence."""
    scale = ErrorScale.of(summary["task"] or "", metric=summary["metric"])
    best = summary["best"]
    values = ", ".join(f"{name_of(key)} {_shown(value)}" for key, value in best["values"].items())
    error = (
        f"a dev RMSE of {_error(best['mean'], scale)}"
        if _is_rmse(summary)
        else f"{_error(best['mean'], scale)} dev error"
    )
    return f"The best has {error}{_interval(best, scale)}: {values}.{_expected(summary, scale)}"


def _expected(summary: Mapping[str, Any], scale: ErrorScale) -> str:
    """What the best is expected to have on new examples; empty where the search kept too little to say."""
    chosen = summary.get("expected")
    if not chosen:
        return ""
    error = chosen["expected"]
    inside = (
        ""
        if error["low"] is None
        else " (" + " to ".join(digits(scale.factor * error[end]) for end in ("low", "high")) + ")"
    )
    return (
        f" As {count(chosen['candidates'])} trials were judged by the same dev examples, new ones are expected to show "
        f"{_error(error['value'], scale)}{inside}."
    )


def _is_rmse(summary: Mapping[str, Any]) -> bool:
    return (summary["metric"] or task_named(summary["task"]).error_metric) == "rmse"


def _interval(best: Mapping[str, Any], scale: ErrorScale) -> str:
    if best["low"] is None:
        return ""
    low, high = digits(scale.factor * best["low"]), digits(scale.factor * best["high"])
    return f" ({low} to {high} over {len(best['errors'])} seeds)"


def _error(value: float, scale: ErrorScale) -> str:
    return f"{digits(scale.factor * value)}{' ' + scale.unit if scale.unit else ''}"


def _shown(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _key_figures(summary: Mapping[str, Any], scale: ErrorScale) -> list[dict[str, str]]:
    best, counts = summary["best"], summary["counts"]
    trials = sum(counts.get(state, 0) for state in ("complete", "pruned", "diverged"))
    seconds = max(summary["seconds"], 1e-9)
    interval = _interval(best, scale).strip(" ()") or "one seed"
    return [
        {
            "name": f"dev {'RMSE' if _is_rmse(summary) else 'error'} of the best",
            "value": digits(scale.factor * best["mean"]),
            "unit": scale.unit,
        }
        | {"note": interval},
        {"name": "in the search", "value": digits(scale.factor * best["dev_error"]), "unit": scale.unit}
        | {"note": "chosen among all, so somewhat optimistic"},
        {"name": "trials", "value": count(trials), "unit": ""} | {"note": _states(counts)},
        {"name": "time", "value": duration(seconds), "unit": ""}
        | {"note": f"about {about(round(60 * trials / seconds))} trials a minute"},
    ]


def _states(counts: Mapping[str, int]) -> str:
    names = ("complete", "pruned", "diverged")
    return ", ".join(f"{counts[name]} {name}" for name in names if counts.get(name))


def _overview(summary: Mapping[str, Any], trials: Sequence[Mapping[str, Any]], scale: ErrorScale) -> list[Figure]:
    best = summary["best"]["number"]
    return [parallel_coordinates(summary["space"], trials, scale, best), search_progress(trials, scale)]


def _rows(summary: Mapping[str, Any]) -> list[_Row]:
    shares = {each["key"]: each["importance"] for each in summary["importance"]}
    best = summary["best"]["values"]
    keys = sorted(summary["space"], key=lambda key: -shares.get(key, -1.0))
    return [
        _Row(
            name_of(key),
            TIER_NAMES[tier_of(key)],
            None if key not in shares else 100 * shares[key],
            _shown(best[key]) if key in best else "—",
        )
        for key in keys
    ]


def _finalist(finalist: Mapping[str, Any], scale: ErrorScale) -> dict[str, str]:
    low, high = finalist["low"], finalist["high"]
    return {
        "number": str(finalist["number"] + 1),
        "search": _error(finalist["dev_error"], scale),
        "mean": _error(finalist["mean"], scale) if finalist["errors"] else "—",
        "interval": "" if low is None else f"{digits(scale.factor * low)} to {digits(scale.factor * high)}",
        "chosen": ", ".join(f"{name_of(key)} {_shown(value)}" for key, value in finalist["values"].items()),
    }
