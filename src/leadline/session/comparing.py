"""Runs side by side: which is better beyond luck, and which to take under limits on latency and size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from leadline.data import Dataset
from leadline.errors import LeadlineError, UsageError, nearest
from leadline.measure import Measured, evaluate, latency, metric, scores_for
from leadline.runs.predictions import read_answers
from leadline.runs.run import Run
from leadline.runs.store import RunStore
from leadline.session.test_set import same_plan
from leadline.strategy import Candidate, Comparison, Selection, compare, select

SATISFICING = ("latency_ms", "size_mb", "parameters")


@dataclass(frozen=True, eq=False)
class DevAnswers:
    """What a run answered on its dev set, in the order of the rows.

    ``truth`` are class indices, labels or values; ``answer`` is what a metric needs of the run by `needs`.
    """

    run: Run
    rows: np.ndarray
    truth: np.ndarray
    labels: np.ndarray
    scores: np.ndarray

    def needed(self, metric_name: str) -> np.ndarray:
        """Predicted labels, or scores where the metric is made of them."""
        task = self.run.summary["task"]
        if metric(metric_name, task).needs == "labels":
            return self.labels
        return scores_for(task, metric_name, self.scores)


@dataclass(frozen=True, eq=False)
class RunComparison:
    """Runs on one dev set, the best first.

    Attributes:
        metric: what they are compared by.
        scores: by run, the best first.
        comparisons: the best run with each of the others, in their order.
        changes: by run, the keys of its experiment that differ among the runs, with their values.

    """

    metric: str
    scores: Mapping[str, Measured]
    comparisons: tuple[Comparison, ...]
    changes: Mapping[str, Mapping[str, Any]]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "metric": self.metric,
            "scores": {name: score.to_json() for name, score in self.scores.items()},
            "comparisons": [comparison.to_json() for comparison in self.comparisons],
            "changes": {name: dict(values) for name, values in self.changes.items()},
        }


def compare_runs(runs: Sequence[Run], metric_name: str | None = None) -> RunComparison:
    """Compare runs on the same dev examples, each with the best one.

    Raises:
        UsageError: for fewer than two runs, or a metric that does not apply.
        LeadlineError: if the runs have not measured the same dev examples.

    """
    if len({run.name for run in runs}) < 2:
        raise UsageError("compare takes two runs or more, such as: leadline compare first second.")
    name = metric_name or default_metric(runs[0])
    answers = same_dev_set(runs)
    scores = {a.run.name: evaluate(name, a.truth, a.needed(name), task=a.run.summary["task"]) for a in answers}
    sign = -1 if metric(name).direction == "maximize" else 1
    best, *others = sorted(answers, key=lambda a: sign * scores[a.run.name].value)
    comparisons = tuple(
        compare(name, best.truth, best.needed(name), o.needed(name), (best.run.name, o.run.name), len(others))
        for o in others
    )
    ranked = {a.run.name: scores[a.run.name] for a in (best, *others)}
    return RunComparison(name, ranked, comparisons, experiment_differences([best.run, *(o.run for o in others)]))


def choose_run(
    runs: Sequence[Run],
    metric_name: str | None = None,
    limits: Mapping[str, str] | None = None,
    data: Dataset | None = None,
) -> Selection:
    """The best run by the metric among those within the limits (``latency_ms``, ``size_mb``, ``parameters``).

    Latency is measured now, on this machine, for one example at a time.

    Raises:
        UsageError: for an unknown limit or metric, or no runs.
        LeadlineError: if the runs have not measured the same dev examples.

    """
    if not runs:
        raise UsageError("There are no runs to choose from.")
    for limit in limits or {}:
        if limit not in SATISFICING:
            raise UsageError(f"Unknown limit '{limit}'.{nearest(limit, SATISFICING)}")
    name = metric_name or default_metric(runs[0])
    answers = same_dev_set(runs)
    candidates = [
        Candidate(
            a.run.name,
            evaluate(name, a.truth, a.needed(name), task=a.run.summary["task"]),
            satisficing(a.run, timed="latency_ms" in (limits or {}), data=data),
        )
        for a in answers
    ]
    predictions = {a.run.name: a.needed(name) for a in answers}
    compared = len(with_dev_set_of(runs[0]))
    return select(candidates, name, limits, answers[0].truth, predictions, max(compared, len(runs)))


def satisficing(run: Run, timed: bool = True, data: Dataset | None = None) -> dict[str, float]:
    """What a run costs: megabytes of its checkpoint, parameters, and milliseconds to predict one example."""
    found = {"size_mb": (run.folder / "checkpoint.safetensors").stat().st_size / 1e6}
    if run.summary.get("parameters"):
        found["parameters"] = float(run.summary["parameters"])
    if timed:
        trained, plan = run.trained_network(), same_plan(run, data)
        example = next(plan.blocks("train"))[:1]
        found["latency_ms"] = latency(lambda: trained.outputs(example)).value
    return found


def default_metric(run: Run) -> str:
    """What the run optimized, else the usual metric of its task."""
    wanted = run.experiment.goal.optimizing
    return wanted or ("rmse" if run.summary["task"] == "regression" else "accuracy")


def with_dev_set_of(run: Run) -> list[Run]:
    """All finished runs beside this one that were measured on the same dev set: each was a try of one's luck."""
    store = RunStore(Path(run.folder.path).parent)
    return [other for other in map(Run, store.folders()) if _dev_set(other) == _dev_set(run) is not None]


def _dev_set(run: Run) -> tuple[Any, Any] | None:
    if not (run.folder / "predictions" / "dev.parquet").exists():
        return None
    return run.data["fingerprint"]["sha256"], tuple(run.split["dev"].tolist())


def same_dev_set(runs: Sequence[Run]) -> list[DevAnswers]:
    """The runs' answers on their common dev set, in one order of rows.

    Raises:
        LeadlineError: a run has no dev predictions, or another dev set, labels or task.

    """
    answers = [_answers(run) for run in runs]
    first = answers[0]
    for other in answers[1:]:
        if other.run.summary["task"] != first.run.summary["task"]:
            raise LeadlineError(
                f"{other.run.name} is a {other.run.summary['task']} task, {first.run.name} a "
                f"{first.run.summary['task']} task: they cannot be compared."
            )
        if other.run.data["fingerprint"]["sha256"] != first.run.data["fingerprint"]["sha256"] or not np.array_equal(
            other.rows, first.rows
        ):
            raise LeadlineError(
                f"{other.run.name} was measured on other dev examples than {first.run.name}: which is better cannot "
                "be told.\nTrain both on the same data with the same [split] and seed."
            )
        if not np.array_equal(other.truth, first.truth, equal_nan=other.truth.dtype.kind == "f"):
            raise LeadlineError(
                f"{other.run.name} and {first.run.name} have other corrections of labels: apply the same to both."
            )
    return answers


def _answers(run: Run) -> DevAnswers:
    path = run.folder / "predictions" / "dev.parquet"
    found = read_answers(path, run.summary["task"], list(run.data.get("classes") or ()))
    order = np.argsort(found.rows, kind="stable")
    return DevAnswers(run, found.rows[order], found.truth[order], found.labels[order], found.scores[order])


def experiment_differences(runs: Sequence[Run]) -> dict[str, dict[str, Any]]:
    """By run, the keys of its experiment that differ among the runs, with their values; None where it has none."""
    flat = {run.name: dict(_flat(run.experiment.to_dict())) for run in runs}
    keys = sorted({key for values in flat.values() for key in values})
    differing = [key for key in keys if len({repr(values.get(key)) for values in flat.values()}) > 1]
    return {name: {key: values.get(key) for key in differing} for name, values in flat.items()}


def _flat(table: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for key, value in table.items():
        found += _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else [(f"{prefix}{key}", value)]
    return found
