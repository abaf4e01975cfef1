"""A run's corrections of labels, laid over its data wherever they are measured."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from leadline.data import Dataset
from leadline.data.row_hash import row_hashes
from leadline.plan import Plan
from leadline.runs.reviews import load_reviews
from leadline.runs.run import Run
from leadline.strategy import Corrections


def corrected_data(data: Dataset, corrections: Corrections) -> Dataset:
    """A copy of the data with the corrections made; the data themselves stay as they are.

    Raises:
        LeadlineError: as `leadline.strategy.Corrections.apply`.

    """
    if not corrections.changed:
        return data
    target = corrections.apply(data.target, data.classes, _contents(data, corrections))
    return replace(data, target=target)


def corrected_plan(plan: Plan, run: Run) -> Plan:
    """The plan with the labels as they are after the run's reviews, in every set alike."""
    return replace(plan, data=corrected_data(plan.data, load_reviews(run.folder)))


def _contents(data: Dataset, corrections: Corrections) -> list[str] | None:
    """Hashes of all rows only where a reviewed one is not in its place any more."""
    reviews = corrections.changed
    rows = np.array([review.row for review in reviews])
    if rows.max() < data.n and row_hashes(data, rows) == [review.content for review in reviews]:
        return None
    return row_hashes(data)
