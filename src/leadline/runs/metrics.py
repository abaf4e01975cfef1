"""A run's metrics by class and by segment, from its predictions: ``metrics.json`` in its folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from leadline.errors import LeadlineError
from leadline.measure import Breakdown, break_down
from leadline.runs.goals import metrics_of_run
from leadline.runs.predictions import Answers
from leadline.runs.run import Run

METRICS_FILE = "metrics.json"


def measure_run(run: Run) -> dict[str, Breakdown]:
    """Metrics of every set with predictions; of the training set without those made of scores, which say little there.

    Names of sets are as in the ladder: train, train-dev, dev, test.
    """
    return {name: measure_set(run, name, answers, answers.segments) for name, answers in open_answers(run)}


def open_answers(run: Run) -> Iterator[tuple[str, Answers]]:
    """The answers of each set that was predicted, by its name in the ladder."""
    for part in run.predicted_sets:
        yield part.replace("_", "-"), run.answers(part)


def measure_set(run: Run, name: str, answers: Answers, segments: Mapping[str, np.ndarray]) -> Breakdown:
    """Metrics of one set's answers over all examples, by class and by these segments (m,)."""
    names = run.classes
    if not run.task.named_outputs and answers.truth.shape[1] > 1:
        names = tuple(part.strip() for part in run.target.split(","))
        names = names if len(names) == answers.truth.shape[1] else ()
    optimizing, own = run.experiment.goal.optimizing, metrics_of_run(run)
    a, ranked = answers, name != "train"
    return break_down(run.task, a.truth, a.labels, a.scores, names, segments, optimizing, ranked, own, a.groups)


def write_metrics(run: Run) -> dict[str, Breakdown]:
    """Measure the run's sets and keep the result in its folder."""
    breakdowns = measure_run(run)
    sets = {name: breakdown.to_json() for name, breakdown in breakdowns.items()}
    run.folder.write_json(METRICS_FILE, {"optimizing": run.experiment.goal.optimizing, "sets": sets})
    return breakdowns


def read_metrics(run: Run) -> dict[str, Breakdown]:
    """The metrics in a run's folder; measured now where the run is older than they are.

    Raises:
        LeadlineError: the file is damaged.

    """
    if not (run.folder / METRICS_FILE).exists():
        return measure_run(run)
    try:
        sets = run.folder.read_json(METRICS_FILE)["sets"]
        return {name: Breakdown.from_json(breakdown) for name, breakdown in sets.items()}
    except (KeyError, TypeError, AttributeError) as error:
        raise LeadlineError(f"{run.folder / METRICS_FILE} is damaged ({error!r}); delete it to measure anew.") from None
