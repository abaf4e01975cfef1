"""What preparation needs to know of a column, computed piece by piece, so that no column need be in memory.

Two pieces merge into one by Chan, Golub and LeVeque's formula for means and variances (1983).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from leadline.data.dataset import Column
from leadline.data.encoders import DateEncoder, Encoder, NumberEncoder, category_encoder, date_parts
from leadline.data.normalization import location

MOST_LEVELS = 1_000_000
"""Different texts of a column that are counted; of more, the rarer half is forgotten now and then."""


@dataclass(frozen=True)
class NumberStatistics:
    """n known values: mean, standard deviation (divisor n), least and largest value, and how many are missing."""

    n: int = 0
    mean: float = 0.0
    deviation: float = 0.0
    low: float = np.inf
    high: float = -np.inf
    missing: int = 0

    @classmethod
    def of(cls, values: np.ndarray) -> NumberStatistics:
        """Of the values float64 (m,), NaN missing."""
        lacking = np.isnan(values)
        missing = int(lacking.sum())
        known = values[~lacking] if missing else values
        if len(known) == 0:
            return cls(missing=missing)
        center, scale = location(known[:, None], "standardize")
        return cls(len(known), float(center[0]), float(scale[0]), float(known.min()), float(known.max()), missing)

    def __add__(self, other: NumberStatistics) -> NumberStatistics:
        """Of the values of both; extreme values do not overflow, since roots are taken before sums."""
        missing = self.missing + other.missing
        if not self.n or not other.n:
            known = self if self.n else other
            return NumberStatistics(known.n, known.mean, known.deviation, known.low, known.high, missing)
        n = self.n + other.n
        own, its = self.n / n, other.n / n
        apart = np.sqrt(own * its) * other.mean - np.sqrt(own * its) * self.mean
        within = np.hypot(np.sqrt(own) * self.deviation, np.sqrt(its) * other.deviation)
        return NumberStatistics(
            n,
            own * self.mean + its * other.mean,
            float(np.hypot(within, apart)),
            min(self.low, other.low),
            max(self.high, other.high),
            missing,
        )

    def encoder(self, name: str, kind: str, normalization: str) -> NumberEncoder:
        """As `leadline.data.encoders.fit_number` makes it of the values themselves."""
        if self.n == 0 or normalization == "none":
            center, scale = 0.0, float(normalization == "none")
        elif self.low == self.high:
            center, scale = self.low, 0.0
        elif normalization == "unit":
            center, scale = self.low, min(self.high - self.low, np.finfo(np.float64).max)
        else:
            center, scale = self.mean, self.deviation
        return NumberEncoder(name, center, scale, self.mean, self.missing > 0, kind)


@dataclass(frozen=True)
class CategoryStatistics:
    """How often each level occurs, and how many are missing."""

    counts: Counter[str] = field(default_factory=Counter)
    missing: int = 0

    @classmethod
    def of(cls, column: Column) -> CategoryStatistics:
        """Of codes (m,) into levels, −1 missing."""
        counts = np.bincount(column.values + 1, minlength=len(column.levels) + 1)
        named = zip(column.levels, counts[1:].tolist(), strict=True)
        return cls(Counter({level: count for level, count in named if count}), int(counts[0]))

    def __add__(self, other: CategoryStatistics) -> CategoryStatistics:
        counts = Counter(self.counts)
        counts.update(other.counts)
        if len(counts) > MOST_LEVELS:
            counts = Counter(dict(counts.most_common(MOST_LEVELS // 2)))
        return CategoryStatistics(counts, self.missing + other.missing)


@dataclass(frozen=True)
class DateStatistics:
    """Numbers of each part of the dates."""

    parts: Mapping[str, NumberStatistics]

    @classmethod
    def of(cls, values: np.ndarray) -> DateStatistics:
        """Of datetime64[s] (m,), NaT missing."""
        return cls({part: NumberStatistics.of(numbers) for part, numbers in date_parts(values).items()})

    def __add__(self, other: DateStatistics) -> DateStatistics:
        return DateStatistics({part: statistics + other.parts[part] for part, statistics in self.parts.items()})

    def encoder(self, name: str, normalization: str) -> DateEncoder:
        """As `leadline.data.encoders.fit_date` makes it of the dates themselves."""
        varying = [part for part, statistics in self.parts.items() if statistics.low < statistics.high]
        numbers = []
        for k, part in enumerate(varying):
            encoder = self.parts[part].encoder(f"{name} {part}", "number", normalization)
            numbers.append(replace(encoder, indicator=encoder.indicator and k == 0))  # one for all parts
        return DateEncoder(name, tuple(varying), tuple(numbers))


ColumnStatistics = NumberStatistics | CategoryStatistics | DateStatistics


def statistics_of(column: Column) -> ColumnStatistics:
    """Of one piece of a column, by its kind."""
    if column.kind == "category":
        return CategoryStatistics.of(column)
    return DateStatistics.of(column.values) if column.kind == "date" else NumberStatistics.of(column.values)


def encoder_of(name: str, kind: str, statistics: ColumnStatistics, normalization: str) -> Encoder:
    """The encoder that the whole column asks for; quantiles are not computed piece by piece (see `streaming`)."""
    normalization = "standardize" if normalization == "quantile" else normalization
    if isinstance(statistics, CategoryStatistics):
        return category_encoder(name, statistics.counts, statistics.missing > 0)
    if isinstance(statistics, DateStatistics):
        return statistics.encoder(name, normalization)
    return statistics.encoder(name, kind, normalization)
