"""Opening a source, whatever it is: a path, the name of a bundled data set, or objects given in Python."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from leadline.data.sources import arrays, columnar
from leadline.data.sources.bundled import BUNDLED, read_bundled
from leadline.data.sources.delimited import read_delimited
from leadline.data.sources.images import Wish, is_image_name, read_image_folder, read_plain_images
from leadline.data.sources.raw import Raw, RawArrays, RawTable, as_raw_table, reading
from leadline.errors import LeadlineError, UsageError, nearest

FORMATS = {
    "delimited": (".csv", ".tsv", ".tab", ".txt", ".data", ".dat"),
    "npz": (".npz",),
    "npy": (".npy",),
    "hdf5": (".h5", ".hdf5", ".hdf"),
    "parquet": (".parquet", ".pq"),
    "arrow": (".arrow", ".feather", ".ipc"),
    "json": (".jsonl", ".ndjson"),
    "idx": (".idx",),
    "spreadsheet": (".xlsx", ".xls", ".ods"),
}
SIGNATURES = {
    b"\x89HDF\r\n\x1a\n": "hdf5",
    b"\x93NUMPY": "npy",
    b"PK\x03\x04": "npz",
    b"PAR1": "parquet",
    b"ARROW1": "arrow",
}
ARRAY_FORMATS = ("npz", "npy", "hdf5", "idx")
IDX_NAME = re.compile(r"idx\d(-\w+)?$|-ubyte$")


@dataclass(frozen=True)
class Wanted:
    """What the reader of a source should look for: names of arrays, and columns the user spoke of."""

    inputs: str | None = None
    target: Any = None
    likely_inputs: str | None = None
    likely_target: str | None = None
    expected: frozenset[str] = frozenset()
    as_text: frozenset[str] = frozenset()
    folder: Path | None = None
    images: Wish = field(default_factory=Wish)
    labelled: bool = True

    @property
    def arrays(self) -> arrays.ArrayNames:
        """The names of arrays among all this; a target that is a file of labels is no array."""
        target = self.target if isinstance(self.target, str) and not labels_path(self) else None
        return arrays.ArrayNames(self.inputs, target, self.likely_inputs, self.likely_target)


def open_source(source: Any, wanted: Wanted) -> Raw:
    """Read ``source`` as it stands. Paths may hold ``~`` and ``$VARIABLES`` and start from ``wanted.folder``.

    Raises LeadlineError for a source that is missing or damaged.
    """
    if isinstance(source, str) and source in BUNDLED and not Path(source).exists():
        return read_bundled(source)
    if isinstance(source, str | os.PathLike):
        path = resolved(os.fspath(source), wanted.folder)
        if path.is_dir() or is_image_name(path.name):
            labelled = wanted.labelled and path.is_dir()
            return read_image_folder(path, wanted.images) if labelled else read_plain_images(path, wanted.images)
        return _with_labels(_open_path(path, wanted), wanted)
    if isinstance(source, tuple) and len(source) == 2:
        source, wanted = source[0], replace(wanted, target=source[1])
    return _open_object(source, wanted)


def resolved(source: str, folder: Path | None) -> Path:
    """The existing file that ``source`` means; LeadlineError with the nearest names where there is none."""
    expanded = os.path.expandvars(source)
    unset = re.search(r"\$\{?(\w+)\}?", expanded)
    path = Path(expanded).expanduser() if not expanded.startswith("~") else _home(expanded)
    path = (folder or Path()) / path
    if path.is_dir() and _holds_images(path):
        return path
    if path.is_dir():
        files = sorted(each.name for each in path.iterdir() if each.is_file())[:8]
        listed = f" Name a file in it: {', '.join(files)}." if files else " It holds no files."
        raise LeadlineError(f"{source} is a folder.{listed}")
    if path.is_file():
        return path
    if unset:
        raise LeadlineError(f"{source}: the environment variable {unset.group(1)} is not set.")
    if not path.parent.is_dir():
        raise LeadlineError(f"{source}: no such file; the folder {path.parent} does not exist.")
    names = [each.name for each in path.parent.iterdir() if each.is_file()]
    names += BUNDLED if path.parent == Path() else ()
    hint = nearest(path.name, names) if names else ""
    raise LeadlineError(f"{source}: no such file.{hint if 'Did you mean' in hint else ''}")


def table_files(source: Any, folder: Path | None) -> list[str]:
    """The tables in a folder that holds nothing else but hidden files and notes; [] for any other source."""
    if not isinstance(source, str | os.PathLike):
        return []
    path = (folder or Path()) / Path(os.path.expandvars(os.fspath(source)))
    if not path.is_dir():
        return []
    files = [each for each in sorted(path.iterdir()) if not each.name.startswith((".", "_")) and each.suffix != ".md"]
    tables = (*FORMATS["delimited"], *FORMATS["parquet"], *FORMATS["arrow"], *FORMATS["json"])
    fit = all(each.is_file() and each.name.lower().removesuffix(".gz").endswith(tables) for each in files)
    return [str(each) for each in files] if fit else []


def _holds_images(path: Path) -> bool:
    return any(is_image_name(name) for _, _, names in os.walk(path) for name in names)


def _home(path: str) -> Path:
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise LeadlineError(f"{path}: the home folder is not known; write the path in full.") from error


def _open_path(path: Path, wanted: Wanted) -> Raw:
    source = path.name
    name = source.split(".")[0] or source
    with reading(source, "a file"), path.open("rb") as file:
        head = file.read(16)
    form = format_of(path.name, head)
    if form == "spreadsheet":
        raise LeadlineError(f"{source}: spreadsheets are not read; save the sheet as CSV.")
    if form == "hdf5":
        return arrays.read_hdf5(name, source, path, wanted.arrays)
    if form in ("parquet", "arrow"):
        return _columnar(name, source, path, form, wanted)
    with reading(source, "a file"):
        raw = path.read_bytes()
    raw = arrays.gunzipped(source, raw)
    if form == "npz":
        return arrays.read_npz(name, source, raw, wanted.arrays)
    if form == "npy":
        return arrays.read_npy(name, source, raw)
    if form == "json":
        return columnar.read_json_lines(name, source, raw)
    if form == "idx":
        images = arrays.read_idx(name, source, raw)
        labels = None if wanted.target is not None else arrays.idx_labels(path)
        if labels is None:
            return images
        return _labelled(images, _open_path(labels, Wanted()))
    return read_delimited(name, source, raw, wanted.expected, wanted.as_text)


def _columnar(name: str, source: str, path: Path, form: str, wanted: Wanted) -> Raw:
    """A Parquet or Arrow file: a table, or images where a column holds them encoded."""
    table = columnar.read_arrow(source, path) if form == "arrow" else None
    schema = columnar.parquet_schema(source, path) if table is None else table.schema
    column = columnar.image_column(schema, wanted.inputs)
    if table is None:
        table = columnar.read_parquet(source, path, without=column)
        values = [] if column is None else columnar.EncodedImages(source, path, column)
    else:
        values = [] if column is None else columnar.encoded_images(table, column)
    if column is None:
        return as_raw_table(name, source, table)
    status = path.stat()
    key = f"{path.resolve()} {status.st_size} {status.st_mtime_ns} {column}"
    return columnar.with_images(name, source, table, column, values, wanted.target, wanted.images, key)


def format_of(name: str, head: bytes = b"") -> str:
    """The format by the ending of the name, else by the first bytes."""
    plain = name.lower().removesuffix(".gz")
    if IDX_NAME.search(plain):
        return "idx"
    for form, endings in FORMATS.items():
        if plain.endswith(endings):
            return form
    return next((form for signature, form in SIGNATURES.items() if head.startswith(signature)), "delimited")


def labels_path(wanted: Wanted) -> Path | None:
    """The file of labels that the target names, if it names one."""
    if not isinstance(wanted.target, str):
        return None
    path = (wanted.folder or Path()) / os.path.expandvars(wanted.target)
    return path if path.is_file() else None


def _with_labels(raw: Raw, wanted: Wanted) -> Raw:
    """Inputs joined with the targets of another file, where ``wanted.target`` is one."""
    if not isinstance(raw, RawArrays) or raw.target is not None or not isinstance(wanted.target, str):
        return raw
    path = labels_path(wanted)
    if path is None:
        raise UsageError(f"{raw.source}: the target '{wanted.target}' is neither an array in it nor a file of labels.")
    return _labelled(raw, _open_path(path, Wanted()))


def _labelled(images: RawArrays, labels: Raw) -> RawArrays:
    if isinstance(labels, RawTable):
        if labels.data.num_columns != 1:
            raise LeadlineError(
                f"{labels.source}: a file of labels has one column, this one {labels.data.num_columns}."
            )
        values = labels.data.column(0).to_numpy()
    else:
        values = labels.inputs
    return replace(images, target=values, target_name=labels.name)


def _open_object(value: Any, wanted: Wanted) -> Raw:
    """Arrays and tables given in Python, with a target that is a column's name or values of its own."""
    table = columnar.table_of(value)
    if table is not None:
        return _table_with_target(as_raw_table("data", "the table given", table), wanted)
    if isinstance(value, dict):
        return arrays.from_mapping("data", "the arrays given", value, wanted.arrays)
    with reading("the array given", "numbers", advice=""):
        inputs = np.asarray(value)
        if inputs.dtype == object:
            inputs = inputs.astype(np.float64)
    if inputs.ndim == 0:
        raise UsageError(f"source: got {value!r}; give a path, a table (data frame) or an array of inputs.")
    target = None if wanted.target is None or isinstance(wanted.target, str) else _values(wanted.target)
    return RawArrays("data", "the array given", inputs, target)


def _values(target: Any) -> np.ndarray:
    """Target values as an array, from a list, a series or a tensor."""
    with reading("the target given", "an array", advice=""):
        return np.asarray(target)


def _table_with_target(raw: RawTable, wanted: Wanted) -> RawTable:
    if wanted.target is None or isinstance(wanted.target, str | int) or _are_names(wanted.target, raw):
        return raw
    name = str(getattr(wanted.target, "name", None) or "target")
    if name in raw.data.column_names:
        raise UsageError(f"The table given has a column '{name}' already; give the target another name.")
    with reading("the target given", "a column", advice=""):
        column = columnar.column_of(wanted.target)
    if len(column) != raw.data.num_rows:
        raise LeadlineError(f"The table given has {raw.data.num_rows} rows, its target {len(column)} values.")
    return as_raw_table(raw.name, raw.source, raw.data.append_column(name, column), raw.where)


def _are_names(target: Any, raw: RawTable) -> bool:
    """Whether a target given as a list means columns of the table, and not values."""
    return isinstance(target, list | tuple) and all(name in raw.data.column_names for name in target)
