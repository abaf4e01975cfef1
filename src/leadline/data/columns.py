"""From Arrow columns, as they were read, to typed NumPy columns."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

from leadline.data.arrow import compute, is_date, is_number, is_text
from leadline.data.dataset import Column, level_order
from leadline.errors import LeadlineError

Where = Callable[[int], str]
"""Says where a row is, for error messages: ``"titanic.csv, line 17"``."""

NUMBER_PATTERN = r"^\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*$|^\s*[-+]?(?i:inf|infinity)\s*$"
DATE_FORMATS = (
    "%Y-%m-%d",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d %H:%M:%S",
    "%Y/%m/%d",
    "%d.%m.%Y",
    "%m/%d/%Y",
    "%d/%m/%Y",
)
DATE_PATTERN = re.compile(r"\s*(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4})(?!\d)")
YES = ("true", "yes", "y", "t", "1", "on")
NO = ("false", "no", "n", "f", "0", "off")

FIRST_SECOND, LAST_SECOND = -62_135_510_400, 253_402_214_400
"""The years 1 to 9999 in seconds since 1970, but for a day for time zones: what calendars of Python reach."""


def looks_numeric(values: pa.ChunkedArray) -> np.ndarray:
    """Which rows of a text column hold a number, bool (n,); missing rows do not."""
    return compute.fill_null(compute.match_substring_regex(values, NUMBER_PATTERN), False).to_numpy()


def parsed_numbers(values: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """The numbers that a text column holds, or None where a cell is something else."""
    different = pa.chunked_array([values.unique()])
    try:
        different.cast(pa.float64())
        numbers = values.cast(pa.float64())
    except pa.ArrowInvalid:
        if looks_numeric(different).sum() + different.null_count < len(different):
            return None
        numbers = compute.utf8_trim_whitespace(values).cast(pa.float64())
    return None if compute.any(compute.is_nan(numbers)).as_py() else numbers


def typed(
    name: str, values: pa.ChunkedArray, kind: str, where: Where, encoded: pa.DictionaryArray | None = None
) -> Column:
    """The column as ``kind`` ("number", "category", "text", "boolean" or "date"); see `Column` for the values.

    ``encoded`` is what `dictionary` makes of the values, where that is known already.

    Raises LeadlineError, with row and column, for a value that is not finite or not of that kind.
    """
    if kind == "number":
        return Column(name, kind, _numbers(name, values, where))
    if kind == "boolean":
        return Column(name, kind, _booleans(name, values, where))
    if kind == "date":
        return Column(name, kind, _dates(name, values, where))
    codes, levels = categories(name, values, encoded)
    return Column(name, kind, codes, levels)


def categories(
    name: str, values: pa.ChunkedArray, encoded: pa.DictionaryArray | None = None
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Codes int32 (n,), −1 for missing, and the levels as text: numbers in their order, else by alphabet."""
    if is_date(values.type) or pa.types.is_decimal(values.type):
        values = values.cast(pa.string())
    if not (is_text(values.type) or is_number(values.type) or pa.types.is_boolean(values.type)):
        if pa.types.is_null(values.type):
            return np.full(len(values), -1, np.int32), ()
        raise LeadlineError(f"Column '{name}' holds {values.type}, which cannot be a category; exclude it.")
    coded: Any = dictionary(values) if encoded is None else encoded
    codes = compute.fill_null(coded.indices, -1).to_numpy(zero_copy_only=False)
    names = [_level(value) for value in coded.dictionary.to_pylist()]
    levels = sorted(set(names), key=level_order)
    rank = {level: position for position, level in enumerate(levels)}
    places = np.array([rank[level] for level in names] + [-1], np.int32)
    return places[codes], tuple(levels)


def dictionary(values: pa.ChunkedArray) -> pa.DictionaryArray:
    """The column as places in a list of its different values."""
    encoded = values.dictionary_encode().combine_chunks()
    assert isinstance(encoded, pa.DictionaryArray)
    return encoded


def _level(value: object) -> str:
    """A level's name: text as given, and whole numbers alike whether read as integers or as floats."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _numbers(name: str, values: pa.ChunkedArray, where: Where) -> np.ndarray:
    if is_text(values.type) and (parsed := parsed_numbers(values)) is not None:
        values = parsed
    elif is_text(values.type):
        parsed = compute.if_else(pa.chunked_array([pa.array(looks_numeric(values))]), values, None)
        values = compute.utf8_trim_whitespace(parsed).cast(pa.float64())
    elif pa.types.is_duration(values.type):
        ticks = {"s": 1, "ms": 1e3, "us": 1e6, "ns": 1e9}[values.type.unit]
        values = compute.divide(values.cast(pa.int64()).cast(pa.float64(), safe=False), ticks)
    elif pa.types.is_boolean(values.type):
        values = values.cast(pa.int8())
    elif not (is_number(values.type) or pa.types.is_null(values.type)):
        raise LeadlineError(f"Column '{name}' holds {values.type}, which is not a number; set another type.")
    values = values.cast(pa.float64(), safe=False)
    numbers = (compute.fill_null(values, float("nan")) if values.null_count else values).to_numpy()
    infinite = np.isinf(numbers)
    if infinite.any():
        row = int(infinite.argmax())
        raise LeadlineError(
            f"{where(row)}, column '{name}': the value is not finite ({numbers[row]}). "
            "Mend it, or leave the cell empty (missing)."
        )
    return numbers


def _booleans(name: str, values: pa.ChunkedArray, where: Where) -> np.ndarray:
    codes, levels = categories(name, values)
    worth = [1.0 if level.lower() in YES else 0.0 if level.lower() in NO else np.inf for level in levels]
    numbers = np.array([*worth, np.nan])[codes]
    if np.isinf(numbers).any():
        row = int(np.isinf(numbers).argmax())
        raise LeadlineError(
            f"{where(row)}, column '{name}': '{levels[codes[row]]}' is neither true nor false. "
            f'Say what the column is: types = {{ {name} = "category" }}.'
        )
    return numbers


def _dates(name: str, values: pa.ChunkedArray, where: Where) -> np.ndarray:
    kind = values.type
    if pa.types.is_time(kind):
        per_second = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[kind.unit]
        whole = values.cast(pa.int32() if kind.bit_width == 32 else pa.int64()).cast(pa.int64())
        values = compute.divide(whole, per_second).cast(pa.timestamp("s"))
    elif is_text(kind):
        values = _parsed_dates(name, values, where)
    elif not is_date(kind) and not pa.types.is_null(kind):
        raise LeadlineError(f"Column '{name}' holds {kind}, which is not a date; set another type.")
    if is_date(values.type):
        check_dates(name, values)
    return values.cast(pa.timestamp("s"), safe=False).to_numpy().astype("datetime64[s]")


def check_dates(name: str, values: pa.ChunkedArray) -> None:
    """`LeadlineError` for a column of dates that calendars do not have: mostly numbers in another unit."""
    if pa.types.is_time(values.type):
        return
    seconds = values.cast(pa.timestamp("s"), safe=False).cast(pa.int64())
    span = compute.min_max(seconds).as_py()
    if span["min"] is not None and not FIRST_SECOND <= span["min"] <= span["max"] <= LAST_SECOND:
        raise LeadlineError(
            f"Column '{name}' holds dates outside the years 1 to 9999: is its unit, {values.type}, the right one? "
            "Mend them, or exclude the column."
        )


def parsed_dates(values: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """The dates that a text column holds, all in one form, or None where a cell is something else."""
    known = values.drop_null()
    if len(known) == 0 or not DATE_PATTERN.match(known[0].as_py()):
        return None
    best = _best_dates(values)
    return best if best.null_count == values.null_count else None


def _best_dates(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """The dates by the form that fits most cells, missing where it does not fit: ISO 8601, else a usual one."""
    for kind in (pa.timestamp("us"), pa.timestamp("us", "UTC")):
        try:
            return values.cast(kind).cast(pa.timestamp("us"))
        except pa.ArrowInvalid:
            continue
    attempts = [compute.strptime(values, form, "s", error_is_null=True) for form in DATE_FORMATS]
    return max(attempts, key=lambda parsed: len(parsed) - parsed.null_count)


def _parsed_dates(name: str, values: pa.ChunkedArray, where: Where) -> pa.ChunkedArray:
    known, best = compute.is_valid(values), _best_dates(values)
    failed = compute.and_(known, compute.is_null(best)).to_numpy()
    if failed.any():
        row = int(failed.argmax())
        raise LeadlineError(
            f"{where(row)}, column '{name}': '{values[row].as_py()}' is not a date such as 2026-01-31. "
            f'Mend it, or leave the column out: exclude = ["{name}"].'
        )
    return best
