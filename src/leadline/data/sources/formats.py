"""Formats of files: how each is recognized by its name or first bytes, and how it is read."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa

from leadline.data.sources import arrays, columnar
from leadline.data.sources.delimited import read_delimited
from leadline.data.sources.matlab import read_mat
from leadline.data.sources.objects import open_object
from leadline.data.sources.raw import Raw, RawArrays, RawTable, as_raw_table, reading
from leadline.data.sources.request import SourceRequest
from leadline.data.sources.series import read_ts
from leadline.data.sources.spreadsheets import read_spreadsheet
from leadline.errors import LeadlineError
from leadline.extensions import Extension, Registry, registry

IDX_NAME = re.compile(r"idx\d(-\w+)?$|-ubyte$")


class FileFormat(Extension, ABC, kind="file format"):
    """A format of files of data. Subclass it, with `read`, to add one of your own.

    A file is of the format whose ``endings`` its name has (in lower case, with the dot), else of that whose
    ``signature`` it begins with. Endings of the user's own come before those that come along. ``gzipped``: names may go
    on with ".gz". ``is_table``: a folder of nothing but such files is one table.
    """

    name: ClassVar[str]
    endings: ClassVar[tuple[str, ...]] = ()
    signature: ClassVar[bytes | None] = None
    gzipped: ClassVar[bool] = False
    is_table: ClassVar[bool] = False
    holds_arrays: ClassVar[bool] = False

    @abstractmethod
    def read(self, path: Path, request: SourceRequest) -> Any:
        """What the file holds: anything that `leadline.read` takes in Python.

        That is a table (pandas, polars, Arrow), a dictionary of arrays, an array of inputs (n, …), or a pair (inputs,
        target). ``request`` says which arrays and columns were asked for; most formats need not look at it.
        """

    def named(self, name: str) -> bool:
        """Whether a file of this name is of the format."""
        name = name.lower()
        return (name.removesuffix(".gz") if self.gzipped else name).endswith(self.endings or "\0")


FILE_FORMATS: Registry[FileFormat] = registry("file format")
"""The formats by name."""


def format_of(name: str, head: bytes = b"") -> FileFormat:
    """The format of a file by its name, else by its first bytes; text in columns where neither says more."""
    own = [name for name, origin in FILE_FORMATS.origins.items() if not origin.is_own]
    for form in (*(FILE_FORMATS[each] for each in own), *FILE_FORMATS.values()):
        if form.named(name):
            return form
    signed = (form for form in FILE_FORMATS.values() if form.signature and head.startswith(form.signature))
    return next(signed, FILE_FORMATS["delimited"])


def open_file(path: Path, request: SourceRequest) -> Raw:
    """Read a file as its format says. `LeadlineError`: it is damaged, or not of its format."""
    source = path.name
    name = source.split(".")[0] or source
    with reading(source, "a file"), path.open("rb") as file:
        head = file.read(16)
    form = format_of(path.name, head)
    with reading(source, f"the format '{form.name}'"):
        value = form.read(path, request)
        if isinstance(value, RawTable | RawArrays):
            return value
        if isinstance(value, tuple) and len(value) == 2:
            value, request = value[0], replace(request, target=value[1])
        raw = open_object(value, request)
    if isinstance(raw, RawTable):
        return replace(raw, name=name, source=source, where=lambda row: f"{source}, row {row + 1}")
    return replace(raw, name=name, source=source)


def labelled(images: RawArrays, labels: Raw) -> RawArrays:
    """Inputs with the targets of a file of labels, which has one column."""
    if isinstance(labels, RawTable):
        if labels.data.num_columns != 1:
            raise LeadlineError(
                f"{labels.source}: a file of labels has one column, this one {labels.data.num_columns}."
            )
        values = labels.data.column(0).to_numpy()
    else:
        values = labels.inputs
    return replace(images, target=values, target_name=labels.name)


def _names(path: Path) -> tuple[str, str]:
    """What data and errors call the file: ``digits`` and ``digits.csv.gz``."""
    return path.name.split(".")[0] or path.name, path.name


def _bytes(path: Path) -> bytes:
    """The whole file, unpacked."""
    with reading(path.name, "a file"):
        raw = path.read_bytes()
    return arrays.gunzipped(path.name, raw)


# --- those that come along ------------------------------------------------------------------------------------


class Idx(FileFormat):
    """Arrays as MNIST has them; labels beside the images are recognized by their name."""

    endings, gzipped, holds_arrays = (".idx",), True, True

    def named(self, name: str) -> bool:
        """Also ``train-images-idx3-ubyte``."""
        return super().named(name) or bool(IDX_NAME.search(name.lower().removesuffix(".gz")))

    def read(self, path: Path, request: SourceRequest) -> Raw:
        """The images, with their labels unless a target is named."""
        images = arrays.read_idx(*_names(path), _bytes(path))
        labels = None if request.target is not None else arrays.idx_labels(path)
        return images if labels is None else labelled(images, open_file(labels, SourceRequest()))


class Delimited(FileFormat):
    """Text in columns: the delimiter, a header and the decimal sign are inferred."""

    endings, gzipped, is_table = (".csv", ".tsv", ".tab", ".txt", ".data", ".dat"), True, True

    def read(self, path: Path, request: SourceRequest) -> Raw:
        """The table."""
        return read_delimited(*_names(path), _bytes(path), request.expected, request.as_text, request.names)


class Npz(FileFormat):
    """Arrays by name, as NumPy saves several."""

    endings, signature, gzipped, holds_arrays = (".npz",), b"PK\x03\x04", True, True

    def read(self, path: Path, request: SourceRequest) -> Raw:
        """The arrays of inputs and targets."""
        return arrays.read_npz(*_names(path), _bytes(path), request.arrays)


class Npy(FileFormat):
    """One array, as NumPy saves it."""

    endings, signature, gzipped, holds_arrays = (".npy",), b"\x93NUMPY", True, True

    def read(self, path: Path, request: SourceRequest) -> Raw:
        """The inputs."""
        return arrays.read_npy(*_names(path), _bytes(path))


class Hdf5(FileFormat):
    """Arrays by name in HDF5."""

    endings, signature, gzipped, holds_arrays = (".h5", ".hdf5", ".hdf"), b"\x89HDF\r\n\x1a\n", True, True

    def read(self, path: Path, request: SourceRequest) -> Raw:
        """The arrays of inputs and targets."""
        return arrays.read_hdf5(*_names(path), path, request.arrays)


class Parquet(FileFormat):
    """A table in columns, or images that are encoded in one of them."""

    endings, signature, gzipped, is_table = (".parquet", ".pq"), b"PAR1", True, True

    def read(self, path: Path, request: SourceRequest) -> Raw:
        """The table or the images; encoded images are not held in memory all at once."""
        head = request.heads.get(path) or columnar.parquet_head(path.name, path)
        column = columnar.image_column(head.schema.to_arrow_schema(), request.inputs)
        table = columnar.read_parquet(path.name, path, head, without=column)
        images = [] if column is None else columnar.EncodedImages(path.name, path, column, head)
        return _table_or_images(path, table, column, images, request)


class Arrow(FileFormat):
    """A table in Arrow's own format (Feather, IPC), or images that are encoded in one of its columns."""

    endings, signature, gzipped, is_table = (".arrow", ".feather", ".ipc"), b"ARROW1", True, True

    def read(self, path: Path, request: SourceRequest) -> Raw:
        """The table or the images."""
        table = columnar.read_arrow(path.name, path)
        column = columnar.image_column(table.schema, request.inputs)
        images = [] if column is None else columnar.encoded_images(table, column)
        return _table_or_images(path, table, column, images, request)


def _table_or_images(path: Path, table: pa.Table, column: str | None, images: Any, request: SourceRequest) -> Raw:
    if column is None:
        return as_raw_table(*_names(path), table)
    status = path.stat()
    key = f"{path.resolve()} {status.st_size} {status.st_mtime_ns} {column}"
    return columnar.with_images(*_names(path), table, column, images, request.target, request.images, key)


class Ts(FileFormat):
    """Series with their classes, as sktime and aeon keep them."""

    endings, gzipped, holds_arrays = (".ts",), True, True

    def read(self, path: Path, request: SourceRequest) -> Raw:
        """The series and their targets."""
        return read_ts(*_names(path), _bytes(path))


class Json(FileFormat):
    """One JSON object on each line."""

    endings, gzipped, is_table = (".jsonl", ".ndjson"), True, True

    def read(self, path: Path, request: SourceRequest) -> Raw:
        """The table."""
        return columnar.read_json_lines(*_names(path), _bytes(path))


class Spreadsheet(FileFormat):
    """A sheet of a workbook: the first that holds cells, or that which the request's ``inputs`` name."""

    endings, gzipped = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"), True

    def read(self, path: Path, request: SourceRequest) -> Raw:
        """The table."""
        sheet, names = request.inputs, (request.expected, request.as_text, request.names)
        return read_spreadsheet(*_names(path), _bytes(path), sheet, *names)


class Mat(FileFormat):
    """Matrices by name, as MATLAB and Octave save them."""

    endings, signature, gzipped, holds_arrays = (".mat",), b"MATLAB ", True, True

    def read(self, path: Path, request: SourceRequest) -> Raw:
        """The matrices of inputs and targets."""
        return read_mat(*_names(path), path, _bytes(path), request.arrays)
