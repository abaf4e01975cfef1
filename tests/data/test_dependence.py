"""Which examples of a set go together: groups of the split, copies, and neighbours in time."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from leadline.data import SplitSettings, read, set_aside
from leadline.data.splitting.dependence import dependent_groups, time_blocks

ROWS = 120


def numbers(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    return rng.normal(size=(n, 3)), rng.integers(0, 2, n)


def same(groups: np.ndarray, expected: np.ndarray) -> bool:
    """Whether two lists of group numbers part the rows alike."""
    pairs = {(int(a), int(b)) for a, b in zip(groups, expected, strict=True)}
    return len(pairs) == len(np.unique(groups)) == len(np.unique(expected))


def test_copies_of_a_row_are_one_group():
    x, y = numbers(np.random.default_rng(0), ROWS)
    which = np.random.default_rng(1).permutation(np.repeat(np.arange(ROWS), 5))
    data = read(x[which], y[which])
    rows = np.arange(0, 5 * ROWS, 2)
    groups = dependent_groups(data, SplitSettings(), rows)
    assert groups is not None and same(groups, which[rows])
    assert dependent_groups(data, SplitSettings(duplicates="ignore"), rows) is None
    assert dependent_groups(read(x, y), SplitSettings(), np.arange(ROWS)) is None


def test_equal_rows_of_a_few_categories_are_no_copies(tmp_path):
    rng = np.random.default_rng(0)
    path = tmp_path / "few.csv"
    lines = [f"{a},{b},{c},{t}" for a, b, c, t in zip(*(rng.integers(0, k, 300) for k in (2, 3, 4, 2)), strict=True)]
    path.write_text("one,two,three,target\n" + "\n".join(lines), encoding="utf-8")
    data = read(path, target="target")
    assert dependent_groups(data, SplitSettings(), np.arange(data.n)) is None


def test_the_groups_of_the_split_and_copies_are_joined(tmp_path):
    rng = np.random.default_rng(0)
    patient = np.repeat(np.arange(40), 3)
    x = rng.normal(size=(120, 3))
    x[117] = x[0]  # a copy that joins the first and the last patient
    table = {f"x{k}": x[:, k] for k in range(3)} | {"patient": [f"p{k}" for k in patient], "y": ["a", "b"] * 60}
    table["y"][117] = table["y"][0]
    path = tmp_path / "patients.parquet"
    parquet.write_table(pa.table(table), path)
    groups = dependent_groups(
        set_aside(read(path, target="y"), {"split.group": "patient"}), SplitSettings(group="patient"), np.arange(120)
    )
    assert groups is not None and same(groups, np.where(patient == 39, 0, patient))


def test_neighbours_in_time_are_taken_in_blocks():
    times = np.random.default_rng(0).permutation(1000)
    blocks = time_blocks(times)
    assert len(np.unique(blocks)) == pytest.approx(100, abs=1)
    order = np.argsort(times)
    assert (np.diff(blocks[order]) >= 0).all()
    assert len(np.unique(time_blocks(np.repeat([1, 2, 3], 50)))) == 3
