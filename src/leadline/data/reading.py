"""From a source to a `Dataset`: columns get types, the target gets a task, sets given by files are joined."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from leadline.data.assembly import assemble_arrays, assemble_tables
from leadline.data.dataset import Dataset
from leadline.data.raw import Raw, RawArrays, RawTable
from leadline.data.settings import DataSettings, GivenSet
from leadline.data.sources import Wanted, open_source
from leadline.errors import LeadlineError, UsageError, nearest


def read(source: Any, target: Any = None, *, folder: str | Path | None = None, **settings: Any) -> Dataset:
    """Read examples and find out what they are.

    ``source``: a path (CSV, TSV, Parquet, Arrow, JSON lines, ``.npz``, ``.npy``, HDF5, IDX; also gzipped), the
    name of a bundled data set (``"digits"``), a data frame (pandas, polars), a pyarrow table, a dictionary of
    arrays, or an array (n, …). ``target``: the name of the column or array to predict, the path of a file of
    labels, or the values themselves. ``settings`` are the other fields of `DataSettings`; ``dev`` and ``test``
    may also be given as ``(inputs, target)``. Relative paths start from ``folder``.

    Raises LeadlineError, with file, row and column, for data that cannot be used.
    """
    allowed = [field.name for field in fields(DataSettings) if field.name not in ("source", "target")]
    for key in settings:
        if key not in allowed:
            raise UsageError(f"read: unknown setting {key!r}.{nearest(key, allowed)}")
    given = {name: settings.pop(name, None) for name in ("dev", "test")}
    described = {name: value for name, value in given.items() if _is_described(value)}
    objects = {name: value for name, value in given.items() if value is not None and name not in described}
    named_target = str(target) if isinstance(target, str | int | os.PathLike) else None
    is_path = isinstance(source, str | os.PathLike)
    made = DataSettings(source=os.fspath(source) if is_path else None, target=named_target, **described, **settings)
    return _read(source, target if named_target is None else named_target, objects, made, folder)


def read_settings(settings: DataSettings, folder: str | Path | None = None) -> Dataset:
    """Read what ``settings`` describe; relative paths start from ``folder``, as in an experiment file."""
    if settings.source is None:
        raise UsageError("data.source is missing: name a file, or a bundled data set such as 'digits'.")
    return _read(settings.source, settings.target, {}, settings, folder)


def _is_described(value: Any) -> bool:
    return isinstance(value, str | os.PathLike | GivenSet | Mapping) and (
        not isinstance(value, Mapping) or isinstance(value.get("source"), str)
    )


def _read(
    source: Any, target: Any, objects: Mapping[str, Any], settings: DataSettings, folder: str | Path | None
) -> Dataset:
    spoken = {*settings.types, *settings.exclude, *(settings.features or ())}
    as_text = {name for name, kind in settings.types.items() if kind in ("category", "text", "identifier")}
    if isinstance(target, str):
        spoken.add(target)
        as_text.add(target)
    wanted = Wanted(settings.inputs, target, frozenset(spoken), frozenset(as_text), Path(folder) if folder else None)
    main = open_source(source, wanted)
    raws: list[tuple[int, Raw]] = [(0, main)]
    for code, name in ((1, "dev"), (2, "test")):
        other = _given_set(name, settings, objects, main, wanted)
        if other is not None:
            if type(other) is not type(main):
                raise LeadlineError(f"{other.source} and {main.source} must be of the same kind: tables or arrays.")
            raws.append((code, other))
    if isinstance(main, RawTable):
        tables = [(code, raw) for code, raw in raws if isinstance(raw, RawTable)]
        return assemble_tables(tables, _table_target(main, target), settings)
    arrays = [(code, raw) for code, raw in raws if isinstance(raw, RawArrays)]
    return assemble_arrays(arrays, settings)


def _given_set(name: str, settings: DataSettings, objects: Mapping[str, Any], main: Raw, wanted: Wanted) -> Raw | None:
    """The dev or test set that was given, its target under the name the main source uses."""
    if name in objects:
        return open_source(objects[name], wanted)
    given: GivenSet | None = getattr(settings, name)
    if given is None:
        return None
    names = frozenset(main.data.column_names) if isinstance(main, RawTable) else frozenset()
    target = given.target or (wanted.target if isinstance(main, RawTable) else None)
    as_text = wanted.as_text | ({target} if target else set())
    special = replace(wanted, inputs=given.inputs, target=target, expected=names, as_text=frozenset(as_text))
    raw = open_source(given.source, special)
    if isinstance(raw, RawTable) and isinstance(wanted.target, str) and given.target:
        if given.target not in raw.data.column_names:
            hint = nearest(given.target, raw.data.column_names)
            raise UsageError(f"data.{name}.target: {raw.source} has no column '{given.target}'.{hint}")
        renamed = [wanted.target if each == given.target else each for each in raw.data.column_names]
        raw = replace(raw, data=raw.data.rename_columns(renamed))
    return raw


def _table_target(raw: RawTable, target: Any) -> str:
    """The name of the target column; in a file without header also its number, −1 for the last."""
    names = raw.data.column_names
    if target is None:
        listed = ", ".join(names[:12]) + (", …" if len(names) > 12 else "")
        raise UsageError(f"{raw.source}: say which column to predict: target = one of {listed}.")
    if not isinstance(target, str):
        return names[-1]
    if target not in names and target.lstrip("-").isdigit():
        position = int(target)
        if 1 <= position <= len(names) or position == -1:
            return names[position - (position > 0)]
    if target not in names:
        raise UsageError(f"{raw.source} has no column '{target}' to predict.{nearest(target, names)}")
    return target
