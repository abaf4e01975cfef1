"""What pages show of soundings and climbs, made from their plain records: rows of a table, texts and figures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from leadline.measure.intervals import Estimate
from leadline.report.changes import change_lines
from leadline.report.figures.soundings import changes_figure, climb_figure, forecast_figure
from leadline.report.quantities import duration, prose
from leadline.report.rendering import templates
from leadline.text import grouped

Record = Mapping[str, Any]


def soundings_part(record: Record | None) -> dict[str, Any] | None:
    """For the section of a run's soundings; None where there are none."""
    if not record:
        return None
    figures = [figure for figure in (changes_figure(record), forecast_figure(record)) if figure is not None]
    error = Estimate.from_json(dict(record["error"]))
    measured = f"dev {record['metric']} {error.plain()} ({error.range()}), {record['seeds']} seeds"
    return {
        "advice": record["advice"],
        "baseline": f"The run's own experiment with other seeds: {measured}.",
        "figures": figures,
        "rows": [_row(sounding) for sounding in record["soundings"]],
        "forecasts": _forecasts(record),
        "notes": list(record["notes"]),
    }


def _row(sounding: Record) -> dict[str, Any]:
    change, gap = (_measured(sounding[key]) for key in ("change", "gap_change"))
    return {
        "name": f"{sounding['title']}: {sounding['option']}" if sounding["option"] else sounding["title"],
        "change": "–" if change is None else change.signed(),
        "range": "" if change is None else change.range(),
        "gap": "–" if gap is None else gap.signed(),
        "cost": "–" if sounding["cost"] is None else duration(sounding["cost"]),
        "verdict": sounding["verdict"],
        "note": sounding["note"],
    }


def _measured(value: Record | None) -> Estimate | None:
    return None if value is None else Estimate.from_json(dict(value))


def _forecasts(record: Record) -> list[str]:
    """What more data promises, or why nothing can be said."""
    curve = record["curve"]
    if not curve:
        return []
    if not curve["forecasts"]:
        return [f"More data: no forecast. {curve['reason'][:1].upper()}{curve['reason'][1:]}"]
    lines = []
    for forecast in curve["forecasts"]:
        expected = Estimate(forecast["error"], forecast["low"], forecast["high"], None, 0.9, record["unit"])
        line = f"With {grouped(forecast['n'])} training examples: {expected.plain()} ({expected.range()}, 90 %)."
        lines.append(prose(line))
    return lines


def render_climb(record: Record, experiments: Mapping[str, Record]) -> str:
    """The story of a climb as a page that stands alone; ``experiments`` are those of its runs, by name."""
    steps = [_step(step, experiments.get(step["run"], {})) for step in record["steps"]]
    kept = [step for step in record["steps"] if step["kept"]]
    first, last = (Estimate.from_json(dict(step["error"])) for step in (kept[0], kept[-1]))
    return (
        templates()
        .get_template("climb.html")
        .render(
            climb=record,
            steps=steps,
            figure=climb_figure(record),
            fell=f"Dev {record['metric']} {first.plain()} → {last.plain()}",
            spent=duration(record["spent"]),
            budget=duration(record["budget"]),
        )
    )


def _step(step: Record, experiment: Record) -> dict[str, Any]:
    error, predicted = _measured(step["error"]), _measured(step["predicted"])
    assert error is not None  # every run has measured one
    return {
        "remedy": step["remedy"],
        "run": step["run"],
        "kept": step["kept"],
        "held": step["held"],
        "why": step["why"],
        "error": str(error),
        "predicted": "" if predicted is None else f"{predicted.plain()} ({predicted.range()}, 90 %)",
        "conclusion": step["conclusion"],
        "sounded": step["sounded"],
        "at": duration(step["seconds"]),
        "change": change_lines(step["changes"], experiment) if step["changes"] else [],
    }
