"""Arrow's types and functions, as far as reading tables needs them."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute

compute: Any = pyarrow.compute
"""Arrow's functions; Arrow makes most of them when it is imported, so type checkers cannot know them."""


def is_text(kind: pa.DataType) -> bool:
    """Whether Arrow holds text."""
    return pa.types.is_string(kind)


def is_number(kind: pa.DataType) -> bool:
    """Whether Arrow holds integers, floats, decimals or durations."""
    return (
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_decimal(kind)
        or pa.types.is_duration(kind)
    )


def is_date(kind: pa.DataType) -> bool:
    """Whether Arrow holds dates, times of the day, or both."""
    return pa.types.is_date(kind) or pa.types.is_timestamp(kind) or pa.types.is_time(kind)


def plain(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """The column with dictionaries unpacked, text in one layout, durations in seconds, and NaN as missing."""
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    if pa.types.is_duration(values.type):
        ticks = {"s": 1, "ms": 1e3, "us": 1e6, "ns": 1e9}[values.type.unit]
        values = compute.divide(values.cast(pa.int64()).cast(pa.float64(), safe=False), float(ticks))
    if pa.types.is_large_string(values.type) or pa.types.is_string_view(values.type):
        values = values.cast(pa.string())
    if pa.types.is_float16(values.type):
        values = values.cast(pa.float32())
    if pa.types.is_floating(values.type):
        flags = compute.is_nan(values)
        if compute.any(flags).as_py():
            values = compute.if_else(flags, pa.scalar(None, values.type), values)
    return values
