"""Rows to predict: sources without a target, brought into the form that training had."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from leadline.data.columns import typed
from leadline.data.dataset import Column
from leadline.data.sources.array_assembly import channels_last, checked_inputs, shape_text
from leadline.data.sources.images import ImageRequest
from leadline.data.sources.opening import open_source
from leadline.data.sources.raw import Raw, RawArrays, RawTable, named_by_position, reading
from leadline.data.sources.request import SourceRequest
from leadline.data.sources.series import padded
from leadline.errors import LeadlineError, LeadlineWarning, nearest


def new_columns(
    rows: Any, kinds: Mapping[str, str], columns: Sequence[str], targets: Sequence[str], folder: str | Path | None
) -> tuple[Column, ...]:
    """Typed columns of new rows: ``kinds`` names those that training used, ``columns`` all of the
    source, ``targets`` those that were predicted. Where training used one column of text, a list of texts will do.

    Raises LeadlineError, naming the column, where one is missing or holds what cannot be of its kind. Warns with
    LeadlineWarning where the rows have no header, but training's columns had names.
    """
    if (
        isinstance(rows, list)
        and rows
        and all(isinstance(row, str) for row in rows)
        and list(kinds.values()) == ["text"]
    ):
        rows = [{name: row} for name in kinds for row in rows]
    as_text = frozenset(name for name, kind in kinds.items() if kind in ("category", "text"))
    raw = _opened(rows, SourceRequest(expected=frozenset(columns), as_text=as_text, folder=_folder(folder)))
    if isinstance(raw, RawArrays):
        held = "images" if raw.inputs.ndim == 4 else "an array"
        raise LeadlineError(f"This run takes a table with the columns {', '.join(kinds)}; {raw.source} holds {held}.")
    given = set(raw.data.column_names)
    raw = named_by_position(raw, [name for name in columns if name not in targets], columns)
    if not raw.header and not given & set(raw.data.column_names):
        message = f"{raw.source} has no header; columns are taken by their place: {', '.join(raw.data.column_names)}."
        warnings.warn(message, LeadlineWarning, stacklevel=2)
    for name in kinds:
        if name not in raw.data.column_names:
            hint = nearest(name, raw.data.column_names).replace("Allowed", "It has")
            raise LeadlineError(f"{raw.source} lacks the column '{name}'.{hint}")
    return tuple(typed(name, raw.data.column(name), kind, raw.where) for name, kind in kinds.items())


def new_array(rows: Any, shape: tuple[int, ...], folder: str | Path | None) -> np.ndarray:
    """New examples as an array (m, *shape); a single one, flat ones and images with channels first are understood.

    Raises LeadlineError for another shape, naming both.
    """
    images = ImageRequest((shape[0], shape[1]), channels=shape[2]) if len(shape) == 3 else ImageRequest()
    raw = _opened(rows, SourceRequest(folder=_folder(folder), images=images, labelled=False))
    if isinstance(raw, RawTable):
        names = raw.data.column_names
        if len(shape) == 3 and len(names) != math.prod(shape):
            listed = ", ".join(names[:6]) + (", …" if len(names) > 6 else "")
            raise LeadlineError(
                f"This run takes images of {shape[0]}×{shape[1]} pixels; {raw.source} is a table of {len(names)} "
                f"columns: {listed}."
            )
        numbers = [typed(name, raw.data.column(name), "number", raw.where).values for name in names]
        values = checked_inputs(np.stack(numbers, axis=1), raw.source)
    else:
        values = raw.inputs if raw.inputs.shape != shape else raw.inputs[None]
        values = checked_inputs(values, f"{raw.source}, {raw.inputs_name}")
    moved = channels_last(values)[0]
    for candidate in (values, moved):
        if candidate.shape[1:] == shape or candidate.shape[1:] == (math.prod(shape),):
            return candidate.reshape(-1, *shape)
    raise LeadlineError(
        f"{raw.source}: examples of shape {shape_text(values.shape[1:])}, but the network was trained on "
        f"{shape_text(shape)}."
    )


def new_series(rows: Any, folder: str | Path | None) -> np.ndarray:
    """New series (m, steps, channels), NaN past their ends: a file of series, an array, or a list of arrays.

    Each array of a list is one series, (steps,) or (steps, channels); they may differ in length.
    """
    if isinstance(rows, list) and rows and all(isinstance(each, np.ndarray) for each in rows):
        series = [np.asarray(each, np.float64) for each in rows]
        series = [each[:, None] if each.ndim == 1 else each for each in series]
        if any(each.ndim != 2 for each in series):
            raise LeadlineError("each series is an array (steps,) or (steps, channels).")
        if len({each.shape[1] for each in series}) > 1:
            raise LeadlineError("the series given differ in their number of channels.")
        return padded(series)
    raw = _opened(rows, SourceRequest(folder=_folder(folder), labelled=False))
    if isinstance(raw, RawArrays) and (raw.series or raw.inputs.ndim in (2, 3)):
        return raw.inputs if raw.inputs.ndim == 3 else raw.inputs[:, :, None]
    raise LeadlineError(f"{raw.source} holds no series; the network was trained on series (steps, channels).")


def _opened(rows: Any, request: SourceRequest) -> Raw:
    if isinstance(rows, list) and rows and isinstance(rows[0], Mapping):
        with reading("the rows given", "a table"):
            rows = pa.Table.from_pylist(rows)
    return open_source(rows, request)


def _folder(folder: str | Path | None) -> Path | None:
    return None if folder is None else Path(folder)
