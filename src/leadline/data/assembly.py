"""Putting a `Dataset` together from what readers found in one to three sources (main, dev, test)."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate
from typing import Any

import numpy as np
import pyarrow as pa

from leadline.data.arrow import compute, is_text
from leadline.data.columnar import column_of
from leadline.data.columns import Where, dictionary, typed
from leadline.data.dataset import Column, Dataset, Feature
from leadline.data.images import joined_arrays
from leadline.data.inference import kind_of
from leadline.data.raw import MAIN, Part, RawArrays, RawTable, reading
from leadline.data.settings import DataSettings
from leadline.data.targets import Target, encode_several, encode_target
from leadline.data.threads import in_threads
from leadline.errors import LeadlineError, UsageError, nearest


def assemble_tables(
    parts: Sequence[Part], raws: Sequence[RawTable], targets: tuple[str, ...], settings: DataSettings
) -> Dataset:
    """A data set from the tables of the ``parts``, which have the same columns."""
    main = raws[0]
    chosen = _chosen_columns(main, targets, settings)
    for raw in raws[1:]:
        _check_columns(raw, [*chosen, *targets])
    table = joined([raw.data for raw in raws], main.data.column_names)
    where = _where_in(raws)
    source_of = np.repeat(np.arange(len(raws), dtype=np.int32), [raw.data.num_rows for raw in raws])
    notices = [notice for raw in raws for notice in raw.notices]

    table = _targets_by_type(table, targets, settings, where)
    kept = _rows_with_target(main.source, targets, [table.column(name) for name in targets], notices)
    if kept is not None:
        table, source_of = table.take(pa.array(kept)), source_of[kept]
        everywhere, where = where, lambda row: everywhere(int(kept[row]))
    encoded, features, columns = _understood(table, targets, chosen, settings, where)
    if not columns:
        reasons = " ".join(f"{feature.name} {feature.note}." for feature in features[:3])
        raise LeadlineError(
            f"{main.source}: no column is left to predict '{targets[0]}' from. {reasons or 'It has no other columns.'}"
        )
    notices += [_left_out(feature) for feature in features if not feature.used]
    return Dataset(
        main.name,
        encoded.task,
        encoded.classes,
        features,
        columns,
        encoded.values,
        targets,
        settings,
        [*notices, *encoded.notices],
        table=table,
        **_origin(parts, source_of),
    )


def _origin(parts: Sequence[Part], source_of: np.ndarray) -> dict[str, Any]:
    """Where each row came from, its role and its weight, as far as that differs between rows."""
    if len(parts) == 1:
        return {}
    roles = np.array([part.role for part in parts], np.int8)
    weights = np.array([part.weight for part in parts], np.float32)
    return {
        "sources": tuple(part.raw.source for part in parts),
        "source_of": source_of,
        "sets": roles[source_of] if (roles != MAIN).any() else None,
        "weights": weights[source_of] if (weights != weights[0]).any() else None,
    }


def _targets_by_type(table: pa.Table, targets: Sequence[str], settings: DataSettings, where: Where) -> pa.Table:
    """The table with those targets as numbers that the user, or their number, says are numbers."""
    for name in targets:
        if settings.types.get(name) == "number" or len(targets) > 1:
            numbers = typed(name, table.column(name), "number", where).values
            column = pa.chunked_array([pa.array(numbers, from_pandas=True)])
            table = table.set_column(table.column_names.index(name), name, column)
    return table


def _encoded_columns(table: pa.Table, targets: tuple[str, ...], settings: DataSettings, where: Where) -> Target:
    if len(targets) == 1:
        wanted = settings.task or _task_by_type(settings.types.get(targets[0]))
        return encode_target(targets[0], table.column(targets[0]), wanted, where)
    columns = [typed(name, table.column(name), "number", where).values for name in targets]
    return encode_several(", ".join(targets), np.stack(columns, axis=1), settings.task, targets)


def joined(tables: Sequence[pa.Table], names: Sequence[str]) -> pa.Table:
    """The rows of all tables under the columns ``names``; a column that one of them lacks is missing there."""
    if len(tables) == 1:
        return tables[0]
    columns = {}
    for name in names:
        parts = [
            table.column(name) if name in table.column_names else pa.chunked_array([pa.nulls(table.num_rows)])
            for table in tables
        ]
        kinds = {part.type for part in parts}
        if any(pa.types.is_string(kind) for kind in kinds):
            parts = [part.cast(pa.string()) for part in parts]
        with reading(f"column '{name}'", "one column, since the sources hold different types"):
            merged = pa.concat_tables([pa.table({name: part}) for part in parts], promote_options="permissive")
        columns[name] = merged.column(0)
    return pa.table(columns)


def _chosen_columns(raw: RawTable, targets: Sequence[str], settings: DataSettings) -> list[str]:
    """The columns to consider as features, in the order of the table."""
    names = raw.data.column_names
    mentioned = {
        "features": settings.features or (),
        "exclude": settings.exclude,
        "types": tuple(settings.types),
        "segments": settings.segments,
    }
    for key, columns in mentioned.items():
        for column in columns:
            if column not in names:
                raise UsageError(f"data.{key}: {raw.source} has no column '{column}'.{nearest(column, names)}")
            if column in targets and key in ("features", "exclude"):
                raise UsageError(f"data.{key}: '{column}' is the target; it can be neither a feature nor excluded.")
    wanted = set(names if settings.features is None else settings.features) - {*settings.exclude, *targets}
    return [name for name in names if name in wanted]


def _check_columns(raw: RawTable, needed: Sequence[str]) -> None:
    for name in needed:
        if name not in raw.data.column_names:
            hint = nearest(name, raw.data.column_names)
            raise LeadlineError(f"{raw.source} lacks the column '{name}'.{hint.replace('Allowed', 'It has')}")


def _where_in(raws: Sequence[RawTable]) -> Where:
    """Where a row of the joined tables is in its own source."""
    ends = list(accumulate(raw.data.num_rows for raw in raws))

    def where(row: int) -> str:
        part = bisect.bisect_right(ends, row)
        return raws[part].where(row - (ends[part - 1] if part else 0))

    return where


def _task_by_type(kind: str | None) -> str | None:
    return {"number": "regression", "category": "classification", "boolean": "classification"}.get(kind or "")


def _rows_with_target(
    source: str, targets: Sequence[str], columns: Sequence[pa.ChunkedArray], notices: list[str]
) -> np.ndarray | None:
    """Rows that have a target (or one of several), with a notice about the others; None when all have one."""
    if not all(column.null_count for column in columns):
        return None
    has_one = np.logical_or.reduce([compute.is_valid(column).to_numpy() for column in columns])
    n, missing = len(has_one), int((~has_one).sum())
    name = ", ".join(targets)
    if missing == n:
        raise LeadlineError(f"{source}: the target '{name}' is missing in all {n} rows; name another target.")
    if missing == 0:
        return None
    rows = "1 row is" if missing == 1 else f"{missing} of {n} rows are"
    notices.append(f"{rows} left out: the target '{name}' is missing there.")
    return np.flatnonzero(has_one)


def _understood(
    table: pa.Table, targets: tuple[str, ...], chosen: Sequence[str], settings: DataSettings, where: Where
) -> tuple[Target, tuple[Feature, ...], tuple[Column, ...]]:
    """The targets, the kind of every chosen column, and typed values of those that are used."""

    def understood(name: str | None) -> Any:
        if name is None:
            return _encoded_columns(table, targets, settings, where)
        values = table.column(name)
        given = settings.types.get(name)
        encoded = dictionary(values) if is_text(values.type) and not given else None
        feature = Feature(name, given, "as given") if given else kind_of(name, values, where, encoded)
        return feature, typed(name, values, feature.kind, where, encoded) if feature.used else None

    encoded, *found = in_threads(understood, [None, *chosen], table.num_rows)
    return encoded, tuple(feature for feature, _ in found), tuple(column for _, column in found if column is not None)


def _left_out(feature: Feature) -> str:
    if feature.note == "as given":
        return f"{feature.name} is left out, as told by its type ({feature.kind})."
    advice = ""
    if feature.kind in ("text", "identifier") and "different" in feature.note:
        advice = f' To use it: types = {{ "{feature.name}" = "category" }}.'
    return f"{feature.name} is left out: it {feature.note}.{advice}"


def assemble_arrays(parts: Sequence[Part], raws: Sequence[RawArrays], settings: DataSettings) -> Dataset:
    """A data set from the arrays of the ``parts``, which have the same shape."""
    main = raws[0]
    notices = [notice for raw in raws for notice in raw.notices]
    _check_no_columns(settings)
    checked = [checked_inputs(raw.inputs, f"{raw.source}, {raw.inputs_name}") for raw in raws]
    for raw, values in zip(raws[1:], checked[1:], strict=True):
        if values.shape[1:] != checked[0].shape[1:]:
            raise LeadlineError(
                f"{raw.source}: examples of shape {shape_text(values.shape[1:])}, but those of {main.source} are "
                f"{shape_text(checked[0].shape[1:])}."
            )
    raws = _same_classes(raws)
    targets = [_checked_target(raw, len(values)) for raw, values in zip(raws, checked, strict=True)]
    source_of = np.repeat(np.arange(len(raws), dtype=np.int32), [len(values) for values in checked])
    inputs = checked[0] if len(checked) == 1 else joined_arrays(checked)
    kept, encoded = _encoded(raws[0], targets, settings, notices)
    if kept is not None:
        inputs, source_of = inputs[kept], source_of[kept]
    inputs, image_shape = channels_last(inputs)
    if image_shape is not None and inputs.shape[1:] != checked[0].shape[1:] and inputs.ndim == 4 == checked[0].ndim:
        notices.append(f"{main.inputs_name}: the channels come first; they were moved last (height, width, channels).")
    return Dataset(
        main.name,
        encoded.task,
        encoded.classes,
        _array_features(main.inputs_name, inputs, image_shape),
        inputs,
        encoded.values,
        (main.target_name,),
        settings,
        [*notices, *encoded.notices],
        image_shape=image_shape,
        names=tuple(name for raw in raws for name in raw.names) if all(raw.names for raw in raws) else (),
        **_origin(parts, source_of),
    )


def _same_classes(raws: Sequence[RawArrays]) -> Sequence[RawArrays]:
    """Labels by number with one list of class names for all, where sources name their classes differently."""
    if len({raw.classes for raw in raws}) == 1:
        return raws
    if not all(raw.classes and raw.target is not None and raw.target.dtype.kind in "iu" for raw in raws):
        return raws
    classes = tuple(sorted({name for raw in raws for name in raw.classes}))
    return [
        replace(raw, target=np.array([classes.index(name) for name in raw.classes])[raw.target], classes=classes)
        for raw in raws
        if raw.target is not None
    ]


def checked_inputs(values: np.ndarray, source: str) -> np.ndarray:
    """An input array as uint8, float32 or float64 with one example per row; LeadlineError for anything else."""
    if values.dtype.kind not in "buif":
        raise LeadlineError(f"{source}: holds {values.dtype}; inputs must be numbers.")
    if values.ndim == 0 or 0 in values.shape:
        raise LeadlineError(f"{source}: has the shape {shape_text(values.shape)}; there are no examples in it.")
    if values.ndim == 1:
        values = values[:, None]
    if values.dtype.kind == "f":
        values = values.astype(np.float32 if values.dtype.itemsize <= 4 else np.float64, copy=False)
        _check_finite(values, source)
    elif values.dtype != np.uint8:
        values = values.astype(np.float32 if values.dtype.itemsize <= 2 else np.float64)
    return values


def _check_finite(values: np.ndarray, source: str) -> None:
    if np.isfinite(values.sum(dtype=np.float64)) or np.isfinite(values).all():
        return
    place = np.argwhere(~np.isfinite(values))[0]
    indices = ", ".join(str(index) for index in place)
    advice = "missing values need a table (CSV, data frame)" if np.isnan(values[tuple(place)]) else "mend it"
    raise LeadlineError(f"{source}[{indices}] is {values[tuple(place)]}; {advice}, or leave the row {place[0]} out.")


def channels_last(inputs: np.ndarray) -> tuple[np.ndarray, tuple[int, int, int] | None]:
    """Inputs whose channels are the last axis, and the (height, width, channels) of one, if they are images."""
    if inputs.ndim == 3:
        return inputs, (inputs.shape[1], inputs.shape[2], 1)
    if inputs.ndim != 4:
        return inputs, None
    if inputs.shape[3] not in (1, 3, 4) and inputs.shape[1] in (1, 3, 4):
        inputs = np.ascontiguousarray(inputs.transpose(0, 2, 3, 1))
    height, width, channels = inputs.shape[1:]
    return inputs, ((height, width, channels) if channels in (1, 3, 4) else None)


def shape_text(shape: Sequence[int]) -> str:
    """A shape as people write it: 28×28."""
    return "×".join(str(size) for size in shape) or "()"


def _check_no_columns(settings: DataSettings) -> None:
    for key in ("features", "exclude", "types", "segments"):
        if getattr(settings, key):
            raise UsageError(f"data.{key}: the source holds arrays, which have no columns; leave the key out.")


def _checked_target(raw: RawArrays, n: int) -> np.ndarray:
    """Targets (n,) or (n, k) of one source; LeadlineError where they are missing or do not fit the inputs."""
    values = raw.target
    if values is None:
        raise UsageError(f"{raw.source}: the target is missing; name its array or a file of labels with target.")
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim not in (1, 2):
        raise LeadlineError(
            f"{raw.source}, {raw.target_name}: has the shape {shape_text(values.shape)}; "
            f"targets are ({n},) or ({n}, k)."
        )
    if len(values) != n:
        raise LeadlineError(
            f"{raw.source}: {raw.inputs_name} has {n} examples and {raw.target_name} has {len(values)}; "
            "they must be equally many."
        )
    if values.dtype.kind == "S":
        values = np.char.decode(values, "utf-8", "replace")
    if values.dtype.kind in "cVmM":
        raise LeadlineError(f"{raw.source}, {raw.target_name}: holds {values.dtype}; targets are numbers or texts.")
    return values.astype(values.dtype.newbyteorder("="), copy=False)


def _encoded(
    main: RawArrays, targets: list[np.ndarray], settings: DataSettings, notices: list[str]
) -> tuple[np.ndarray | None, Target]:
    """The rows to keep (None: all) and their encoded targets."""
    if len({values.ndim for values in targets}) > 1:
        raise LeadlineError(f"{main.target_name}: the sets have targets of different shapes.")
    with reading(f"{main.source}, {main.target_name}", "targets of one type"):
        values = np.concatenate(targets)
        column = column_of(values) if values.ndim == 1 else None
    if column is None:
        return None, encode_several(main.target_name, values, settings.task)
    if settings.task == "multilabel":
        return None, encode_several(main.target_name, values[:, None], settings.task)
    kept = _rows_with_target(main.source, [main.target_name], [column], notices)
    if kept is not None:
        column = column.take(pa.array(kept))

    def where(row: int) -> str:
        return f"{main.source}, row {(row if kept is None else int(kept[row])) + 1}"

    return kept, encode_target(main.target_name, column, settings.task, where, main.classes)


def _array_features(name: str, inputs: np.ndarray, image_shape: tuple[int, int, int] | None) -> tuple[Feature, ...]:
    if image_shape is not None:
        return (Feature(name, "image", f"{shape_text(image_shape)} {inputs.dtype}"),)
    if inputs.ndim == 2:
        return tuple(Feature(f"{name}_{i + 1}", "number") for i in range(inputs.shape[1]))
    return (Feature(name, "number", f"{shape_text(inputs.shape[1:])} {inputs.dtype}"),)
