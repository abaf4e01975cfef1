"""Where mistakes gather and what they come from, as tables: slices or clusters, and causes with ceilings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from leadline.measure import Estimate
from leadline.report.figures.breakdown import MetricCell, MetricTable
from leadline.report.quantities import count, share
from leadline.strategy import ErrorAnalysis
from leadline.strategy.importance import Importance

MOST_COLUMNS = 30


def gathered_table(parts: Sequence[Mapping[str, Any]]) -> MetricTable | None:
    """Slices or clusters as `leadline.strategy.Slice.to_json` gives them; None where there are none."""
    if not parts:
        return None
    rows = []
    for part in parts:
        error, rest = Estimate.from_json(part["error"]), Estimate.from_json(part["rest"])
        cells = [
            MetricCell(error.plain(), error.range(), count(error.n or 0)),
            MetricCell(rest.plain()),
            MetricCell(share(part["share"])),
            MetricCell(f"{part['p']:.3f}"),
        ]
        rows.append((part.get("description") or f"{part['n']} examples alike", cells))
    metric = str(parts[0].get("metric") or "error")
    return MetricTable("Error slices", "part of the dev set", (metric, "elsewhere", "of all", "p"), rows)


def causes_table(analysis: ErrorAnalysis | None) -> MetricTable | None:
    """Causes with their share, the error that is left at best, and the gain; None where nobody has looked."""
    if analysis is None:
        return None
    rest = [analysis.rest] if analysis.rest is not None else []
    rows = [
        (cause.name, [_cell(cause.share), _cell(cause.ceiling), _cell(cause.gain)])
        for cause in (*analysis.causes, analysis.unexplained, *rest)
    ]
    title = f"Causes of {analysis.examined} mistakes that were looked through"
    return MetricTable(title, "cause", (f"share of {analysis.of}", "error at best", "gain at most"), rows)


def importance_table(importance: Importance | None) -> MetricTable | None:
    """Columns with what the network loses when each is shuffled; None where that was not measured."""
    if importance is None:
        return None
    shown = importance.columns[:MOST_COLUMNS]
    rows = [(each.column, [_cell(each.increase), MetricCell(share(each.share))]) for each in shown]
    title = "What the network uses: dev examples with one column shuffled"
    left_out = max(len(importance.columns) - MOST_COLUMNS, 0)
    return MetricTable(title, "column", (importance.title, "of what is known"), rows, left_out)


def _cell(measured: Estimate) -> MetricCell:
    return MetricCell(measured.plain(), measured.range())
