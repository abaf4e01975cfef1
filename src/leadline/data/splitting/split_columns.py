"""What a split goes by: classes, groups, times, a column that names the sets, or a split that was made earlier."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from leadline.data.arrow import compute
from leadline.data.columns import categories, typed
from leadline.data.dataset import Dataset
from leadline.data.settings import SplitSettings
from leadline.data.splitting.duplicates import components, duplicate_groups
from leadline.data.splitting.row_hashes import row_hashes, text_words
from leadline.errors import LeadlineError, UsageError, nearest

NAMES_OF_SETS = {
    "train": 0,
    "training": 0,
    "train_dev": 1,
    "train-dev": 1,
    "dev": 2,
    "valid": 2,
    "val": 2,
    "validation": 2,
    "test": 3,
    "testing": 3,
}
"""How a column may call the sets."""


@dataclass(frozen=True, eq=False)
class SplitRequest:
    """The grounds of a split, each (n,): ``classes`` to stratify by, ``groups`` that stay whole, ``times`` to sort
    by, or sets that are ``given`` already; ``keys`` are the content of every row, or of its group.
    """

    seed: int
    keys: np.ndarray
    classes: np.ndarray | None = None
    groups: np.ndarray | None = None
    group_name: str = "group"
    times: np.ndarray | None = None
    given: np.ndarray | None = None
    notices: tuple[str, ...] = ()

    @property
    def gives_reason(self) -> bool:
        """Whether rows in no set are meant to be there."""
        return self.given is not None or self.groups is not None

    def target_of(self, rows: np.ndarray) -> np.ndarray:
        """The classes to stratify ``rows`` by; all 0 where chance decides."""
        return np.zeros(len(rows), np.int64) if self.classes is None else self.classes[rows]

    @classmethod
    def of(cls, data: Dataset, settings: SplitSettings, groups: Any, times: Any) -> SplitRequest:
        """Look up what the settings name in ``data``; `LeadlineError` or `UsageError` where that is not there."""
        stratify = settings.stratify and data.is_classification
        made = cls(settings.seed, row_hashes(data.inputs), data.target if stratify else None)
        if settings.group is not None or groups is not None:
            ids, keys = group_ids(data, settings.group, groups)
            made = replace(made, groups=ids, keys=keys)
        if settings.duplicates == "together":
            copies = duplicate_groups(data)
            name = "duplicates" if made.groups is None else "group"
            made = replace(
                made, groups=copies if made.groups is None else components(made.groups, copies), group_name=name
            )
        if settings.time is not None or times is not None:
            return replace(made, times=times_of(data, settings.time, times))
        if settings.column is not None:
            return _by_column(made, data, settings.column)
        return made


def column_values(data: Dataset, key: str, name: str) -> pa.ChunkedArray:
    """A column of the table the data came from; UsageError, naming the key, where there is none."""
    if data.table is None:
        raise UsageError(f"{key}: {data.name} holds arrays, which have no column '{name}'.")
    if name not in data.table.column_names:
        raise UsageError(f"{key}: {data.name} has no column '{name}'.{nearest(name, data.table.column_names)}")
    return data.table.column(name)


def group_ids(data: Dataset, name: str | None, given: Any) -> tuple[np.ndarray, np.ndarray]:
    """Group number and key of each row; a row without a group is one by itself."""
    if given is not None:
        values = pa.chunked_array([pa.array(_checked(data, "groups", given), from_pandas=True)])
    else:
        assert name is not None
        values = column_values(data, "split.group", name)
    codes, levels = categories(name or "groups", values)
    alone = codes < 0
    ids = codes.astype(np.int64)
    ids[alone] = len(levels) + np.arange(int(alone.sum()))
    keys = text_words([*levels, ""])[codes]
    keys[alone] = row_hashes(data.inputs)[alone]
    if len(levels) + int(alone.sum()) < 2:
        raise LeadlineError(
            f"split.group: all rows have one {name or 'group'}; a group larger than a set cannot be split."
        )
    return ids, keys


def times_of(data: Dataset, name: str | None, given: Any) -> np.ndarray:
    """The time of each row, (n,), numbers or datetime64; `LeadlineError` where one is missing."""
    if given is not None:
        return _checked(data, "times", given)
    assert name is not None
    values = column_values(data, "split.time", name)
    kind = "number" if pa.types.is_integer(values.type) or pa.types.is_floating(values.type) else "date"
    if values.null_count:
        row = int(np.argmax(compute.is_null(values).to_numpy()))
        raise LeadlineError(
            f"split.time: '{name}' is missing in {values.null_count} rows, first in row {row + 1}; "
            "fill it in, or leave these rows out."
        )
    return typed(name, values, kind, lambda row: f"{data.name}, row {row + 1}").values


def _checked(data: Dataset, name: str, values: Any) -> np.ndarray:
    array = np.asarray(values)
    if array.shape != (data.n,):
        raise UsageError(f"split: {name} has the shape {array.shape}; it needs one value for each of {data.n} rows.")
    return array


def _by_column(made: SplitRequest, data: Dataset, name: str) -> SplitRequest:
    codes, levels = categories(name, column_values(data, "split.column", name))
    known = [NAMES_OF_SETS.get(level.strip().lower()) for level in levels]
    if None in known:
        wrong = levels[known.index(None)]
        row = int(np.argmax(codes == known.index(None)))
        raise LeadlineError(
            f"split.column: '{name}' is '{wrong}' in row {row + 1}; it names sets: train, train-dev, dev, test."
        )
    given = np.array([*known, -1], np.int8)[codes]
    missing = int((given < 0).sum())
    notices = (f"{missing} examples are in no set: '{name}' is missing there.",) if missing else ()
    if not (given == 0).any():
        raise LeadlineError(f"split.column: '{name}' names no row for training; there are {', '.join(levels)}.")
    return replace(made, given=given, notices=notices)


def set_aside(data: Dataset, names: dict[str, str | None]) -> Dataset:
    """``data`` without the columns that only say how to split (``names``: key and column), and a notice for each."""
    columns = [name for name in names.values() if name is not None and name not in (data.settings.features or ())]
    if not isinstance(data.inputs, tuple) or not any(column.name in columns for column in data.inputs):
        return data
    reasons = {name: f"says how to split ({key})" for key, name in names.items() if name in columns}
    kept_columns = tuple(column for column in data.inputs if column.name not in columns)
    if not kept_columns:
        raise LeadlineError(f"{data.name}: no column is left to predict '{data.target_name}' from.")
    features = tuple(
        replace(feature, kind="identifier", note=reasons[feature.name])
        if feature.name in reasons and feature.used
        else feature
        for feature in data.features
    )
    notices = [
        f"{name} is left out: it {why}." for name, why in reasons.items() if name in {c.name for c in data.inputs}
    ]
    return replace(data, inputs=kept_columns, features=features, notices=[*data.notices, *notices])
