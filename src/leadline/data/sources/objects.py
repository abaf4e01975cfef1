"""Arrays and tables in memory as sources."""

from __future__ import annotations

from typing import Any

import numpy as np

from leadline.data.sources import arrays, columnar
from leadline.data.sources.raw import Raw, RawArrays, RawTable, as_raw_table, reading
from leadline.data.sources.request import SourceRequest
from leadline.errors import LeadlineError, UsageError


def open_object(value: Any, request: SourceRequest) -> Raw:
    """Arrays and tables given in Python, with a target that is a column's name or values of its own."""
    table = columnar.table_of(value)
    if table is not None:
        return _table_with_target(as_raw_table("data", "the table given", table), request)
    if isinstance(value, dict):
        return arrays.from_mapping("data", "the arrays given", value, request.arrays)
    with reading("the array given", "numbers", advice=""):
        inputs = np.asarray(value)
        if inputs.dtype == object:
            inputs = inputs.astype(np.float64)
    if inputs.ndim == 0:
        raise UsageError(f"source: got {value!r}; give a path, a table (data frame) or an array of inputs.")
    target = None if request.target is None or isinstance(request.target, str) else _values(request.target)
    return RawArrays("data", "the array given", inputs, target)


def _values(target: Any) -> np.ndarray:
    """Target values as an array, from a list, a series or a tensor."""
    with reading("the target given", "an array", advice=""):
        return np.asarray(target)


def _table_with_target(raw: RawTable, request: SourceRequest) -> RawTable:
    if request.target is None or isinstance(request.target, str | int) or _are_names(request.target, raw):
        return raw
    name = str(getattr(request.target, "name", None) or "target")
    if name in raw.data.column_names:
        raise UsageError(f"The table given has a column '{name}' already; give the target another name.")
    with reading("the target given", "a column", advice=""):
        column = columnar.column_of(request.target)
    if len(column) != raw.data.num_rows:
        raise LeadlineError(f"The table given has {raw.data.num_rows} rows, its target {len(column)} values.")
    return as_raw_table(raw.name, raw.source, raw.data.append_column(name, column), raw.where)


def _are_names(target: Any, raw: RawTable) -> bool:
    """Whether a target given as a list means columns of the table, and not values."""
    return isinstance(target, list | tuple) and all(name in raw.data.column_names for name in target)
