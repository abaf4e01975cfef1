"""Classes by name and as the values that they were: 0 and 1 are numbers for whoever gave numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pyarrow as pa

ClassType = Literal["text", "integer", "boolean"]


def class_type_of(kind: pa.DataType, classes: Sequence[str], typed: bool = True) -> ClassType:
    """What the values of classes were, from the type of the column; of one without a type (CSV) the names decide."""
    if pa.types.is_boolean(kind):
        return "boolean"
    text = pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_dictionary(kind)
    if text and typed:
        return "text"
    return "integer" if classes and all(map(_is_integer, classes)) else "text"


def class_values(classes: Sequence[str], class_type: str) -> np.ndarray:
    """The values of classes, in their order: int64, bool, or text as objects."""
    if class_type == "integer":
        return np.array([int(name) for name in classes], np.int64)
    if class_type == "boolean":
        return np.array([name.lower() in ("true", "1") for name in classes], bool)
    return np.asarray(classes, dtype=object)


def _is_integer(name: str) -> bool:
    """Whether an integer is written so, and in no other way: 7 and −7, but not 07."""
    return name.lstrip("-").isdecimal() and len(name) < 19 and str(int(name)) == name
