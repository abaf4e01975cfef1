"""Which remedies lead: the best, and those that may be better still with more seeds.

A race (Maron and Moore, 1994): what is behind beyond luck gets no more trainings, what is not gets as many again.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

from leadline.soundings.effects import seed_sd
from leadline.soundings.measurement import RemedyMeasurement

MOST_SEEDS = 20
"""From so many seeds on the difference matters less than its measurement costs."""
APART = NormalDist().inv_cdf(0.95)


def leaders(lines: Sequence[RemedyMeasurement], usual_sd: float) -> list[RemedyMeasurement]:
    """The line with the least mean error, and those that are not behind it beyond luck; the best first.

    Only the luck of the seeds counts, since all answer for the same dev examples. ``usual_sd`` is the spread of one
    training to the next, to which the few of each line are drawn. Lines without networks of their own do not race.
    """
    racing = sorted((line for line in lines if line.dev is not None and line.group), key=lambda line: line.error)
    if not racing:
        return []
    first = racing[0]
    return [line for line in racing if line.error - first.error <= APART * _luck(first, line, usual_sd)]


def promises(line: RemedyMeasurement) -> bool:
    """Whether the error falls at all, as far as it is measured."""
    return line.dev is not None and line.dev.value < 0


def _luck(first: RemedyMeasurement, second: RemedyMeasurement, usual_sd: float) -> float:
    """Standard error of the difference of two lines' mean errors."""
    if first is second:
        return 0.0
    variances = [seed_sd(np.array(line.errors), usual_sd) ** 2 / len(line.errors) for line in (first, second)]
    return float(np.sqrt(sum(variances)))
