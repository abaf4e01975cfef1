"""What a column is, and what kind of task a target asks for, as far as values can tell."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa

from leadline.data.arrow import compute, is_date, is_number, is_text
from leadline.data.columns import Where, check_dates, dictionary, looks_numeric, parsed_dates, parsed_numbers
from leadline.data.dataset import Feature
from leadline.errors import LeadlineError
from leadline.measure.tasks import CLASSIFICATION, REGRESSION

FEW_CLASSES = 20
"""Whole numbers with at most so many different values are taken for classes."""

EACH_AT_LEAST = 3
"""… and at least so many examples of each on average."""

SMALL_TABLE = 20
"""Below so many rows, that every value differs says nothing about the column."""

MOSTLY_NUMBERS = 0.95
"""A text column with at least this share of numbers is a number column with mistakes in it."""

IDENTIFIER_NAME = re.compile(r"(^|[_\s-])(?i:id|uuid|guid|index|key|nr|no)$|^(?i:unnamed)|[a-z](Id|ID)$")


def kind_of(name: str, values: pa.ChunkedArray, where: Where, encoded: pa.DictionaryArray | None = None) -> Feature:
    """The kind of a column: number, category, boolean, date, or one that is left out, with the reason.

    Raises LeadlineError for a column of numbers in which a few cells are something else.
    """
    kind, n = values.type, len(values)
    known = n - values.null_count
    if known == 0:
        return Feature(name, "constant", "holds no values")
    if not (is_text(kind) or is_number(kind) or is_date(kind) or pa.types.is_boolean(kind)):
        return Feature(name, "unsupported", f"holds {kind}, which has no encoding")
    if is_text(kind):
        return _kind_of_text(name, values, known, where, dictionary(values) if encoded is None else encoded)
    if is_date(kind):
        check_dates(name, values)
    span = compute.min_max(values).as_py()
    if span["min"] == span["max"] and known == n:
        return Feature(name, "constant", f"is {_shown(span['min'])} in all rows")
    if pa.types.is_boolean(kind):
        return Feature(name, "boolean")
    if is_date(kind):
        return Feature(name, "date")
    return _kind_of_numbers(name, values, (span["min"], span["max"]))


def _kind_of_numbers(name: str, values: pa.ChunkedArray, span: tuple[object, object]) -> Feature:
    n = len(values)
    if pa.types.is_integer(values.type) and values.null_count == 0 and n >= SMALL_TABLE:
        numbers = values.to_numpy()
        if span == (numbers[0], numbers[-1]) and (np.diff(numbers) == 1).all():
            return Feature(name, "identifier", "counts the rows")
        if IDENTIFIER_NAME.search(name) and compute.count_distinct(values).as_py() == n:
            return Feature(name, "identifier", "has another value in every row and the name of an identifier")
    if span == (0, 1) and (pa.types.is_integer(values.type) or pa.types.is_floating(values.type)):
        zero_or_one = compute.or_(compute.equal(values, 0), compute.equal(values, 1))
        if compute.all(zero_or_one).as_py():
            return Feature(name, "boolean")
    return Feature(name, "number")


def _kind_of_text(name: str, values: pa.ChunkedArray, known: int, where: Where, encoded: pa.DictionaryArray) -> Feature:
    texts, counts = _counted(encoded)
    different = len(texts)
    if different == 1 and known == len(values):
        return Feature(name, "constant", f"is {_shown(texts[0].as_py())} in all rows")
    if parsed_numbers(texts) is not None:
        return Feature(name, "number")
    if parsed_dates(texts) is not None:
        return Feature(name, "date")
    numeric = looks_numeric(texts)
    if counts[numeric].sum() >= MOSTLY_NUMBERS * known:
        row = int((~looks_numeric(values) & compute.is_valid(values).to_numpy()).argmax())
        raise LeadlineError(
            f"{where(row)}, column '{name}': {_shown(values[row].as_py())} is not a number, but the column's "
            f'other values are.\nMend it, or set types = {{ "{name}" = "number" }} to count it as missing '
            '(or "category").'
        )
    if numeric.any() and not numeric.all() and counts[numeric].sum() >= (1 - MOSTLY_NUMBERS) * known:
        _check_change(name, values, where)
    words = float(np.average(compute.count_substring(texts, " ").to_numpy() + 1, weights=counts))
    length = float(np.average(compute.utf8_length(texts).to_numpy(), weights=counts))
    if known >= SMALL_TABLE and different > known / 2:
        if words >= 2.5 or length > 40:
            return Feature(name, "text", f"is free text ({different} different texts in {known} rows)")
        return Feature(name, "identifier", f"has {different} different values in {known} rows")
    if different > FEW_CLASSES and (words >= 5 or length > 60):
        return Feature(name, "text", f"is free text ({different} different texts in {known} rows)")
    return Feature(name, "category", f"{different} levels")


def _check_change(name: str, values: pa.ChunkedArray, where: Where) -> None:
    """LeadlineError for a column that holds numbers up to some row and text from there on, or the reverse."""
    rows = np.flatnonzero(compute.is_valid(values).to_numpy())
    numeric = looks_numeric(values)[rows]
    changes = np.flatnonzero(numeric[1:] != numeric[:-1])
    if len(changes) != 1 or len(rows) < SMALL_TABLE:
        return
    row = int(rows[changes[0] + 1])
    kinds = "numbers to text" if numeric[0] else "text to numbers"
    raise LeadlineError(
        f"{where(row)}, column '{name}': the column changes from {kinds} here ({_shown(values[row].as_py())}).\n"
        f'Mend it, or set types = {{ "{name}" = "category" }} (or "number", which counts the text as missing).'
    )


def _counted(encoded: pa.DictionaryArray) -> tuple[pa.ChunkedArray, np.ndarray]:
    """The different texts of a column, and how often each occurs, int64."""
    indices = encoded.indices.drop_null() if encoded.null_count else encoded.indices
    return pa.chunked_array([encoded.dictionary]), np.bincount(indices.to_numpy(), minlength=len(encoded.dictionary))


def task_of(target: str, values: pa.ChunkedArray, task: str | None) -> str:
    """The task that a target asks for: ``"classification"`` or ``"regression"``; ``task`` overrules.

    Text, booleans, two different numbers, and whole numbers of few kinds, each often enough, are classes.
    Raises LeadlineError for a target that is one value throughout, or a text that is nearly never the same.
    """
    kind, known = values.type, len(values)
    different = compute.count_distinct(values).as_py()
    if different == 1:
        raise LeadlineError(
            f"The target '{target}' is {_shown(values[0].as_py())} in all {known} rows: nothing to learn. "
            "Name another target, or add other examples."
        )
    numeric = is_number(kind)
    if task == REGRESSION:
        if not numeric:
            raise LeadlineError(f"The target '{target}' holds {_named(kind)}; regression needs numbers.")
        return REGRESSION
    if is_date(kind):
        raise LeadlineError(f"The target '{target}' holds dates, which cannot be predicted; give a number.")
    if task is None and numeric:
        return CLASSIFICATION if _few_whole_numbers(values, different) else REGRESSION
    if different > max(known / 2, 2) and known >= SMALL_TABLE:
        advice = 'set task = "regression"' if numeric else "name a target with fewer classes"
        raise LeadlineError(
            f"The target '{target}' has {different} different values in {known} rows, too many for classes; {advice}."
        )
    return CLASSIFICATION


def _few_whole_numbers(values: pa.ChunkedArray, different: int) -> bool:
    if different == 2:
        return True
    if different > FEW_CLASSES or len(values) < EACH_AT_LEAST * different:
        return False
    if pa.types.is_integer(values.type):
        return True
    numbers = values.cast(pa.float64(), safe=False).to_numpy()
    return bool((numbers == np.round(numbers)).all())


def _named(kind: pa.DataType) -> str:
    return "text" if is_text(kind) else str(kind)


def _shown(value: object) -> str:
    text = str(int(value) if isinstance(value, float) and value.is_integer() else value)
    return repr(text if len(text) <= 40 else text[:39] + "…") if isinstance(value, str) else text
