"""What people's files really hold: each is one clear line, and nothing is lost."""

from __future__ import annotations

import gzip
from pathlib import Path

import h5py
import numpy as np
import pytest

from leadline.data import Preparation, read, split
from leadline.errors import LeadlineError, LeadlineWarning, UsageError

ROWS = "".join(f"{k * 7 % 40},{k * 0.5},{'ab'[k % 2]}\n" for k in range(40))
TABLE = "x,z,y\n" + ROWS
LONG = "x,z,y\n" + ROWS * 5_000


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"x,x,y\n" + ROWS.encode(), r"line 1: the column name 'x' appears twice \(columns 1 and 2\)"),
        ((TABLE + TABLE).encode(), "line 42, column 'x': 'x' is not a number"),
        ((TABLE + "apple,1,a\n" * 40).encode(), "line 42, column 'x': the column changes from numbers to text here"),
        (
            ("x,z,y\n" + "apple,1,a\n" * 40 + ROWS).encode(),
            "line 42, column .x.: the column changes from text to num",
        ),
        ((LONG + "oops,1,a\n").encode(), "line 200002, column 'x': 'oops' is not a number"),
        (TABLE.encode() + "é,1,a\n".encode() + "é,1,a\n".encode("latin1"), "line 43: this is not UTF-8, .* seem mixed"),
        (LONG.encode() + b"1,2\0,a\n", "a NUL byte in line 200002"),
        ((TABLE + "1,2\n" + ROWS).encode(), "line 42: 2 cells where the first line has 3"),
        ((TABLE + "inf,1,a\n").encode(), r"line 42, column 'x': the value is not finite \(inf\)"),
        ((TABLE + "1e999,1,a\n").encode(), "line 42, column 'x': the value is not finite"),
        (gzip.compress(TABLE.encode())[:-40], "cannot be read as gzip: Compressed file ended"),
        (gzip.compress(TABLE.encode())[:-4], "cannot be read as gzip"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_clear_line(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_bytes(content)
    with pytest.raises(LeadlineError, match=rf"bad\.csv.*{message}") as caught:
        read(path, "y")
    assert len(str(caught.value).splitlines()) <= 2


def test_a_missing_header_and_a_byte_order_mark_lose_nothing(tmp_path: Path) -> None:
    (tmp_path / "nohead.csv").write_text(ROWS)
    data = read(tmp_path / "nohead.csv", "3")
    assert data.n == 40 and "has no header line" in data.notices[0]
    (tmp_path / "bom.csv").write_text("\ufeff" + TABLE, encoding="utf-8")
    assert read(tmp_path / "bom.csv", "y").n == 40 and "x" in [f.name for f in read(tmp_path / "bom.csv", "y").features]


def test_a_target_by_its_place_says_which_column_it_is(tmp_path: Path) -> None:
    (tmp_path / "nohead.csv").write_text("".join(f"{k % 3},{k},{k % 2}\n" for k in range(12)))
    with pytest.warns(LeadlineWarning, match=r"2 is column_2, column 2 of 3 counted from 1: 0, 1, 2, 3, 4, …"):
        assert read(tmp_path / "nohead.csv", "2").target_names == ("column_2",)
    with pytest.warns(LeadlineWarning, match="-1 is column_3"):
        read(tmp_path / "nohead.csv", "-1")
    for place in ("0", "4"):
        with pytest.raises(UsageError, match=rf"there is no column {place} in nohead\.csv; columns are counted from 1"):
            read(tmp_path / "nohead.csv", place)


def test_missing_and_enormous_values(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(TABLE + "nan,1,a\n1e308,1,a\n-1e308,1,b\n")
    data = read(tmp_path / "t.csv", "y")
    x = Preparation.fit(data, np.arange(43)).inputs(data)
    assert data.n == 43 and np.isfinite(x).all()
    with pytest.raises(LeadlineError, match="x: the value in row 42 is too large for float32; fix it"):
        Preparation.fit(data, np.arange(40)).inputs(data, np.arange(30, 43))


def test_classes_that_dev_lacks_are_said() -> None:
    data = read(np.random.default_rng(0).normal(size=(30, 2)), ["a"] * 14 + ["b"] * 14 + ["c", "d"])
    assert any("set has no example of" in notice and "'c'" in notice for notice in split(data).notices)


def test_cut_off_hdf5_and_parquet(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"], file["y"] = np.eye(100), np.arange(100) % 2
    whole = (tmp_path / "a.h5").read_bytes()
    (tmp_path / "a.h5").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(LeadlineError, match=r"a\.h5 cannot be read as HDF5: .*Is the file complete"):
        read(tmp_path / "a.h5")
    (tmp_path / "a.parquet").write_bytes(b"PAR1" + b"\0" * 50)
    with pytest.raises(LeadlineError, match=r"a\.parquet cannot be read as Parquet"):
        read(tmp_path / "a.parquet", "y")


def test_text_among_several_targets_is_named(tmp_path: Path) -> None:
    (tmp_path / "fruit.csv").write_text("size,weight,kind\n" + "1,2.5,pear\n3,4.5,plum\n" * 20)
    with pytest.raises(LeadlineError, match="target 'kind' holds text, such as 'pear'; several targets are numbers"):
        read(tmp_path / "fruit.csv", target=["weight", "kind"])
