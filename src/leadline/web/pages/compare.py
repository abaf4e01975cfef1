"""Runs side by side: which is significantly better, where their errors come from, how their configurations differ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from leadline.errors import LeadlineError, UsageError
from leadline.report.figures.ladder import ladder_figures
from leadline.report.figures.overlay import cost_overlay, error_overlay
from leadline.report.quantities import ErrorScale, prose
from leadline.runs.run import Run
from leadline.session.comparing import compare_runs, experiment_differences
from leadline.toml_text import toml_value
from leadline.web.site import CurrentSite

router = APIRouter()
MOST = 12
"""Runs side by side; more are no comparison any more."""


@router.get("/compare")
def compare(
    request: Request, site: CurrentSite, run: Annotated[list[str] | None, Query()] = None, metric: str = ""
) -> Response:
    """Two runs or more, the best first where that can be said."""
    names = list(dict.fromkeys(run or ()))
    if not 2 <= len(names) <= MOST:
        raise UsageError(f"Select two to {MOST} runs in the table of runs to compare them.")
    runs = [site.run(name) for name in names]
    test = _test(runs, metric or None)
    ranked = sorted(runs, key=lambda each: test["order"].index(each.name)) if test["order"] else runs
    return site.render(
        request,
        "compare.html",
        runs=ranked,
        test=test,
        ladders=_ladders(ranked),
        differences=_differences(ranked),
        figures=_figures(ranked),
        values={each.name: _shown(each) for each in ranked},
    )


def _test(runs: Sequence[Run], metric: str | None) -> dict[str, Any]:
    """Scores and what the paired test says, or why there is none."""
    try:
        compared = compare_runs(runs, metric)
    except LeadlineError as error:
        return {"reason": str(error), "order": [], "scores": {}, "lines": [], "metric": "", "over": ""}
    lines = [(comparison.significant, prose(str(comparison))) for comparison in compared.comparisons]
    return {
        "reason": "",
        "order": list(compared.scores),
        "scores": dict(compared.scores),
        "lines": lines,
        "metric": compared.metric.replace("_", " "),
        "over": compared.over_text,
    }


def _ladders(runs: Sequence[Run]) -> list[tuple[str, Any]]:
    measured = [run for run in runs if run.has_diagnosis]
    figures = ladder_figures([run.diagnosis.ladder for run in measured])
    return [(run.name, figure) for run, figure in zip(measured, figures, strict=True)]


def _differences(runs: Sequence[Run]) -> list[tuple[str, list[str]]]:
    """Keys that differ, with the value of each run as an experiment file has it."""
    differences = experiment_differences(runs)
    keys = list(next(iter(differences.values())))
    return [(key, [_value(differences[run.name][key]) for run in runs]) for key in keys]


def _value(value: Any) -> str:
    if isinstance(value, list | tuple) and any(isinstance(item, dict) for item in value):
        return "\n".join(map(toml_value, value))
    return "–" if value is None else toml_value(value)


def _figures(runs: Sequence[Run]) -> list[Any]:
    """Training curves, of runs of one kind of task; a cost or an RMSE of another task has another unit."""
    task = runs[0].task
    histories = {run.name: run.history for run in runs}
    if len({run.task.graded for run in runs}) > 1 or not any(histories.values()):
        return []
    return [error_overlay(histories, ErrorScale.of(task)), cost_overlay(histories, task)]


def _shown(run: Run) -> dict[str, Any]:
    return {"status": run.status, "conclusion": run.summary.conclusion or "not measured"}
