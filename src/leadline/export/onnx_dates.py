"""Dates in ONNX, which knows no calendar: taken apart by arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from leadline.export.onnx_graph import OnnxGraph

DAYS_BEFORE_1970 = 719_468
"""From 1 March of the year 0 to 1 January 1970."""

CYCLE = 146_097
"""Days of 400 years, after which the Gregorian calendar repeats."""


def date_parts(graph: OnnxGraph, seconds: str, names: Sequence[str]) -> list[str]:
    """Those ``names`` of year, month, day, weekday (0 Monday) and hour, float64 (m,), of seconds since 1970.

    Years are counted from the 1st of March, so that the leap day is the last of its year: then months have 30.6 days
    each, rounded. A missing date, NaN, has no parts, NaN.
    """
    time = Whole(graph, seconds)
    days = time // 86_400
    day_of_cycle = days + DAYS_BEFORE_1970 - (days + DAYS_BEFORE_1970) // CYCLE * CYCLE
    leap_days = day_of_cycle // 1460 - day_of_cycle // 36_524 + day_of_cycle // 146_096
    year_of_cycle = (day_of_cycle - leap_days) // 365
    year_start = year_of_cycle * 365 + year_of_cycle // 4 - year_of_cycle // 100
    day_of_year = day_of_cycle - year_start
    month = (day_of_year * 5 + 2) // 153  # 0 is March
    next_year = (month + 2) // 12  # January and February belong to the year after
    parts = {
        "year": (days + DAYS_BEFORE_1970) // CYCLE * 400 + year_of_cycle + next_year,
        "month": month + 3 - next_year * 12,
        "day": day_of_year - (month * 153 + 2) // 5 + 1,
        "weekday": days + 3 - (days + 3) // 7 * 7,
        "hour": (time - days * 86_400) // 3600,
    }
    return [parts[part].name for part in names]


@dataclass(frozen=True)
class Whole:
    """A value of a graph, float64 (m,), in whole numbers below 2⁵³, which divide and round down exactly."""

    graph: OnnxGraph
    name: str

    def __add__(self, other: Whole | int) -> Whole:
        return self._with("Add", other)

    def __sub__(self, other: Whole | int) -> Whole:
        return self._with("Sub", other)

    def __mul__(self, other: Whole | int) -> Whole:
        return self._with("Mul", other)

    def __floordiv__(self, other: int) -> Whole:
        return Whole(self.graph, self.graph.add("Floor", self._with("Div", other).name))

    def _with(self, operator: str, other: Whole | int) -> Whole:
        name = other.name if isinstance(other, Whole) else self.graph.constant(other, f"number_{other}", np.float64)
        return Whole(self.graph, self.graph.add(operator, self.name, name))
