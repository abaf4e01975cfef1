"""Files with changed, lost and added bytes are read or refused in words; no library's own error gets through."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv, feather, parquet

from leadline.data import read
from leadline.errors import LeadlineError

N = 40
TABLE = pa.table({"a": np.arange(N) * 0.7, "b": ["x", "y"] * 20, "y": [0, 1, 1, 0] * 10})
X, Y = np.arange(N * 3.0).reshape(N, 3), np.arange(N) % 2


def write(path: Path) -> None:
    if path.suffix == ".csv":
        csv.write_csv(TABLE, path)
    elif path.suffix == ".parquet":
        parquet.write_table(TABLE, path)
    elif path.suffix == ".arrow":
        feather.write_feather(TABLE, path)
    elif path.suffix == ".jsonl":
        path.write_text("".join(f'{{"a": {i}, "b": "é{i % 3}", "y": {i % 2}}}\n' for i in range(N)))
    elif path.suffix == ".npz":
        np.savez_compressed(path, x=X, y=Y)
    elif path.suffix == ".npy":
        np.save(path, X)
    else:
        with h5py.File(path, "w") as file:
            file.create_dataset("x", data=X, compression="gzip")
            file["y"] = Y


def damaged(whole: bytes, generator: np.random.Generator) -> bytes:
    place, count = generator.integers(len(whole)), generator.integers(1, 20)
    noise = generator.integers(0, 256, count).astype(np.uint8).tobytes()
    return [
        whole[:place] + noise + whole[place + count :],
        whole[:place] + noise + whole[place:],
        whole[:place] + whole[place + count :],
        whole[:place],
    ][generator.integers(4)]


@pytest.mark.parametrize("ending", ["csv", "parquet", "arrow", "jsonl", "npz", "npy", "h5"])
def test_damage_is_refused_in_words(tmp_path: Path, ending: str) -> None:
    generator = np.random.default_rng(0)
    path = tmp_path / f"t.{ending}"
    write(path)
    np.save(tmp_path / "labels.npy", Y)
    target = str(tmp_path / "labels.npy") if ending == "npy" else "y"
    assert read(path, target).n == N
    whole = path.read_bytes()
    refused = 0
    for _ in range(120):
        path.write_bytes(damaged(whole, generator))
        try:
            read(path, target)
        except LeadlineError as error:
            refused += 1
            assert str(error).count("\n") <= 1
    assert refused > 0
