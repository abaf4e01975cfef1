"""From a source to a `Dataset`: columns get types, the target gets a task, sets given by files are joined."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from leadline.data.dataset import Dataset
from leadline.data.settings import DataSettings, GivenSet, WeightedSource, weighted_sources
from leadline.data.sources.array_assembly import assemble_arrays
from leadline.data.sources.assembly import assemble_tables
from leadline.data.sources.images import ImageRequest
from leadline.data.sources.opening import open_source, table_files
from leadline.data.sources.raw import DEV, EXTRA, MAIN, TEST, Raw, RawArrays, RawTable, SourcePart, named_by_position
from leadline.data.sources.request import Heads, SourceRequest
from leadline.errors import LeadlineError, LeadlineWarning, UsageError, nearest

SHOWN_VALUES = 5


def read(source: Any = None, target: Any = None, *, folder: str | Path | None = None, **settings: Any) -> Dataset:
    """Read examples and find out what they are.

    ``source``: a path (CSV, TSV, Parquet, Arrow, JSON lines, ``.npz``, ``.npy``, HDF5, IDX; also gzipped; a folder
    with a folder of images for each class), the name of a bundled data set (``"digits"``), a data frame (pandas,
    polars), a pyarrow table, a dictionary of arrays, an array (n, …), ``(inputs, target)``, or a list of paths that
    are one source. ``target``: the name of the column or array to predict, several columns, the path of a file of
    labels, or the values themselves. ``settings`` are the other fields of `DataSettings`; ``dev`` and ``test`` may
    also be given as ``(inputs, target)``. ``extra`` are sources for training alone, and
    ``sources = {"target": …, "extra": …}`` says both. Relative paths start from ``folder``.

    Raises LeadlineError, with file, row and column, for data that cannot be used.
    """
    if "sources" in settings:
        source = _both_sources(source, settings)
    if isinstance(source, tuple) and len(source) == 2 and target is None:
        source, target = source
    allowed = [field.name for field in fields(DataSettings) if field.name not in ("source", "target")]
    for key in settings:
        if key not in allowed:
            raise UsageError(f"read: unknown setting {key!r}.{nearest(key, allowed)}")
    given = {name: settings.pop(name, None) for name in ("dev", "test")}
    described = {name: value for name, value in given.items() if _is_described(value)}
    objects = {name: value for name, value in given.items() if value is not None and name not in described}
    if isinstance(target, int | os.PathLike):
        target = str(target)
    several = _several(source)
    is_path = isinstance(source, str | os.PathLike)
    named = target if isinstance(target, str) or ((is_path or several) and _is_names(target)) else None
    kept = several or (os.fspath(source) if is_path else None)
    made = DataSettings(source=kept, target=named, **described, **settings)
    return _read(several or (WeightedSource(source),), target, objects, made, folder)


def read_settings(settings: DataSettings, folder: str | Path | None = None, heads: Heads | None = None) -> Dataset:
    """Read what ``settings`` describe; relative paths start from ``folder``, as in an experiment file.

    ``heads`` are those of Parquet files among the sources that were read already.
    """
    if settings.source is None:
        raise UsageError("data.source is missing: name a file, or a bundled data set such as 'digits'.")
    return _read(weighted_sources("data.source", settings.source), settings.target, {}, settings, folder, heads)


def _both_sources(source: Any, settings: dict[str, Any]) -> Any:
    """The target sources of ``sources``; the extra ones become a setting of their own."""
    sources = settings.pop("sources")
    if not isinstance(sources, Mapping) or "target" not in sources or {*sources} - {"target", "extra"}:
        raise UsageError(f"data.sources: got {sources!r}; it is a table with the keys target and extra.")
    if source is not None or "extra" in settings:
        raise UsageError("data.sources takes the place of source and extra; give one or the other.")
    settings["extra"] = sources.get("extra", ())
    return sources["target"]


def _several(source: Any) -> tuple[WeightedSource, ...]:
    """A list of paths, data frames or tables with a weight as sources; () for anything that is one source."""
    entries = source if isinstance(source, list) else [source]
    weighted = all(isinstance(each, WeightedSource) or _is_weighted(each) for each in entries)
    if entries and (weighted or (isinstance(source, list) and all(_is_whole_source(each) for each in source))):
        return weighted_sources("source", source)
    return ()


def _is_weighted(value: Any) -> bool:
    return isinstance(value, Mapping) and "source" in value and {*value} <= {"source", "weight"}


def _is_whole_source(value: Any) -> bool:
    """Whether a value in a list is a source of its own, not a row of numbers."""
    return isinstance(value, str | os.PathLike | WeightedSource) or _is_weighted(value) or hasattr(value, "columns")


def _is_described(value: Any) -> bool:
    return isinstance(value, str | os.PathLike | GivenSet | Mapping) and (
        not isinstance(value, Mapping) or isinstance(value.get("source"), str)
    )


def _read(
    sources: tuple[WeightedSource, ...],
    target: Any,
    objects: Mapping[str, Any],
    settings: DataSettings,
    folder: str | Path | None,
    heads: Heads | None = None,
) -> Dataset:
    request = replace(request_of(target, settings, folder), heads=heads or {})
    sources = tuple(
        replace(each, source=source)
        for each in sources
        for source in table_files(each.source, request.folder) or [each.source]
    )
    main = open_source(sources[0].source, request)
    targets = table_targets(main, target) if isinstance(main, RawTable) else ()
    parts = [SourcePart(main, MAIN, sources[0].weight)]
    for role, others in ((MAIN, sources[1:]), (EXTRA, settings.extra)):
        for other in others:
            name = "source" if role == MAIN else "extra"
            raw = further_set(name, other.source, GivenSet(""), main, targets, request)
            parts.append(SourcePart(raw, role, other.weight))
    for role, name in ((DEV, "dev"), (TEST, "test")):
        described: GivenSet | None = getattr(settings, name)
        if described is not None or name in objects:
            value = objects[name] if described is None else described.source
            given = described or GivenSet(source="")
            parts.append(SourcePart(further_set(name, value, given, main, targets, request), role))
    if isinstance(main, RawTable):
        tables = [part.raw for part in parts if isinstance(part.raw, RawTable)]
        return assemble_tables(parts, tables, targets, settings)
    return assemble_arrays(parts, [part.raw for part in parts if isinstance(part.raw, RawArrays)], settings)


def request_of(target: Any, settings: DataSettings, folder: str | Path | None) -> SourceRequest:
    """What to look for in the main source: the columns the user spoke of, and those to keep as text."""
    targets = {target} if isinstance(target, str) else set(target) if _is_names(target) else set()
    spoken = {*settings.types, *settings.exclude, *(settings.features or ()), *targets}
    as_text = {name for name, kind in settings.types.items() if kind in ("category", "text", "identifier")}
    return SourceRequest(
        settings.inputs,
        target,
        expected=frozenset(spoken),
        as_text=frozenset(as_text | targets),
        folder=Path(folder) if folder else None,
        images=ImageRequest(settings.size, settings.broken),
        names=settings.names,
    )


def further_set(
    name: str, value: Any, given: GivenSet, main: Raw, targets: tuple[str, ...], request: SourceRequest
) -> Raw:
    """Another source beside the main one, of the same kind and with columns named as there."""
    request = replace(request, names=())  # which are the main source's; others are named as it is
    if isinstance(main, RawArrays):
        names: dict[str, Any] = {"likely_inputs": main.inputs_name, "likely_target": main.target_name}
        if main.inputs.ndim == 4 and main.inputs.dtype == np.uint8:
            names["images"] = replace(request.images, size=main.inputs.shape[1:3], channels=main.inputs.shape[3])
        raw = open_source(value, replace(request, inputs=given.inputs, target=given.target, **names))
    else:
        own = (given.target,) if given.target else targets
        columns = frozenset(main.data.column_names)
        raw = open_source(value, replace(request, target=None, expected=columns, as_text=request.as_text | {*own}))
    if type(raw) is not type(main):
        raise LeadlineError(f"{raw.source} and {main.source} must be of the same kind: tables or arrays.")
    if not isinstance(raw, RawTable) or not isinstance(main, RawTable):
        return raw
    raw = named_by_position(raw, main.data.column_names)
    own = (given.target,) if given.target else targets
    if isinstance(value, tuple) and not _is_names(value[1]):
        own = (raw.data.column_names[-1],)
    return _with_targets(raw, f"data.{name}.target", own, targets)


def _with_targets(raw: RawTable, key: str, own: tuple[str, ...], targets: tuple[str, ...]) -> RawTable:
    """The table with its ``own`` target columns under the names of the main source."""
    names = raw.data.column_names
    unknown = next((name for name in own if name not in names), None)
    if unknown is not None:
        raise UsageError(f"{key}: {raw.source} has no column '{unknown}'.{nearest(unknown, names)}")
    new = dict(zip(own, targets, strict=False))
    return replace(raw, data=raw.data.rename_columns([new.get(name, name) for name in names]))


def _is_names(target: Any) -> bool:
    return isinstance(target, list | tuple) and all(isinstance(name, str) for name in target) and len(target) > 0


def table_targets(raw: RawTable, target: Any) -> tuple[str, ...]:
    """The names of the target columns; a column without a name may be given by its number, −1 for the last."""
    names = raw.data.column_names
    if target is None:
        listed = ", ".join(names[:12]) + (", …" if len(names) > 12 else "")
        raise UsageError(f"data.target: say which column of {raw.source} to predict: {listed}.")
    if _is_names(target) and (isinstance(target, tuple) or all(name in names for name in target)):
        return tuple(table_targets(raw, name)[0] for name in target)
    if not isinstance(target, str):
        return (names[-1],)  # values given in Python became the last column
    several = tuple(part.strip() for part in target.split(","))
    if target not in names and len(several) > 1 and all(name in names for name in several):
        return several
    if target not in names and target.lstrip("-").isdigit():
        position = int(target)
        if 1 <= position <= len(names) or position == -1:
            return (_by_place(raw, position),)
        raise UsageError(
            f"data.target: there is no column {target} in {raw.source}; columns are counted from 1 to {len(names)}, "
            "and -1 is the last."
        )
    if target not in names:
        raise UsageError(f"data.target: {raw.source} has no column '{target}' to predict.{nearest(target, names)}")
    return (target,)


def _by_place(raw: RawTable, position: int) -> str:
    """The name of the column at a place, 1 the first and −1 the last; says with its first values which one it is."""
    names = raw.data.column_names
    name = names[position - (position > 0)]
    values = raw.data.column(name).slice(0, SHOWN_VALUES).to_pylist()
    shown = ", ".join("missing" if value is None else str(value) for value in values)
    warnings.warn(
        f"data.target: {position} is {name}, column {names.index(name) + 1} of {len(names)} counted from 1: {shown}, …",
        LeadlineWarning,
        stacklevel=2,
    )
    return name
