"""Runs side by side: which is significantly better, and which to take under limits on latency and size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from leadline.data import Dataset
from leadline.errors import LeadlineError, UsageError, nearest
from leadline.experiment import GoalSection
from leadline.measure import Estimate, Metric, Task, chosen_metric, evaluate, latency, metric, metric_names
from leadline.measure.metrics import CONFIGURED
from leadline.measure.repeated import over_seeds
from leadline.runs.goals import common_metrics
from leadline.runs.predictions import Answers
from leadline.runs.repeated import EXAMPLES_AND_SEEDS, load_evaluation, seed_part
from leadline.runs.run import Run
from leadline.runs.store import RunStore
from leadline.session.test_set import same_plan
from leadline.strategy import Comparison, ScoredModel, Selection, compare, select
from leadline.strategy.ladder import EXAMPLES
from leadline.strategy.seed_comparison import compare_over_seeds

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
    groups: np.ndarray | None = None
    other_seeds: tuple[Answers, ...] = ()

    def by_seed(self, metric: Metric) -> list[np.ndarray]:
        """What the metric needs of each seed's training, in the order of the rows; the run's own first."""
        ordered = [each.in_order_of_rows() for each in self.other_seeds]
        return [self.needed(metric), *(_needed(self.task, metric, each.labels, each.scores) for each in ordered)]

    def needed(self, metric: Metric) -> np.ndarray:
        """Predicted labels, or scores where the metric is made of them."""
        return _needed(self.task, metric, self.labels, self.scores)

    def measured(self, metric: Metric, over: str = EXAMPLES) -> Estimate:
        """The metric on these examples, of the run or in the mean over its seeds."""
        if over == EXAMPLES_AND_SEEDS:
            return over_seeds(metric, self.truth, self.by_seed(metric), groups=self.groups)
        return evaluate(metric, self.truth, self.needed(metric), task=self.task, groups=self.groups)

    @property
    def task(self) -> Task:
        """Of the run."""
        return self.run.task


def _needed(task: Task, metric: Metric, labels: np.ndarray, scores: np.ndarray) -> np.ndarray:
    return labels if metric.needs == "labels" else task.scores(scores, metric.name)


@dataclass(frozen=True, eq=False)
class RunComparison:
    """Runs on one dev set, the best first.

    Attributes:
        metric: what they are compared by.
        scores: by run, the best first.
        comparisons: the best run with each of the others, in their order.
        changes: by run, the keys of its experiment that differ among the runs, with their values.
        over: what scores and intervals hold: ``"examples"`` for the runs as they are kept, ``"examples and seeds"`` for
            means over the seeds where every run was trained with several.

    """

    metric: str
    scores: Mapping[str, Estimate]
    comparisons: tuple[Comparison, ...]
    changes: Mapping[str, Mapping[str, Any]]
    over: str = EXAMPLES

    @property
    def over_text(self) -> str:
        """What the intervals hold, as a sentence."""
        if self.over == EXAMPLES_AND_SEEDS:
            return "Means over seeds; their intervals hold examples and seeds."
        return "Intervals hold examples only, not how another seed would have trained."

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "metric": self.metric,
            "scores": {name: score.to_json() for name, score in self.scores.items()},
            "comparisons": [comparison.to_json() for comparison in self.comparisons],
            "changes": {name: dict(values) for name, values in self.changes.items()},
            "over": self.over,
        }


def compare_runs(runs: Sequence[Run], metric_name: str | None = None, goal: GoalSection | None = None) -> RunComparison:
    """Compare runs on the same dev examples, each with the best one; costs and times of `goal` overrule the runs'.

    Raises:
        UsageError: for fewer than two runs, or a metric that does not apply.
        LeadlineError: if the runs have not measured the same dev examples.

    """
    if len({run.name for run in runs}) < 2:
        raise UsageError("compare takes two runs or more, such as: leadline compare first second.")
    answers = same_dev_set(runs)
    optimizing = metric(chosen_metric(metric_name or runs[0].optimizing, common_metrics(runs, goal)), answers[0].task)
    over = EXAMPLES_AND_SEEDS if all(a.other_seeds for a in answers) else EXAMPLES
    scores = {a.run.name: a.measured(optimizing, over) for a in answers}
    sign = -1 if optimizing.direction == "maximize" else 1
    best, *others = sorted(answers, key=lambda a: sign * scores[a.run.name].value)

    def compared(other: DevAnswers) -> Comparison:
        names, groups = (best.run.name, other.run.name), best.groups
        if over == EXAMPLES_AND_SEEDS:
            first, second = best.by_seed(optimizing), other.by_seed(optimizing)
            return compare_over_seeds(optimizing, best.truth, first, second, names, len(others), groups)
        return compare(
            optimizing, best.truth, best.needed(optimizing), other.needed(optimizing), names, len(others), groups=groups
        )

    comparisons = tuple(compared(other) for other in others)
    ranked = {a.run.name: scores[a.run.name] for a in (best, *others)}
    differences = experiment_differences([best.run, *(o.run for o in others)])
    return RunComparison(optimizing.name, ranked, comparisons, differences, over)


def choose_run(
    runs: Sequence[Run],
    metric_name: str | None = None,
    limits: Mapping[str, str] | None = None,
    data: Dataset | None = None,
    goal: GoalSection | None = None,
) -> Selection:
    """The best run by the metric among those within the limits: latency_ms, size_mb, parameters, or any metric.

    Latency is measured now, on this machine, for one example at a time. Costs and times of `goal` overrule the runs'.

    Raises:
        UsageError: for an unknown limit or metric, or no runs.
        LeadlineError: if the runs have not measured the same dev examples.

    """
    if not runs:
        raise UsageError("There are no runs to choose from.")
    answers = same_dev_set(runs)
    task, own = answers[0].task, common_metrics(runs, goal)
    optimizing = metric(chosen_metric(metric_name or runs[0].optimizing, own), task)
    limiting = [_limiting(limit, task, own) for limit in limits or {} if limit not in SATISFICING]
    candidates = [
        ScoredModel(
            a.run.name,
            a.measured(optimizing),
            satisficing(a.run, timed="latency_ms" in (limits or {}), data=data)
            | {each.name: a.measured(each).value for each in limiting},
        )
        for a in answers
    ]
    predictions = {a.run.name: a.needed(optimizing) for a in answers}
    compared = len(with_dev_set_of(runs[0]))
    return select(
        candidates, optimizing, limits, answers[0].truth, predictions, max(compared, len(runs)), answers[0].groups
    )


def _limiting(limit: str, task: str, own: Mapping[str, Metric]) -> Metric:
    """The metric that a limit is set to."""
    if limit not in own and limit not in metric_names(task) and limit not in CONFIGURED:
        raise UsageError(f"Unknown limit '{limit}'.{nearest(limit, [*SATISFICING, *metric_names(task), *CONFIGURED])}")
    return metric(chosen_metric(limit, own), task)


def satisficing(run: Run, timed: bool = True, data: Dataset | None = None) -> dict[str, float]:
    """What a run costs: megabytes of its checkpoint, parameters, and milliseconds to predict one example.

    Of a run without a network, whose predictions were imported, nothing is known.
    """
    if run.is_imported:
        return {}
    costs = {"size_mb": run.checkpoint_path.stat().st_size / 1e6}
    if run.n_parameters:
        costs["parameters"] = float(run.n_parameters)
    if timed:
        trained, plan = run.trained_network(), same_plan(run, data)
        example = next(plan.blocks("train"))[:1]
        costs["latency_ms"] = latency(lambda: trained.outputs(example)).value
    return costs


def with_dev_set_of(run: Run) -> list[Run]:
    """All finished runs beside this one that were measured on the same dev set: each was a try of one's luck."""
    store = RunStore(Path(run.folder.path).parent)
    return [other for other in map(Run, store.folders()) if _dev_set(other) == _dev_set(run) is not None]


def _dev_set(run: Run) -> tuple[Any, Any] | None:
    if not run.has_predictions("dev"):
        return None
    return run.data_hash, tuple(run.split["dev"].tolist())


def same_dev_set(runs: Sequence[Run]) -> list[DevAnswers]:
    """The runs' answers on their common dev set, in one order of rows.

    Raises:
        LeadlineError: a run has no dev predictions, or another dev set, labels or task.

    """
    answers = [_answers(run) for run in runs]
    first = answers[0]
    for other in answers[1:]:
        if other.task != first.task:
            raise LeadlineError(
                f"{other.run.name} is a {other.task} task, {first.run.name} a {first.task} task: they cannot be "
                "compared."
            )
        if other.run.data_hash != first.run.data_hash or not np.array_equal(other.rows, first.rows):
            raise LeadlineError(
                f"{other.run.name} was measured on other dev examples than {first.run.name}: which is better cannot "
                "be said.\nTrain both on the same data with the same [split] and seed."
            )
        if not np.array_equal(other.truth, first.truth, equal_nan=other.truth.dtype.kind == "f"):
            raise LeadlineError(
                f"{other.run.name} and {first.run.name} have other corrections of labels: apply the same to both."
            )
    return answers


def _answers(run: Run) -> DevAnswers:
    answers, seeds = run.answers("dev").in_order_of_rows(), load_evaluation(run.folder).seeds
    others = () if seeds is None else tuple(run.answers(seed_part(seed)) for seed in seeds.seeds[1:])
    return DevAnswers(run, answers.rows, answers.truth, answers.labels, answers.scores, answers.groups, others)


def experiment_differences(runs: Sequence[Run]) -> dict[str, dict[str, Any]]:
    """By run, the keys of its experiment that differ among the runs, with their values; None where it has none."""
    flat = {run.name: dict(_flat(run.experiment.to_dict())) for run in runs}
    keys = sorted({key for values in flat.values() for key in values})
    differing = [key for key in keys if len({repr(values.get(key)) for values in flat.values()}) > 1]
    return {name: {key: values.get(key) for key in differing} for name, values in flat.items()}


def _flat(table: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    items: list[tuple[str, Any]] = []
    for key, value in table.items():
        items += _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else [(f"{prefix}{key}", value)]
    return items
