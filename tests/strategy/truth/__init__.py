"""Constructed data sets of which the truth is known, and whether advice on them is right.

A `Family` draws cases at random: sizes, dimensions, strengths and seeds all vary, so that nothing can be tuned to one
of them. It says which next steps are right; to say that the data cannot tell is never wrong, anything else is harmful.
"""

from . import data_families, held_out_families, image_families, training_families
from .case import FAMILIES, HELD_OUT, Case, Family, Step
from .trials import Trial, case, share, table, tallies, train, try_families, try_family

__all__ = [
    "FAMILIES",
    "HELD_OUT",
    "Case",
    "Family",
    "Step",
    "Trial",
    "case",
    "data_families",
    "held_out_families",
    "image_families",
    "share",
    "table",
    "tallies",
    "train",
    "training_families",
    "try_families",
    "try_family",
]
