"""Corrections of labels, laid over the data; the data themselves stay as they are."""

from __future__ import annotations

from dataclasses import replace

from leadline.data import Dataset
from leadline.data.splitting.row_hashes import row_hashes
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


def row_contents(data: Dataset) -> list[str]:
    """A hash of every example's inputs, 16 hexadecimal digits; it finds an example again after rows have moved."""
    return [f"{value:016x}" for value in row_hashes(data.inputs).tolist()]
