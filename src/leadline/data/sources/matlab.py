"""MATLAB's files (.mat): the named matrices of versions 4 to 7; files of version 7.3 are HDF5."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.io import loadmat, whosmat
from scipy.io.matlab import MatReadError

from leadline.data.sources.arrays import ArrayNames, read_hdf5, select_arrays
from leadline.data.sources.limits import check_unpacked
from leadline.data.sources.raw import RawArrays, reading
from leadline.errors import LeadlineError

HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
HDF5_BEGINS = 512
"""Version 7.3 puts a header of its own before the HDF5 file."""
BYTES = {"double": 8, "int64": 8, "uint64": 8, "single": 4, "int32": 4, "uint32": 4, "int16": 2, "uint16": 2}
MATRICES = {*BYTES, "int8", "uint8", "logical", "char"}


def read_mat(name: str, source: str, path: Path, raw: bytes, names: ArrayNames) -> RawArrays:
    """Inputs and targets among the matrices; a column or row of numbers is a target (n,).

    MATLAB keeps images as (height, width, channels, n): where the last axis has as many as the target, and the
    first has not, it is moved to the front. `LeadlineError`: the file is damaged, or holds cells and structures only.
    """
    if raw[HDF5_BEGINS : HDF5_BEGINS + 8] == HDF5_SIGNATURE or raw.startswith(HDF5_SIGNATURE):
        return _arranged(_turned(read_hdf5(name, source, path, names)))
    with reading(source, "a .mat file"):
        try:
            matrices = {key: kind for key, _, kind in _listed(source, raw) if kind in MATRICES}
            if not matrices:
                raise LeadlineError(f"{source} holds no matrices; cells and structures are not read.")
            values: Mapping[str, Any] = loadmat(io.BytesIO(raw), variable_names=list(matrices), chars_as_strings=True)
        except MatReadError as error:
            raise LeadlineError(f"{source} cannot be read as a .mat file: {error}.") from None
        return _arranged(select_arrays(name, source, matrices, lambda key: np.asarray(values[key]), names))


def _listed(source: str, raw: bytes) -> list[tuple[str, tuple[int, ...], str]]:
    """Name, shape and type of what is in it; `LeadlineError` where that unpacks to far too much."""
    listed = whosmat(io.BytesIO(raw))
    size = sum(BYTES.get(kind, 1) * int(np.prod(shape, dtype=float)) for _, shape, kind in listed)
    check_unpacked(source, size, max(len(raw), 1))
    return listed


def _turned(arrays: RawArrays) -> RawArrays:
    """MATLAB's order of axes, which HDF5 has the other way round."""
    target = arrays.target
    return replace(arrays, inputs=arrays.inputs.T, target=None if target is None else target.T)


def _arranged(arrays: RawArrays) -> RawArrays:
    inputs, target = arrays.inputs, arrays.target
    if target is not None and target.ndim == 2 and 1 in target.shape:
        target = target.reshape(-1)
    if target is not None and inputs.ndim > 1 and len(inputs) != len(target) == inputs.shape[-1]:
        inputs = np.moveaxis(inputs, -1, 0)
    if target is not None and target.dtype.kind == "U":
        target = np.char.strip(target)
    return replace(arrays, inputs=np.ascontiguousarray(inputs), target=target)
