"""Putting a `Dataset` together from the tables that readers return for one to three sources (main, dev, test)."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import numpy as np
import pyarrow as pa

from leadline.data.arrow import compute, is_text
from leadline.data.columns import Where, dictionary, typed
from leadline.data.dataset import Column, Dataset, Feature
from leadline.data.inference import kind_of
from leadline.data.settings import DataSettings
from leadline.data.sources.raw import MAIN, RawTable, SourcePart, reading
from leadline.data.targets import Target, encode_several, encode_target
from leadline.data.threads import in_threads
from leadline.errors import LeadlineError, UsageError, nearest
from leadline.measure.tasks import CLASSIFICATION, REGRESSION


def assemble_tables(
    parts: Sequence[SourcePart], raws: Sequence[RawTable], targets: tuple[str, ...], settings: DataSettings
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
    kept = rows_with_target(main.source, targets, [table.column(name) for name in targets], notices)
    if kept is not None:
        table, source_of = table.take(pa.array(kept)), source_of[kept]
        everywhere, where = where, lambda row: everywhere(int(kept[row]))
    encoded, features, columns = _understood(table, targets, chosen, settings, where, main.has_types)
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
        class_type=encoded.class_type,
        **origin(parts, source_of),
    )


def origin(parts: Sequence[SourcePart], source_of: np.ndarray) -> dict[str, Any]:
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
            given = table.column(name)
            numbers = typed(name, given, "number", where).values
            if len(targets) > 1 and is_text(given.type) and np.isnan(numbers).all() and given.null_count < len(given):
                example = next(value for value in given.to_pylist() if value is not None)
                raise LeadlineError(
                    f"The target '{name}' holds text, such as '{example}'; several targets are numbers, or labels of "
                    "0 and 1. Name one target, or write a column of 0 and 1 for each class."
                )
            column = pa.chunked_array([pa.array(numbers, from_pandas=True)])
            table = table.set_column(table.column_names.index(name), name, column)
    return table


def _encoded_columns(
    table: pa.Table, targets: tuple[str, ...], settings: DataSettings, where: Where, has_types: bool
) -> Target:
    if len(targets) == 1:
        task = settings.task or _task_by_type(settings.types.get(targets[0]))
        return encode_target(targets[0], table.column(targets[0]), task, where, has_type=has_types)
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
    considered = set(names if settings.features is None else settings.features) - {*settings.exclude, *targets}
    return [name for name in names if name in considered]


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
    return {"number": REGRESSION, "category": CLASSIFICATION, "boolean": CLASSIFICATION}.get(kind or "")


def rows_with_target(
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
    table: pa.Table,
    targets: tuple[str, ...],
    chosen: Sequence[str],
    settings: DataSettings,
    where: Where,
    has_types: bool,
) -> tuple[Target, tuple[Feature, ...], tuple[Column, ...]]:
    """The targets, the kind of every chosen column, and typed values of those that are used."""

    def understood(name: str | None) -> Any:
        if name is None:
            return _encoded_columns(table, targets, settings, where, has_types)
        values = table.column(name)
        given = settings.types.get(name)
        encoded = dictionary(values) if is_text(values.type) and not given else None
        feature = Feature(name, given, "as given") if given else kind_of(name, values, where, encoded)
        return feature, typed(name, values, feature.kind, where, encoded) if feature.used else None

    encoded, *pairs = in_threads(understood, [None, *chosen], table.num_rows)
    return encoded, tuple(feature for feature, _ in pairs), tuple(column for _, column in pairs if column is not None)


def _left_out(feature: Feature) -> str:
    if feature.note == "as given":
        return f"{feature.name} is left out, as told by its type ({feature.kind})."
    advice = ""
    if feature.kind == "identifier" and "different" in feature.note:
        advice = f' To use it: types = {{ "{feature.name}" = "category" }}.'
    return f"{feature.name} is left out: it {feature.note}.{advice}"
