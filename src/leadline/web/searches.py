"""Searches as their pages show them: how far they are, their results, their trials as figures and as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import HTTPException

from leadline.report.figures.figure import Figure
from leadline.report.figures.search import name_of, parallel_coordinates, search_progress, slices
from leadline.report.quantities import ErrorScale, count, digits, duration
from leadline.runs.life import silence
from leadline.runs.store import RunStore
from leadline.search import records
from leadline.search.tiers import tier_of
from leadline.web.memory import RecentValues, signature

PAGE = 100
"""Trials in one page of the table."""
COLUMNS = ("number", "state", "error", "epochs", "seconds")


@dataclass(frozen=True)
class SearchRow:
    """A search in the list."""

    name: str
    status: str
    data: str
    sampler: str
    trials: int
    planned: int | None
    best: str
    seconds: str
    started: str
    silent: str


@dataclass(frozen=True)
class TrialTable:
    """A page of trials: their rows, the hyper-parameters' names, and how many trials there are in all."""

    names: list[str]
    rows: list[dict[str, Any]]
    total: int
    start: int
    sort: str
    descending: bool


class Searches:
    """The searches beside the runs, read again when their files have changed."""

    def __init__(self, store: RunStore) -> None:
        self.store = store
        self._read: RecentValues[Any] = RecentValues(32)

    def names(self) -> list[str]:
        """All searches, latest first."""
        return records.names(self.store.root)[::-1]

    def find(self, name: str) -> Any:
        """The search of exactly this name, a `SearchRecord`. HTTPException: there is none."""
        if name not in self.names():
            raise HTTPException(404, f"There is no search {name!r}.")
        return self._read.get((name, *self.files(name)), lambda: records.load(name, self.store.root))

    def files(self, name: str) -> tuple[Any, ...]:
        """What changes whenever the search does; the name is one of `names`."""
        folder = records.SearchFolder(self.store.root, name)
        return signature(folder / "search.json"), signature(folder / "trials.jsonl")

    def lines(self) -> list[SearchRow]:
        """The list of searches, latest first."""
        return [_line(self.find(name)) for name in self.names()]


def _line(record: Any) -> SearchRow:
    summary = record.summary
    scale, best = scale_of(summary), best_trial(record)
    settings = summary.get("settings") or {}
    quiet = silence(record.folder) if summary.get("status") == "running" else None
    return SearchRow(
        record.name,
        str(summary.get("status", "")),
        str(summary.get("source") or ""),
        str(settings.get("sampler", "")),
        sum(trial.done for trial in record.trials),
        settings.get("trials"),
        "–" if best is None else error_text(best.dev_error, scale),
        duration(summary.get("seconds") or 0.0),
        str(summary.get("started") or ""),
        duration(quiet) if quiet else "",
    )


def scale_of(summary: Mapping[str, Any]) -> ErrorScale:
    """How errors of the search are written."""
    return ErrorScale.of(summary.get("task") or "", metric=summary.get("metric"))


def error_text(error: float, scale: ErrorScale) -> str:
    """An error in percent, or in the target's unit."""
    return f"{digits(scale.factor * error)}{' ' + scale.unit if scale.unit else ''}"


def best_trial(record: Any) -> Any:
    """The best complete trial so far, or the one that won at the end; None before any is complete."""
    if record.best is not None:
        return next((trial for trial in record.trials if trial.number == record.best["number"]), None)
    complete = [trial for trial in record.trials if trial.state == "complete" and trial.dev_error is not None]
    return min(complete, key=lambda trial: trial.dev_error, default=None)


def key_figures(record: Any) -> list[dict[str, str]]:
    """The numbers at the head of the page."""
    summary, best = record.summary, best_trial(record)
    scale = scale_of(summary)
    done = [trial for trial in record.trials if trial.done]
    states = [(name, sum(t.state == name for t in done)) for name in ("complete", "pruned", "diverged")]
    planned = (summary.get("settings") or {}).get("trials")
    shown: list[dict[str, str]] = [
        {
            "name": "trials",
            "value": count(len(done)) + (f" of {count(planned)}" if planned and summary["status"] == "running" else ""),
            "note": ", ".join(f"{n} {name}" for name, n in states if n) or "none has ended yet",
        }
    ]
    if best is not None:
        value = digits(scale.factor * best.dev_error)
        shown.append({"name": "least dev error", "value": value, "note": f"trial {best.number + 1}"})
        shown[-1]["unit"] = scale.unit
    if record.best is not None:
        final, low, high = record.best, record.best["low"], record.best["high"]
        seeds = f"{len(final['errors'])} other seeds" if final["errors"] else "one seed"
        note = f"{digits(scale.factor * low)} to {digits(scale.factor * high)}, {seeds}" if low is not None else seeds
        value = digits(scale.factor * final["mean"])
        shown.append({"name": "dev error of the best", "value": value, "unit": scale.unit, "note": note})
    seconds = summary.get("seconds") or sum(trial.seconds for trial in done)
    shown.append({"name": "time", "value": duration(seconds), "note": "of all trials so far"})
    return [{"unit": ""} | figure for figure in shown]


def figures(record: Any) -> tuple[list[Figure], list[Figure]]:
    """All trials at once and in their order; and along each hyper-parameter. None before two trials have ended."""
    space, scale, best = record.summary["space"], scale_of(record.summary), best_trial(record)
    trials = [trial.to_json() for trial in record.trials]
    if sum(trial.dev_error is not None for trial in record.trials) < 2:
        return [], []
    number = None if best is None else best.number
    whole = [parallel_coordinates(space, trials, scale, number)]
    if best is not None:
        whole.append(search_progress(trials, scale))
    return whole, slices(space, trials, scale, number, {key: tier_of(key) for key in space})


def importance(record: Any) -> list[dict[str, Any]]:
    """How much of the differences between trials each hyper-parameter explains, the most important first."""
    known = record.summary.get("importance") or []
    best = (record.best or {}).get("values", {})
    rows = [
        {
            "name": name_of(line["key"]),
            "share": 100 * line["importance"],
            "tier": line["tier"],
            "best": shown(best.get(line["key"])),
        }
        for line in known
    ]
    return sorted(rows, key=lambda row: -row["share"])


def table(record: Any, sort: str, descending: bool, start: int) -> TrialTable:
    """Trials in an order: by a column of `COLUMNS` or by the key of a hyper-parameter; those without a value last."""
    keys = list(record.summary["space"])
    scale = scale_of(record.summary)
    ordered = _sorted(record.trials, sort, descending)
    start = max(0, min(start, (len(ordered) - 1) // PAGE * PAGE)) if ordered else 0
    best = best_trial(record)
    rows = [
        {
            "number": trial.number + 1,
            "state": trial.state,
            "best": best is not None and trial.number == best.number,
            "error": "–" if trial.dev_error is None else error_text(trial.dev_error, scale),
            "epochs": trial.epochs,
            "kept": trial.kept_epoch,
            "seconds": duration(trial.seconds),
            "values": [shown(trial.values.get(key)) for key in keys],
        }
        for trial in ordered[start : start + PAGE]
    ]
    return TrialTable([name_of(key) for key in keys], rows, len(ordered), start, sort, descending)


def _sorted(trials: Sequence[Any], sort: str, descending: bool) -> list[Any]:
    fields = {"number": "number", "state": "state", "error": "dev_error", "epochs": "epochs", "seconds": "seconds"}

    def value(trial: Any) -> Any:
        return getattr(trial, fields[sort]) if sort in fields else trial.values.get(sort)

    there = [trial for trial in trials if value(trial) is not None]
    numbers = all(isinstance(value(trial), int | float) for trial in there)
    there.sort(key=(lambda trial: value(trial)) if numbers else (lambda trial: str(value(trial))), reverse=descending)
    return there + [trial for trial in trials if value(trial) is None]


def shown(value: Any) -> str:
    """A hyper-parameter's value as people write it."""
    return "–" if value is None else f"{value:.3g}" if isinstance(value, float) else str(value)
