"""Answers in the form of the rows that were asked about: pandas for pandas, with the index; polars for polars."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np


def in_form_of(rows: Any, values: np.ndarray, names: Sequence[str]) -> Any:
    """Values (m,) as a series, (m, k) as a frame with the columns ``names``; an array where rows were no frame."""
    if _is_of("pandas", rows):
        pandas = sys.modules["pandas"]
        if values.ndim == 1:
            return pandas.Series(values, index=rows.index, name=names[0]).infer_objects()
        return pandas.DataFrame(values, index=rows.index, columns=list(names))
    if _is_of("polars", rows):
        polars = sys.modules["polars"]
        if values.ndim == 1:
            return polars.Series(names[0], values.tolist())
        return polars.DataFrame({name: values[:, k] for k, name in enumerate(names)})
    return values


def _is_of(package: str, rows: Any) -> bool:
    """Whether rows are a frame of a package, which then is loaded already."""
    frame = getattr(sys.modules.get(package), "DataFrame", None)
    return frame is not None and isinstance(rows, frame)
