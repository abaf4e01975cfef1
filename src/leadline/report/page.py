"""The report of a run as one HTML file that opens offline."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from leadline.report.changes import change_lines
from leadline.report.contents import Mistake, PictureSection, Report
from leadline.report.figures import breakdown, confusion, curves, images, residuals
from leadline.report.figures.figure import Figure
from leadline.report.figures.gathered import causes_table, gathered_table, importance_table
from leadline.report.figures.ladder import ladder_figure, measured_note
from leadline.report.figures.mismatch import difference_rows, feature_bars
from leadline.report.multitask import multitask_tables
from leadline.report.quantities import ErrorScale, count, duration, fact, facts, moment
from leadline.report.rendering import templates, write_page
from leadline.report.sounding_parts import soundings_part

SHOWN_IMAGES, SHOWN_CARDS = 12, 6
"""Mistakes shown at once; the others wait behind a line to open."""


def write_report(report: Report, path: Path) -> Path:
    """Write the report to ``path`` and return it; a reader never sees half a file."""
    return write_page(render_report(report), path)


def render_report(report: Report) -> str:
    """The report as HTML."""
    return templates().get_template("report.html").render(**report_values(report))


def report_values(report: Report) -> dict[str, Any]:
    """What the templates show of a report: its figures, lists and texts by name."""
    experiment = tomllib.loads(report.experiment_toml)
    mistakes = [_drawn(mistake) for mistake in report.mistakes]
    drawn = any(mistake.image is not None for mistake in report.mistakes)
    shown = SHOWN_IMAGES if drawn else SHOWN_CARDS
    return {
        "report": report,
        "key_figures": _key_figures(report),
        "ladder": ladder_figure(report.ladder),
        "created": moment(report.created),
        "remedies": [_remedy(remedy, experiment) for remedy in report.remedies],
        "soundings": soundings_part(report.soundings),
        "curves": training_curves(report.history, report.task, report.unit, report.best_epoch),
        "residuals": _residuals(report),
        "mismatch": None if report.mismatch is None else feature_bars(report.mismatch),
        "differences": [] if report.mismatch is None else difference_rows(report.mismatch),
        "multitask": multitask_tables(report.multitask),
        "drawn_mistakes": drawn,
        "mistakes": mistakes[:shown],
        "more_mistakes": mistakes[shown:],
        "mistakes_note": _mistakes_note(report),
        "metrics": _metrics(report),
        "found_tables": [
            table for table in (gathered_table(report.gathered), causes_table(report.causes)) if table is not None
        ],
        "pictures": [pictures_part(section) for section in report.pictures],
        "provenance": [("The data", facts(report.data)), ("The environment", facts(report.environment))],
        **_confusion(report),
    }


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
    shown.append(_KeyFigure("parameters", count(report.parameters), "", "trainable"))
    epochs = len(report.history)
    trained = "1 epoch" if epochs == 1 else f"{count(epochs)} epochs"
    shown.append(_KeyFigure("training time", duration(report.seconds), "", trained))
    return shown


def training_curves(
    history: Sequence[Mapping[str, Any]], task: str, unit: str = "", best_epoch: int | None = None, beta: float = 0.0
) -> list[Figure]:
    """How a training went: cost, error and, where it changed, the learning rate; smoothed with a weight β."""
    if not history:
        return []
    drawn = [
        curves.cost_curves(history, task, best_epoch, beta),
        curves.error_curves(history, ErrorScale.of(task, unit), best_epoch, beta),
        curves.learning_rate_curve(history),
    ]
    return [figure for figure in drawn if figure is not None]


def _confusion(report: Report) -> dict[str, Any]:
    counts = report.confusion
    if counts is None:
        return {"cells": None, "confusion_map": None, "pairs": []}
    pairs = confusion.confused_pairs(counts.matrix, counts.classes) if len(counts.classes) > 2 else []
    if len(counts.classes) > confusion.MOST_CLASSES:
        return {"cells": None, "confusion_map": confusion.confusion_map(counts.matrix, counts.classes), "pairs": pairs}
    return {"cells": confusion.cells(counts.matrix), "confusion_map": None, "pairs": pairs}


def _residuals(report: Report) -> list[Figure]:
    answers = report.residuals
    if answers is None:
        return []
    target = str(report.data.get("target") or "target")
    return [
        residuals.predicted_against_true(answers.y_true, answers.y_pred, target, report.unit),
        residuals.residual_histogram(answers.y_true, answers.y_pred, report.unit),
    ]


def _metrics(report: Report) -> dict[str, Any] | None:
    """Tables and figures of the metrics; by class and by segment those of the set that stands for the task."""
    if not report.breakdowns:
        return None
    reference = report.ladder.reference.name
    measured = report.breakdowns.get(reference) or next(iter(report.breakdowns.values()))
    leading = report.task.error_metric
    figures = [breakdown.segment_figure(measured, column, leading) for column in measured.segments]
    if measured.calibration:
        before = report.reliability_before if reference == "dev" else ()
        figures.append(breakdown.calibration_figure(measured.calibration, before))
    by_class, used = breakdown.class_table(measured, report.task), importance_table(report.importance)
    return {
        "set": reference,
        "overall": breakdown.overall_table({reference: measured, **report.breakdowns}, report.task),
        "tables": [*([by_class] if by_class else []), *breakdown.segment_tables(measured), *([used] if used else [])],
        "figures": [figure for figure in figures if figure is not None],
    }


def _drawn(mistake: Mistake) -> dict[str, Any]:
    image = mistake.image
    return {
        "row": mistake.row,
        "label": mistake.label,
        "prediction": mistake.prediction,
        "probability": mistake.probability,
        "fields": {name: fact(value) for name, value in mistake.fields.items()},
        "source": None if image is None else images.png_data_uri(image),
        "pixels": image is not None and images.is_pixelated(image),
    }


def pictures_part(section: PictureSection) -> dict[str, Any]:
    """A section of pictures as the templates show it."""
    strips = [
        {
            "title": strip.title,
            "note": strip.note,
            "description": strip.description,
            "source": images.png_data_uri(strip.picture, most_side=None),
            "width": round(strip.picture.shape[1] * strip.scale),
            "height": round(strip.picture.shape[0] * strip.scale),
            "pixels": strip.scale > 1,
        }
        for strip in section.strips
    ]
    return {"slug": section.slug, "title": section.title, "note": section.note, "strips": strips}


def _mistakes_note(report: Report) -> str:
    if report.task.graded:
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
