"""The report of a run as one HTML file that opens offline."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from leadline.report import style
from leadline.report.changes import change_lines
from leadline.report.contents import Mistake, Report
from leadline.report.figures import confusion, curves, images, residuals
from leadline.report.figures.figure import Figure, plain
from leadline.report.figures.ladder import ladder_figure, measured_note
from leadline.report.quantities import THIN, Scale, count, duration

SHOWN_IMAGES, SHOWN_CARDS = 12, 6
"""Mistakes shown at once; the others wait behind a line to open."""


def write_report(report: Report, path: Path) -> Path:
    """Write the report to ``path`` and return it; a reader never sees half a file."""
    return write_page(render_report(report), path)


def render_report(report: Report) -> str:
    """The report as HTML."""
    scale = Scale.of(report.task, report.unit)
    experiment = tomllib.loads(report.experiment_toml)
    mistakes = [_drawn(mistake) for mistake in report.mistakes]
    drawn = any(mistake.image is not None for mistake in report.mistakes)
    shown = SHOWN_IMAGES if drawn else SHOWN_CARDS
    return (
        environment()
        .get_template("report.html")
        .render(
            report=report,
            key_figures=_key_figures(report),
            ladder=ladder_figure(report.ladder),
            created=_moment(report.created),
            remedies=[_remedy(remedy, experiment) for remedy in report.remedies],
            curves=_curves(report, scale),
            residuals=_residuals(report),
            drawn_mistakes=drawn,
            mistakes=mistakes[:shown],
            more_mistakes=mistakes[shown:],
            mistakes_note=_mistakes_note(report),
            provenance=[("The data", facts(report.data)), ("The environment", facts(report.environment))],
            **_confusion(report),
        )
    )


def write_page(html: str, path: Path) -> Path:
    """Write a page beside its place and move it there in one step."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{uuid4().hex[:8]}")
    try:
        unfinished.write_text(html, encoding="utf-8")
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return path


@cache
def environment() -> Environment:
    """The templates with their filters; everything they show is escaped."""
    templates = Environment(
        loader=PackageLoader("leadline.report"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    templates.filters["embed"] = embed
    templates.filters["share"] = _share
    templates.filters["prose"] = _prose
    templates.globals["look"] = style
    return templates


def embed(value: Any) -> Markup:
    """The value as JSON that can stand inside a script element, whatever its texts contain."""
    text = json.dumps(plain(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


def facts(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Nested values as a flat list of names and texts."""
    listed: list[tuple[str, str]] = []
    for key, value in values.items():
        name = f"{prefix}{key}".replace("_", " ")
        if isinstance(value, Mapping):
            listed += facts(value, f"{name}: ")
        elif isinstance(value, Sequence) and not isinstance(value, str):
            listed.append((name, ", ".join(_fact(item) for item in value)))
        else:
            listed.append((name, _fact(value)))
    return listed


def _fact(value: object) -> str:
    if isinstance(value, Mapping):
        first, *others = (_fact(item) for item in value.values() if item not in ("", None))
        return f"{first} ({', '.join(others)})" if others else first
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10_000:
        return count(value)
    if isinstance(value, float):
        return f"{value:.10g}"
    return "—" if value is None else str(value)


def _prose(text: str) -> str:
    """Keep groups of digits, and a number and its percent sign, on one line."""
    return re.sub(r"(?<=\d) (?=\d{3}\b|%)", THIN, text)


def _moment(created: str) -> str:
    """A time as people read it; whatever is no time stays as it is."""
    try:
        return datetime.fromisoformat(created).strftime("%Y-%m-%d %H:%M %Z").rstrip()
    except ValueError:
        return created


def _share(value: float) -> str:
    percent = 100 * value
    return f"{percent:.0f}{THIN}%" if percent >= 0.95 or percent == 0 else f"{percent:.1f}{THIN}%"


@dataclass(frozen=True)
class _KeyFigure:
    name: str
    value: str
    unit: str
    note: str


def _key_figures(report: Report) -> list[_KeyFigure]:
    shown = []
    for name in ("dev", "train"):
        if (rung := report.ladder.rung(name)) is not None:
            error = rung.error
            shown.append(_KeyFigure(f"{name} {report.metric}", error.number(), error.unit, measured_note(error)))
    shown.append(_KeyFigure("parameters", count(report.parameters), "", "trained numbers"))
    epochs = len(report.history)
    trained = "1 epoch" if epochs == 1 else f"{count(epochs)} epochs"
    shown.append(_KeyFigure("training time", duration(report.seconds), "", trained))
    return shown


def _curves(report: Report, scale: Scale) -> list[Figure]:
    if not report.history:
        return []
    drawn = [
        curves.cost_curves(report.history, report.task, report.best_epoch),
        curves.error_curves(report.history, scale, report.metric, report.best_epoch),
        curves.learning_rate_curve(report.history),
    ]
    return [figure for figure in drawn if figure is not None]


def _confusion(report: Report) -> dict[str, Any]:
    found = report.confusion
    if found is None:
        return {"cells": None, "confusion_map": None, "pairs": []}
    pairs = confusion.confused_pairs(found.matrix, found.classes) if len(found.classes) > 2 else []
    if len(found.classes) > confusion.MOST_CLASSES:
        return {"cells": None, "confusion_map": confusion.confusion_map(found.matrix, found.classes), "pairs": pairs}
    return {"cells": confusion.cells(found.matrix), "confusion_map": None, "pairs": pairs}


def _residuals(report: Report) -> list[Figure]:
    found = report.residuals
    if found is None:
        return []
    target = str(report.data.get("target") or "target")
    return [
        residuals.predicted_against_true(found.y_true, found.y_pred, target, report.unit),
        residuals.residual_histogram(found.y_true, found.y_pred, report.unit),
    ]


def _drawn(mistake: Mistake) -> dict[str, Any]:
    image = mistake.image
    return {
        "row": mistake.row,
        "label": mistake.label,
        "prediction": mistake.prediction,
        "probability": mistake.probability,
        "fields": {name: _fact(value) for name, value in mistake.fields.items()},
        "source": None if image is None else images.png_data_uri(image),
        "pixels": image is not None and images.is_pixelated(image),
    }


def _mistakes_note(report: Report) -> str:
    if report.task == "regression":
        return "Dev examples whose prediction is farthest from the truth, farthest first."
    return "Dev examples that were wrong with the most confidence, most confident first."


def _remedy(remedy: Mapping[str, Any], experiment: Mapping[str, Any]) -> dict[str, Any]:
    reason = str(remedy.get("reason", ""))
    return {
        "title": remedy["title"],
        "reason": reason[:1].upper() + reason[1:] if reason[:1].isascii() else reason,
        "side_effect": remedy.get("side_effect", ""),
        "moves": list(remedy.get("moves") or ()),
        "change": change_lines(remedy.get("change") or {}, experiment),
    }
