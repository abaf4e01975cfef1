from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from leadline.data.sources.delimited import read_delimited
from leadline.data.sources.reading import read
from leadline.errors import LeadlineError, UsageError


def columns(text: str | bytes, **settings) -> dict[str, list]:
    raw = text.encode() if isinstance(text, str) else text
    return read_delimited("t", "t.csv", raw, **settings).data.to_pydict()


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(delimiter: str) -> None:
    lines = [["a", "b", "c"], ["1", "x y", "0.5"], ["2", "z", "1.5"]]
    text = "\n".join(delimiter.join(line) for line in lines)
    assert columns(text) == {"a": [1, 2], "b": ["x y", "z"], "c": [0.5, 1.5]}


def test_commas_inside_cells_do_not_mislead() -> None:
    assert columns("a;b\n1,5;x, y\n2,25;z, w\n") == {"a": [1.5, 2.25], "b": ["x, y", "z, w"]}


def test_quotes_hold_delimiters_quotes_and_line_ends() -> None:
    assert columns('a,b\n1,"x, ""y""\nz"\n2,w\n') == {"a": [1, 2], "b": ['x, "y"\nz', "w"]}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_of_all_systems(end: str) -> None:
    assert columns(end.join(["a,b", "1,x", "2,y", ""])) == {"a": [1, 2], "b": ["x", "y"]}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_encodings(encoding: str) -> None:
    assert columns("naïve,b\n1,Öl\n2,x\n".encode(encoding)) == {"naïve": [1, 2], "b": ["Öl", "x"]}


def test_blanks_around_cells_are_dropped() -> None:
    assert columns("a, b, c\n1, x, ?\n2, y, z\n") == {"a": [1, 2], "b": ["x", "y"], "c": [None, "z"]}


def test_empty_lines_are_no_rows() -> None:
    assert columns("\na,b\n\n1,x\n\n2,y\n\n") == {"a": [1, 2], "b": ["x", "y"]}


@pytest.mark.parametrize(
    ("text", "header"),
    [
        ("a,b\n1,2\n3,4\n", True),
        ("1,2\n3,4\n", False),
        ("1,x\n3,y\n", False),
        ("name,2019,2020\nx,1,2\ny,3,4\n", False),
        ("name,kind,2020\nx,1,2\ny,3,4\n", True),
        ("a,b\nx,y\nz,w\n", True),
        ("x,y\nx,z\nw,y\n", False),
        ("6,148,?\n1,85,2\n", False),
    ],
)
def test_the_header_is_recognized(text: str, header: bool) -> None:
    assert read_delimited("t", "t.csv", text.encode()).header == header


def test_a_row_of_numbers_is_no_header_because_a_cell_is_the_place_of_the_target() -> None:
    rows = b"8,183,64\n1,85,66\n3,78,50\n"
    assert not read_delimited("t", "t.csv", rows, expected={"1"}).header
    assert not read_delimited("t", "t.csv", b"-1,183\n1,85\n", expected={"-1"}).header
    assert list(columns("2019,2020\n1,2\n3,4\n", expected={"2020"})) == ["2019", "2020"]


def test_names_are_given_to_a_file_without_a_header_or_take_its_place() -> None:
    bare = read_delimited("t", "t.csv", b"1,2\n3,4\n", given_names=("x", "y"))
    assert bare.data.to_pydict() == {"x": [1, 3], "y": [2, 4]} and not bare.notices
    headed = read_delimited("t", "t.csv", b"a,b\n1,2\n3,4\n", given_names=("x", "y"))
    assert headed.data.to_pydict() == {"x": [1, 3], "y": [2, 4]}
    assert headed.notices == ("t.csv: the names given take the place of its header line, a, b.",)
    same = read_delimited("t", "t.csv", b"x,y\n1,2\n3,4\n", given_names=("x", "y"))
    assert same.data.num_rows == 2 and not same.notices
    with pytest.raises(UsageError, match=r"data\.names: 3 names for the 2 columns of t\.csv, whose first line is 1, 2"):
        read_delimited("t", "t.csv", b"1,2\n3,4\n", given_names=("x", "y", "z"))


def test_a_name_the_user_spoke_of_makes_the_first_row_a_header() -> None:
    assert list(columns("name,2019\nx,1\ny,3\n", expected={"2019"})) == ["name", "2019"]


def test_columns_kept_as_text_keep_their_zeros() -> None:
    assert columns("a,zip\n1,01234\n2,00501\n", as_text={"zip"})["zip"] == ["01234", "00501"]


def test_a_column_may_change_its_type_after_many_rows() -> None:
    text = "a,b\n" + "1,2\n" * 400_000 + "1.5,2\n"
    assert columns(text)["a"][-1] == 1.5


def test_line_ends_in_quotes_in_a_large_file() -> None:
    rows = 150_000
    assert columns("a,b\n" + '1,"x\ny, z"\n' * rows)["b"] == ["x\ny, z"] * rows


def test_a_cell_longer_than_a_block() -> None:
    assert columns(f"a,b\n1,{'x' * 3_000_000}\n2,y\n")["a"] == [1, 2]


BAD = {
    "an empty file": ("", "is empty"),
    "blank lines": ("\n \n", "is empty"),
    "a header only": ("a,b\n", "a header but no rows"),
    "a header only, without line end": ("a,b", "a header but no rows"),
    "a short row": ('a,b\n1,"x\ny"\n2\n', "line 4: 1 cells where the first line has 2"),
    "a long row": ("a,b\n1,x\n2,y,z\n", "line 3: 3 cells where the first line has 2"),
    "a doubled name": ("a,b,a\n1,2,3\n", r"'a' appears twice \(columns 1 and 3\)"),
    "a missing name": ("a,,c\n1,2,3\n", "column 2 of 3 has no name"),
    "a NUL byte": ("a,b\n1,x\n2,y\0\n", "a NUL byte in line 3"),
    "an open quote": ('a,b\n1,x\n2,"y\n3,z\n4,w\n', "line 3: a quote .* never closed"),
    "mixed encodings": ("a,b\n1,é\n".encode("cp1252") + "2,é\n".encode(), "line 2: .* not UTF-8"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(range(128, 256)), "is not a text table"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_read_is_named_with_its_line(name: str) -> None:
    text, message = BAD[name]
    with pytest.raises(LeadlineError, match=message) as caught:
        columns(text)
    assert str(caught.value).startswith("t.csv")
    assert str(caught.value).count("\n") <= 1


def test_rows_are_found_again_behind_quoted_line_ends() -> None:
    table = read_delimited("t", "t.csv", b'a,b\n\n1,"x\ny"\n2,z\n')
    assert table.where(0) == "t.csv, line 3"
    assert table.where(1) == "t.csv, line 5"


def test_gzip_and_what_is_left_of_one(tmp_path: Path) -> None:
    whole = gzip.compress(b"a,y\n" + b"".join(b"%d,%d\n" % (i * 3, i % 2) for i in range(500)))
    (tmp_path / "t.csv.gz").write_bytes(whole)
    assert read(tmp_path / "t.csv.gz", target="y").n == 500
    (tmp_path / "t.csv.gz").write_bytes(whole[:-30])
    with pytest.raises(LeadlineError, match=r"t\.csv\.gz cannot be read as gzip"):
        read(tmp_path / "t.csv.gz", target="y")
