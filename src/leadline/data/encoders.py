"""Encoders: each turns one column into one or more numbers per example, as fitted on training rows.

An encoder is a value. `encode` writes into the given float array (m, width) in place, with no loop over rows.
Source: course 2, normalizing inputs; missing values by indicator and mean, categories by one-hot columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Any, ClassVar

import numpy as np

from leadline.data.dataset import Column, level_order
from leadline.data.normalization import location, mean_of, scaled
from leadline.data.text.encoders import TEXT_ENCODERS, TextEncoder, fit_text, text_encoder

CATEGORY_CAP = 32
"""Levels of a category that get a column of their own; rarer ones share a bucket."""

QUANTILES = 256
"""Knots of a quantile transform, evenly spaced in rank."""

SMALLEST_SHARE = 1e-3
"""The share of values taken to lie beyond the ends of a quantile transform: scores stay within ±3.1."""

NORMAL = NormalDist()

DATE_PARTS = ("year", "month", "day", "weekday", "hour")


@dataclass(frozen=True)
class NumberEncoder:
    """(x − center) / scale; a missing value becomes ``fill``, flagged in a second column if ``indicator``.

    A scale of 0 marks a value that was constant in training: it becomes 0 everywhere.
    """

    type: ClassVar[str] = "number"
    name: str
    center: float
    scale: float
    fill: float
    indicator: bool
    kind: str = "number"

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the columns that are written."""
        return (self.name, f"{self.name} missing") if self.indicator else (self.name,)

    def encode(self, column: Column, out: np.ndarray) -> None:
        """Write the normalized values of ``column``, (m,), into ``out``, (m, 1 or 2)."""
        if self.scale != 0 and not self.indicator:
            ordinary = column.values - self.center
            ordinary /= self.scale
            if np.isfinite(ordinary.sum()):  # nothing is missing and nothing overflows, as nearly always
                out[:, 0] = ordinary
                return
        missing = np.isnan(column.values)
        if self.scale == 0:
            out[:, 0] = 0
        else:
            values = column.values
            if missing.any():
                values = values.copy()
                values[missing] = self.fill
            out[:, 0] = scaled(values, self.center, self.scale)
        if self.indicator:
            out[:, 1] = missing


@dataclass(frozen=True)
class QuantileEncoder:
    """Numbers as a normal distribution: Φ⁻¹ of the share of training values below, by interpolated quantiles.

    ``knots`` are ascending values of the column, ``scores`` what they become; beyond the ends they stay at them.
    """

    type: ClassVar[str] = "quantile"
    name: str
    knots: tuple[float, ...]
    scores: tuple[float, ...]
    indicator: bool
    kind: str = "number"

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the columns that are written."""
        return (self.name, f"{self.name} missing") if self.indicator else (self.name,)

    def encode(self, column: Column, out: np.ndarray) -> None:
        """Write the scores of the values of ``column``, (m,), into ``out``, (m, 1 or 2); a missing one becomes 0."""
        missing = np.isnan(column.values)
        out[:, 0] = np.where(missing, 0.0, np.interp(column.values, self.knots, self.scores))
        if self.indicator:
            out[:, 1] = missing


@dataclass(frozen=True)
class CategoryEncoder:
    """One column for each level, then a bucket for rare levels and a column for missing values.

    The last two exist only where training had such values. A level that training never saw goes to the
    bucket; without a bucket it leaves all columns at 0.
    """

    type: ClassVar[str] = "category"
    name: str
    levels: tuple[str, ...]
    bucket: bool
    missing: bool
    kind: str = "category"

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the columns that are written."""
        names = [f"{self.name} = {level}" for level in self.levels]
        names += [f"{self.name} other"] * self.bucket + [f"{self.name} missing"] * self.missing
        return tuple(names)

    def encode(self, column: Column, out: np.ndarray) -> None:
        """Write the one-hot columns of ``column``, codes (m,), into ``out``, (m, len(outputs))."""
        self.write(self.places(column), out)

    def places(self, column: Column) -> np.ndarray:
        """Which of the columns each value of ``column`` sets to 1, (m,); −1 for none."""
        own = {level: position for position, level in enumerate(self.levels)}
        nowhere = -1
        other = len(self.levels) if self.bucket else nowhere
        missing = len(self.levels) + self.bucket if self.missing else nowhere
        places = np.array([own.get(level, other) for level in column.levels] + [missing], np.int32)
        return places[column.values]  # code −1 picks the last entry: missing

    @staticmethod
    def write(place: np.ndarray, out: np.ndarray) -> None:
        """Write one-hot rows into ``out`` (m, len(outputs)), with a 1 at each ``place`` (m,)."""
        out[:] = 0
        rows = np.flatnonzero(place >= 0)
        out[rows, place[rows]] = 1


@dataclass(frozen=True)
class DateEncoder:
    """The parts of a date that varied in training (year, month, day, weekday, hour), each as a number."""

    type: ClassVar[str] = "date"
    name: str
    parts: tuple[str, ...]
    numbers: tuple[NumberEncoder, ...]
    kind: str = "date"

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the columns that are written."""
        return tuple(name for number in self.numbers for name in number.outputs)

    def encode(self, column: Column, out: np.ndarray) -> None:
        """Write the parts of the dates (m,) of ``column`` into ``out``."""
        values = date_parts(column.values)
        start = 0
        for part, number in zip(self.parts, self.numbers, strict=True):
            width = len(number.outputs)
            number.encode(Column(number.name, "number", values[part]), out[:, start : start + width])
            start += width


Encoder = NumberEncoder | QuantileEncoder | CategoryEncoder | DateEncoder | TextEncoder


def fit_column(column: Column, normalization: str, text: str = "lsa") -> Encoder:
    """The encoder for the kind of ``column``, fitted on all its values; ``text`` is the encoding of columns of text."""
    if column.kind == "text":
        return fit_text(column, text)
    if column.kind == "category":
        return fit_category(column)
    if column.kind == "date":
        return fit_date(column, "standardize" if normalization == "quantile" else normalization)
    if normalization == "quantile" and column.kind == "number":
        return fit_quantiles(column)
    return fit_number(column, normalization)


def encoder_from_json(saved: Mapping[str, Any]) -> Encoder:
    """The encoder that ``{"type": encoder.type, **asdict(encoder)}`` described."""
    fields = {name: value for name, value in saved.items() if name != "type"}
    if saved["type"] in TEXT_ENCODERS:
        return text_encoder(saved["type"], fields)
    if saved["type"] == "number":
        return NumberEncoder(**fields)
    if saved["type"] == "quantile":
        return QuantileEncoder(**{**fields, "knots": tuple(fields["knots"]), "scores": tuple(fields["scores"])})
    if saved["type"] == "category":
        return CategoryEncoder(**{**fields, "levels": tuple(fields["levels"])})
    numbers = tuple(NumberEncoder(**number) for number in fields["numbers"])
    return DateEncoder(fields["name"], tuple(fields["parts"]), numbers)


def fit_number(column: Column, normalization: str) -> NumberEncoder:
    """An encoder for numbers and booleans, fitted on the values of ``column``, float64 (m,), NaN missing."""
    missing = np.isnan(column.values)
    known = column.values[~missing] if missing.any() else column.values
    center, scale = location(known[:, None], normalization)
    fill = 0.0
    if len(known):
        fill = center[0] if normalization == "robust" else mean_of(known[:, None])[0]
    return NumberEncoder(column.name, float(center[0]), float(scale[0]), float(fill), bool(missing.any()), column.kind)


def fit_quantiles(column: Column) -> Encoder:
    """An encoder by quantiles, fitted on the values of ``column``; a constant one is encoded as by `fit_number`."""
    missing = np.isnan(column.values)
    known = column.values[~missing]
    shares = np.linspace(0, 1, min(QUANTILES, max(len(known), 2)))
    values = np.quantile(known, shares) if len(known) else np.zeros(1)
    knots, first = np.unique(values, return_index=True)
    if len(knots) < 2:
        return fit_number(column, "standardize")
    last = np.append(first[1:], len(values)) - 1
    middle = (shares[first] + shares[last]) / 2  # equal values share the middle of their ranks
    scores = [NORMAL.inv_cdf(share) for share in np.clip(middle, SMALLEST_SHARE, 1 - SMALLEST_SHARE)]
    return QuantileEncoder(column.name, tuple(knots.tolist()), tuple(scores), bool(missing.any()))


def fit_category(column: Column) -> CategoryEncoder:
    """An encoder for the levels in ``column``: the most frequent ones, ordered as in the column."""
    counts = np.bincount(column.values[column.values >= 0], minlength=len(column.levels))
    named = dict(zip(column.levels, counts.tolist(), strict=True))
    return category_encoder(column.name, named, bool((column.values < 0).any()))


def category_encoder(name: str, counts: Mapping[str, int], missing: bool) -> CategoryEncoder:
    """An encoder for levels that occur so often, in the order of `level_order`, and for missing values if any are."""
    levels = sorted((level for level, count in counts.items() if count), key=level_order)
    frequent = sorted(levels, key=lambda level: -counts[level])[:CATEGORY_CAP]
    kept = tuple(level for level in levels if level in set(frequent))
    return CategoryEncoder(name, kept, len(levels) > len(kept), missing)


def fit_date(column: Column, normalization: str) -> DateEncoder:
    """An encoder for the parts of dates that vary in ``column``, datetime64[s] (m,), NaT missing."""
    known = date_parts(column.values[~np.isnat(column.values)])
    parts = tuple(part for part, values in known.items() if len(values) and values.min() < values.max())
    columns = [Column(f"{column.name} {part}", "number", known[part]) for part in parts]
    numbers = [fit_number(part, normalization) for part in columns]
    if numbers and np.isnat(column.values).any():
        numbers[0] = replace(numbers[0], indicator=True)
    return DateEncoder(column.name, parts, tuple(numbers))


def date_parts(dates: np.ndarray) -> dict[str, np.ndarray]:
    """Year, month, day of the month, weekday (0 Monday) and hour of dates (m,) as float64, NaN for NaT."""
    missing = np.isnat(dates)
    months, days, hours = (dates.astype(f"datetime64[{unit}]") for unit in "MDh")
    numbers = {
        "year": months.astype("datetime64[Y]").astype(np.int64) + 1970,
        "month": months.astype(np.int64) % 12 + 1,
        "day": (days - months.astype("datetime64[D]")).astype(np.int64) + 1,
        "weekday": (days.astype(np.int64) + 3) % 7,
        "hour": hours.astype(np.int64) % 24,
    }
    return {part: np.where(missing, np.nan, values) for part, values in numbers.items()}
