"""A run's metrics by segments that its experiment does not name: columns of its data, read again."""

from __future__ import annotations

from collections.abc import Sequence

from leadline.data import Dataset
from leadline.measure import Breakdown
from leadline.runs.metrics import measure_set, open_answers
from leadline.runs.run import Run
from leadline.session.test_set import same_plan


def measure_segments(run: Run, columns: Sequence[str], data: Dataset | None = None) -> dict[str, Breakdown]:
    """Metrics of every set with predictions, by the segments of these columns instead of those of the experiment.

    Raises:
        LeadlineError: the data have changed.
        UsageError: for a segment that is no column.

    """
    measured, read = {}, None
    for name, answers in open_answers(run):
        segments = {}
        for column in columns:
            if column not in answers.segments:
                if read is None:
                    read = same_plan(run, data).data
                segments[column] = read.column(column, answers.rows)
            else:
                segments[column] = answers.segments[column]
        measured[name] = measure_set(run, name, answers, segments)
    return measured
