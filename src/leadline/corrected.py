"""A run's corrections of labels, laid over its data wherever they are measured."""

from __future__ import annotations

from dataclasses import replace

from leadline.data import Dataset
from leadline.data.row_hashes import row_hashes
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
    target = corrections.apply(data.target, data.classes, row_contents(data))
    return replace(data, target=target)


def corrected_plan(plan: Plan, run: Run) -> Plan:
    """The plan with the labels as they are after the run's reviews, in every set alike."""
    return replace(plan, data=corrected_data(plan.data, load_reviews(run.folder)))


def row_contents(data: Dataset) -> list[str]:
    """A hash of every example's inputs, 16 hexadecimal digits; it finds an example again after rows have moved."""
    return [f"{value:016x}" for value in row_hashes(data.inputs).tolist()]
