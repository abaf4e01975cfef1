"""The catalogue of remedies: what can be done about a gap, each with the evidence that speaks for it and its options.

A diagnosis takes from it what the evidence of a run speaks for (`remedies`), soundings measure the options that an
experiment has room for (`candidates`), both under the same names. The modules that define what comes with Leadline are
imported when a remedy is first asked for (`leadline.extensions`): they edit networks, and commands that show what was
measured do without torch. Source: course 3, orthogonalization, and the basic
recipe of course 2.
"""

from leadline.strategy.remedies.remedy import (
    Advice,
    Option,
    Remedy,
    RemedyOptions,
    candidates,
    catalogue,
    remedies,
    remedies_for,
)

__all__ = [
    "Advice",
    "Option",
    "Remedy",
    "RemedyOptions",
    "candidates",
    "catalogue",
    "remedies",
    "remedies_for",
]
