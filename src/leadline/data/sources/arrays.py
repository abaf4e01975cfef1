"""Arrays in files: NumPy's .npy and .npz, HDF5 with named data sets, and IDX."""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from leadline.data.sources.limits import check_archive, check_hdf5, gunzip
from leadline.data.sources.raw import RawArrays, reading
from leadline.errors import LeadlineError, UsageError, nearest

INPUT_NAMES = (
    "inputs",
    "x",
    "X",
    "features",
    "data",
    "images",
    "x_train",
    "X_train",
    "train_x",
    "train_set_x",
)
TARGET_NAMES = ("target", "targets", "y", "Y", "labels", "label", "y_train", "train_y", "train_set_y")
CLASS_NAMES = ("classes", "class_names", "target_names", "list_classes")

IDX_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


@dataclass(frozen=True)
class ArrayNames:
    """The arrays that were asked for, and names that are likely because another set has them."""

    inputs: str | None = None
    target: str | None = None
    likely_inputs: str | None = None
    likely_target: str | None = None


def read_npz(name: str, source: str, raw: bytes, names: ArrayNames) -> RawArrays:
    """The named arrays of an ``.npz`` archive; arrays of Python objects are refused, never unpickled."""
    with reading(source, "an .npz archive"):
        if not zipfile.is_zipfile(io.BytesIO(raw)):
            raise LeadlineError(f"{source} is not a complete .npz archive: its end is missing or it is no zip file.")
        check_archive(source, raw)
        with np.load(io.BytesIO(raw), allow_pickle=False) as archive:
            return select_arrays(name, source, archive.files, archive.__getitem__, names)


def read_npy(name: str, source: str, raw: bytes) -> RawArrays:
    """The one array of an ``.npy`` file, as inputs without targets."""
    if not raw.startswith(b"\x93NUMPY"):
        raise LeadlineError(f"{source} is not an .npy array: it does not begin like one.")
    with reading(source, "an .npy array"):
        array = np.load(io.BytesIO(raw), allow_pickle=False)
    return RawArrays(name, source, array, None, inputs_name=name)


def read_hdf5(name: str, source: str, path: Path, names: ArrayNames) -> RawArrays:
    """The named data sets of an HDF5 file."""
    with reading(source, "HDF5"), h5py.File(path, "r") as file:
        keys: list[str] = []
        file.visititems(lambda key, item: keys.append(key) if isinstance(item, h5py.Dataset) else None)

        def load(key: str) -> np.ndarray:
            item: Any = file[key]
            check_hdf5(source, key, item)
            is_text = h5py.check_string_dtype(item.dtype) is not None
            return np.asarray(item.asstr()[...], dtype=str) if is_text else item[...]

        return select_arrays(name, source, keys, load, names)


def select_arrays(
    name: str, source: str, available: Iterable[str], load: Callable[[str], np.ndarray], names: ArrayNames
) -> RawArrays:
    """Inputs and targets by the names asked for, or by those they usually have, from the ``available`` arrays."""
    keys = list(available)
    inputs_name = _named(source, keys, "inputs", names.inputs, (names.likely_inputs, *INPUT_NAMES))
    assert inputs_name is not None
    usual = (names.likely_target, inputs_name.replace("x", "y"), inputs_name.replace("X", "y"), *TARGET_NAMES)
    candidates = [key for key in usual if key != inputs_name]
    target_name = _named(source, keys, "target", names.target, candidates, needed=False)
    classes = next((load(key) for key in CLASS_NAMES if key in keys and key != target_name), None)
    return RawArrays(
        name,
        source,
        load(inputs_name),
        None if target_name is None else load(target_name),
        inputs_name,
        target_name or "target",
        () if classes is None else class_names(classes),
    )


def class_names(values: np.ndarray) -> tuple[str, ...]:
    """Names of classes as text, from an array of text or bytes."""
    flat = np.asarray(values).reshape(-1).tolist()
    return tuple(value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value) for value in flat)


def _named(
    source: str, keys: list[str], role: str, given: str | None, usual: Iterable[str | None], needed: bool = True
) -> str | None:
    """The array for a role: the given one, else one with a usual name, else the only one there is."""
    listed = ", ".join(keys) or "none"
    if not keys:
        raise LeadlineError(f"{source} holds no arrays.")
    if given is not None:
        if given not in keys:
            hint = nearest(given, keys).replace("Allowed", "It has")
            raise UsageError(f"{source} has no array '{given}' ({role}).{hint}")
        return given
    chosen = next((key for key in usual if key in keys), None)
    if chosen is None and role == "inputs" and len(keys) == 1:
        return keys[0]
    if chosen is None and needed:
        raise UsageError(f"{source}: say which array holds the {role}: {role} = one of {listed}.")
    return chosen


def read_idx(name: str, source: str, raw: bytes) -> RawArrays:
    """The array of an IDX file (the format of MNIST), as inputs without targets."""
    return RawArrays(name, source, idx_array(source, raw), None, inputs_name=name)


def idx_array(source: str, raw: bytes) -> np.ndarray:
    """Decode IDX: two zero bytes, the type, the number of axes, big-endian sizes, then the values."""
    if len(raw) < 4 or raw[:2] != b"\0\0" or raw[2] not in IDX_TYPES or raw[3] == 0:
        raise LeadlineError(f"{source} is not an IDX file: its first four bytes name no type and number of axes.")
    axes = raw[3]
    start = 4 + 4 * axes
    if len(raw) < start:
        raise LeadlineError(f"{source} is cut off inside its IDX header; get the file again.")
    shape = tuple(int(size) for size in np.frombuffer(raw, ">u4", axes, 4))
    kind = np.dtype(IDX_TYPES[raw[2]])
    expected = math.prod(shape) * kind.itemsize
    if len(raw) - start != expected:
        raise LeadlineError(
            f"{source} holds {len(raw) - start} bytes where its IDX header announces {expected} "
            f"({'×'.join(map(str, shape))} {kind.name}); get the file again."
        )
    values = np.frombuffer(raw, kind, offset=start).reshape(shape)
    return values.astype(kind.newbyteorder("="))


def idx_labels(path: Path) -> Path | None:
    """The labels that belong to a file of IDX images by the usual names, or None."""
    name = path.name.replace("images", "labels").replace("idx3", "idx1").replace("idx4", "idx1")
    if name == path.name:
        return None
    plain = name.removesuffix(".gz")
    return next((path.parent / each for each in (name, plain, plain + ".gz") if (path.parent / each).is_file()), None)


def gunzipped(source: str, raw: bytes) -> bytes:
    """The content of a gzip file; as it is when it is not one."""
    if not raw.startswith(b"\x1f\x8b"):
        return raw
    with reading(source, "gzip"):
        return gunzip(source, raw)


def from_mapping(name: str, source: str, arrays: Mapping[str, Any], names: ArrayNames) -> RawArrays:
    """Inputs and targets from a dictionary of arrays, chosen as in an ``.npz`` file."""
    return select_arrays(name, source, arrays, lambda key: np.asarray(arrays[key]), names)
