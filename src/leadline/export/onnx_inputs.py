"""Rows as an exported model takes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from leadline.data import Preparation
from leadline.data.dataset import Column
from leadline.data.normalization import ArrayEncoder
from leadline.data.sources.new_rows import new_array, new_columns


def onnx_inputs(preparation: Preparation, rows: Any, folder: str | Path | None = None) -> dict[str, np.ndarray]:
    """New rows (a path, a data frame, a list of dictionaries, an array) as inputs of the exported model by name.

    Numbers, booleans and dates (seconds since 1970) become float64 (m,) with NaN for missing, categories texts (m,)
    with "" for missing. Raises LeadlineError as `Preparation.inputs` does.
    """
    if isinstance(preparation.encoders, ArrayEncoder):
        array = preparation.encoders
        return {array.name: new_array(rows, array.shape, folder).astype(array.dtype)}
    kinds = {encoder.name: encoder.kind for encoder in preparation.encoders}
    columns = new_columns(rows, kinds, preparation.columns, preparation.target_names, folder)
    return {column.name: _plain(column) for column in columns}


def _plain(column: Column) -> np.ndarray:
    if column.kind == "category":
        return np.array([*column.levels, ""], dtype=object)[column.values]
    if column.kind == "date":
        return np.where(np.isnat(column.values), np.nan, column.values.astype(np.int64))
    return column.values
