from __future__ import annotations

import gzip
import struct
from pathlib import Path

import h5py
import numpy as np
import pytest

from leadline.data import read
from leadline.data.sources.arrays import idx_array
from leadline.errors import LeadlineError, UsageError

X = np.random.default_rng(0).normal(size=(12, 3))
Y = np.arange(12) % 2
IMAGES = (np.arange(12 * 4 * 5) % 256).astype(np.uint8).reshape(12, 4, 5)


def npz(path: Path, **arrays: np.ndarray) -> Path:
    np.savez(path, **arrays)  # pyright: ignore[reportArgumentType]
    return path


def npy(path: Path, array: np.ndarray) -> Path:
    np.save(path, array)
    return path


def idx(array: np.ndarray) -> bytes:
    codes = {"uint8": 8, "int32": 12, "float32": 13}
    head = struct.pack(f">HBB{array.ndim}I", 0, codes[array.dtype.name], array.ndim, *array.shape)
    return head + array.astype(array.dtype.newbyteorder(">")).tobytes()


def test_npz_by_usual_and_by_given_names(tmp_path: Path) -> None:
    for arrays, names in (({"x": X, "y": Y}, {}), ({"a": X, "b": Y}, {"inputs": "a", "target": "b"})):
        data = read(npz(tmp_path / "t.npz", **arrays), **names)
        assert np.array_equal(data.inputs, X)  # pyright: ignore[reportArgumentType]
        assert data.target.tolist() == Y.tolist()
    assert data.target_name == "b"


def test_npy_with_a_file_of_labels(tmp_path: Path) -> None:
    npy(tmp_path / "x.npy", X)
    npy(tmp_path / "labels.npy", Y)
    assert read("x.npy", target="labels.npy", folder=tmp_path).target.tolist() == Y.tolist()
    (tmp_path / "labels.csv").write_text("class\n" + "\n".join("ab"[label] for label in Y))
    assert read("x.npy", target="labels.csv", folder=tmp_path).classes == ("a", "b")


def test_hdf5_with_groups_texts_and_class_names(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "t.h5", "w") as file:
        file["train/x"] = IMAGES
        file["train/y"] = Y
        file["names"] = ["even" if label == 0 else "odd" for label in Y]
        file["list_classes"] = np.array([b"zero", b"one"])
    data = read(tmp_path / "t.h5", target="train/y", inputs="train/x")
    assert data.classes == ("zero", "one")
    assert data.image_shape == (4, 5, 1)
    assert read(tmp_path / "t.h5", target="names", inputs="train/x").classes == ("even", "odd")


@pytest.mark.parametrize("zipped", [False, True])
def test_idx_finds_its_labels(tmp_path: Path, zipped: bool) -> None:
    pack = gzip.compress if zipped else bytes
    ending = ".gz" if zipped else ""
    (tmp_path / f"train-images-idx3-ubyte{ending}").write_bytes(pack(idx(IMAGES)))
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx(Y.astype(np.uint8)))
    data = read(tmp_path / f"train-images-idx3-ubyte{ending}")
    assert np.array_equal(data.inputs, IMAGES)  # pyright: ignore[reportArgumentType]
    assert data.target.tolist() == Y.tolist()


def test_idx_keeps_big_endian_numbers(tmp_path: Path) -> None:
    values = np.arange(6, dtype=np.int32).reshape(3, 2) * 70_000
    (tmp_path / "t.idx").write_bytes(idx(values))
    npy(tmp_path / "y.npy", np.array([0, 1, 0], ">i2"))
    data = read("t.idx", target="y.npy", folder=tmp_path)
    assert np.array_equal(data.inputs, values)  # pyright: ignore[reportArgumentType]
    assert data.target.tolist() == [0, 1, 0]
    assert idx_array("t.idx", (tmp_path / "t.idx").read_bytes()).dtype == np.dtype("=i4")


def test_channels_that_come_first_are_moved_last() -> None:
    images = np.random.default_rng(0).integers(0, 256, (12, 3, 8, 9)).astype(np.uint8)
    data = read(images, Y)
    assert data.image_shape == (8, 9, 3)
    assert np.array_equal(data.images([4])[0, 2, 5], images[4, :, 2, 5])
    assert "channels come first" in data.notices[0]


def spoiled(value: float) -> np.ndarray:
    inputs = X.copy()
    inputs[5, 1] = value
    return inputs


BAD_ARRAYS = {
    "python objects": ({"x": X.astype(object), "y": Y}, "Python objects, which are never loaded"),
    "texts": ({"x": X.astype(str), "y": Y}, "t.npz, x: holds <U32; inputs must be numbers"),
    "complex numbers": ({"x": X * 1j, "y": Y}, "holds complex128"),
    "unequal lengths": ({"x": X, "y": Y[:7]}, "x has 12 examples and y has 7"),
    "nothing": ({"x": X[:0], "y": Y[:0]}, "shape 0×3; there are no examples"),
    "a target with too many axes": ({"x": X, "y": np.zeros((12, 2, 2))}, "12×2×2; targets are"),
    "a target of one class": ({"x": X, "y": Y * 0}, "'y' is 0 in all 12 rows"),
    "an infinite input": ({"x": spoiled(np.inf), "y": Y}, r"x\[5, 1\] is inf; fix it"),
    "a missing input": ({"x": spoiled(np.nan), "y": Y}, r"x\[5, 1\] is nan; missing values need"),
    "an infinite target": ({"x": X, "y": np.append(X[1:, 0], np.inf)}, "row 12, column 'y': the value is not finite"),
    "a target without values": ({"x": X, "y": np.full(12, np.nan)}, "'y' is missing in all 12 rows"),
    "no inputs": ({"a": X, "b": Y}, "say which array holds the inputs: inputs = one of a, b"),
    "no target": ({"x": X}, "the target is missing"),
}


@pytest.mark.parametrize("name", BAD_ARRAYS)
def test_arrays_that_cannot_be_used(tmp_path: Path, name: str) -> None:
    arrays, message = BAD_ARRAYS[name]
    with pytest.raises(LeadlineError, match=message) as caught:
        read(npz(tmp_path / "t.npz", **arrays))
    assert "\n" not in str(caught.value)


def test_an_unknown_array_is_an_error_with_the_names_there_are(tmp_path: Path) -> None:
    path = npz(tmp_path / "t.npz", pixels=X, labels=Y)
    with pytest.raises(UsageError, match=r"no array 'pixel' .* Did you mean 'pixels'"):
        read(path, inputs="pixel")
    with pytest.raises(UsageError, match=r"no array 'zzz' .* It has: pixels, labels"):
        read(path, inputs="zzz")


@pytest.mark.parametrize("ending", ["npz", "npy", "h5", "idx"])
@pytest.mark.parametrize("damage", ["half", "head", "garbage", "empty"])
def test_damaged_files_are_one_line(tmp_path: Path, ending: str, damage: str) -> None:
    path = tmp_path / f"t.{ending}"
    if ending == "npz":
        npz(path, x=X, y=Y)
    elif ending == "npy":
        npy(path, X)
    elif ending == "h5":
        with h5py.File(path, "w") as file:
            file["x"] = X
    else:
        path.write_bytes(idx(IMAGES))
    whole = path.read_bytes()
    left = {"half": whole[: len(whole) // 2], "head": whole[:9], "garbage": b"a,b\n1,2\n" * 90, "empty": b""}
    path.write_bytes(left[damage])
    with pytest.raises(LeadlineError, match=rf"^t\.{ending}") as caught:
        read(path, target="y")
    assert "\n" not in str(caught.value)


def test_numbers_of_all_widths_become_floats() -> None:
    for kind in (np.int64, np.uint16, np.int8, np.float16, np.float32, bool):
        inputs = read((X > 0).astype(kind), Y).inputs
        assert isinstance(inputs, np.ndarray)
        assert inputs.dtype in (np.float32, np.float64)
    assert read(IMAGES, Y).inputs.dtype == np.uint8  # pyright: ignore[reportAttributeAccessIssue]
