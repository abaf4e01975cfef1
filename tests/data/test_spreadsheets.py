"""Spreadsheets and MATLAB's files are read as tables and arrays are."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import h5py
import numpy as np
import pytest
from scipy.io import savemat

import leadline as ll
from leadline.errors import LeadlineError, UsageError

ROWS: list[list[Any]] = [
    ["size", "sold", "day", "note", "price"],
    *([k / 4, k % 2 == 0, 45292 + k, f"a, {k}", 1000 + k] for k in range(20)),
]


def xlsx(path: Path, sheets: dict[str, list[list[Any]]], dates: tuple[int, ...] = (2,)) -> Path:
    """A workbook as Office writes it, with the columns ``dates`` formatted as days."""
    names = list(sheets)
    relations = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    package = "http://schemas.openxmlformats.org/package/2006"
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    with zipfile.ZipFile(path, "w") as archive:
        parts = "".join(
            f'<Override PartName="/xl/worksheets/sheet{i + 1}.xml" ContentType="{kind}.worksheet+xml"/>'
            for i in range(len(names))
        )
        archive.writestr(
            "[Content_Types].xml",
            f'<Types xmlns="{package}/content-types">'
            '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            f'<Override PartName="/xl/workbook.xml" ContentType="{kind}.sheet.main+xml"/>'
            f'<Override PartName="/xl/styles.xml" ContentType="{kind}.styles+xml"/>{parts}</Types>',
        )
        archive.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{package}/relationships"><Relationship Id="r" Type="{relations}/officeDocument" '
            'Target="xl/workbook.xml"/></Relationships>',
        )
        listed = "".join(f'<sheet name="{name}" sheetId="{i + 1}" r:id="r{i}"/>' for i, name in enumerate(names))
        archive.writestr(
            "xl/workbook.xml", f'<workbook xmlns="{main}" xmlns:r="{relations}"><sheets>{listed}</sheets></workbook>'
        )
        targets = "".join(
            f'<Relationship Id="r{i}" Type="{relations}/worksheet" Target="worksheets/sheet{i + 1}.xml"/>'
            for i in range(len(names))
        )
        styles = f'<Relationship Id="s" Type="{relations}/styles" Target="styles.xml"/>'
        archive.writestr(
            "xl/_rels/workbook.xml.rels",
            f'<Relationships xmlns="{package}/relationships">{targets}{styles}</Relationships>',
        )
        archive.writestr(
            "xl/styles.xml",
            f'<styleSheet xmlns="{main}"><cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs>'
            "</styleSheet>",
        )
        for i, rows in enumerate(sheets.values()):
            cells = "".join(
                f"<row>{''.join(map(cell, row, (k in dates for k in range(len(row)))))}</row>" for row in rows
            )
            archive.writestr(
                f"xl/worksheets/sheet{i + 1}.xml",
                f'<worksheet xmlns="{main}"><sheetData>{cells}</sheetData></worksheet>',
            )
    return path


def cell(value: Any, day: bool) -> str:
    if isinstance(value, bool):
        return f'<c t="b"><v>{int(value)}</v></c>'
    if isinstance(value, int | float):
        return f'<c s="{int(day)}"><v>{value}</v></c>'
    return f'<c t="inlineStr"><is><t>{escape(value)}</t></is></c>'


def inputs_of(data: ll.Dataset) -> np.ndarray:
    assert isinstance(data.inputs, np.ndarray)
    return data.inputs


def test_a_sheet_is_read_as_its_csv_would_be(tmp_path: Path) -> None:
    data = ll.read(xlsx(tmp_path / "houses.xlsx", {"Sheet1": ROWS}), target="price")
    kinds = {feature.name: feature.kind for feature in data.features}
    assert (kinds["size"], kinds["sold"], kinds["day"]) == ("number", "boolean", "date")
    columns = {column.name: column for column in data.inputs}  # type: ignore[union-attr]
    assert columns["size"].values.tolist() == [k / 4 for k in range(20)]
    assert str(columns["day"].values[0]) == "2024-01-01T00:00:00"
    assert data.target[:, 0].tolist() == [1000 + k for k in range(20)] and data.n == 20


def test_the_first_sheet_with_cells_or_the_one_that_is_named(tmp_path: Path) -> None:
    other = [[name if isinstance(name, str) else 2 * name for name in row] for row in ROWS]
    path = xlsx(tmp_path / "houses.xlsx", {"Cover": [], "One": ROWS, "Two": other})
    first = ll.read(path, target="price")
    assert any("the sheet 'One' is read, not 'Cover', 'Two'" in notice for notice in first.notices)
    second = ll.read(path, target="price", inputs="Two")
    assert second.target[0, 0] == 2000 and first.target[0, 0] == 1000
    with pytest.raises(UsageError, match=r"has no sheet 'Tow'\. Did you mean 'Two'"):
        ll.read(path, target="price", inputs="Tow")


def test_a_training_and_predictions_from_spreadsheets(tmp_path: Path) -> None:
    path = xlsx(tmp_path / "houses.xlsx", {"Sheet1": ROWS})
    run = ll.train(None, path, target="sold", epochs=1, runs=tmp_path / "runs", quick=True)
    new = xlsx(tmp_path / "new.xlsx", {"Sheet1": ROWS[:4]})
    assert len(run.final_network().predict(new)) == 3


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cannot be read|is not a spreadsheet|is empty"),
        (b"PK\x03\x04 but no zip", "is not a spreadsheet that can be read"),
        (b"size,price\n1,2\n", "is not a spreadsheet that can be read"),
    ],
)
def test_damaged_spreadsheets(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "bad.xlsx"
    path.write_bytes(content)
    with pytest.raises(LeadlineError, match=message):
        ll.read(path, target="price")
    whole = xlsx(tmp_path / "whole.xlsx", {"Sheet1": ROWS}).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(LeadlineError):
        ll.read(path, target="price")


def test_an_empty_workbook_is_said(tmp_path: Path) -> None:
    with pytest.raises(LeadlineError, match="no sheet holds any cells"):
        ll.read(xlsx(tmp_path / "none.xlsx", {"Sheet1": []}), target="price")


@pytest.mark.parametrize("compressed", [True, False])
def test_matrices_of_matlab(tmp_path: Path, compressed: bool) -> None:
    x, y = np.random.default_rng(0).normal(size=(30, 4)), np.arange(30) % 3 + 1
    savemat(tmp_path / "one.mat", {"X": x, "y": y[None, :], "about": "text"}, do_compression=compressed)
    data = ll.read(tmp_path / "one.mat")
    assert np.array_equal(inputs_of(data), x) and data.classes == ("1", "2", "3")
    savemat(tmp_path / "two.mat", {"data": x, "species": y[:, None]})
    named = ll.read(tmp_path / "two.mat", target="species")
    assert np.array_equal(named.target, data.target)


def test_images_of_matlab_come_last_axis_first(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (8, 9, 3, 12), dtype=np.uint8)
    savemat(tmp_path / "digits.mat", {"X": images, "y": np.arange(12)[:, None] % 2})
    data = ll.read(tmp_path / "digits.mat")
    assert data.image_shape == (8, 9, 3) and np.array_equal(inputs_of(data), np.moveaxis(images, -1, 0))


def test_version_7_3_is_hdf5_with_axes_the_other_way_round(tmp_path: Path) -> None:
    x, y = np.random.default_rng(0).normal(size=(30, 4)), np.arange(30.0) % 3
    with h5py.File(tmp_path / "new.mat", "w", userblock_size=512) as file:
        file["X"], file["y"] = x.T, y[None, :]
    data = ll.read(tmp_path / "new.mat")
    assert np.array_equal(inputs_of(data), x) and len(data.target) == 30


def test_what_is_no_matrix(tmp_path: Path) -> None:
    savemat(tmp_path / "cells.mat", {"s": {"a": 1}, "c": np.array([["a", 1]], object)})
    with pytest.raises(LeadlineError, match="holds no matrices; cells and structures"):
        ll.read(tmp_path / "cells.mat")
    savemat(tmp_path / "one.mat", {"X": np.ones((30, 4)), "y": np.arange(30)})
    whole = (tmp_path / "one.mat").read_bytes()
    for content in (b"", b"no mat file at all", whole[:200], whole[: len(whole) // 2]):
        (tmp_path / "bad.mat").write_bytes(content)
        with pytest.raises(LeadlineError):
            ll.read(tmp_path / "bad.mat")


def test_a_workbook_that_unpacks_to_far_too_much(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b"0" * (300 << 20))
    (tmp_path / "bomb.xlsx").write_bytes(packed.getvalue())
    with pytest.raises(LeadlineError, match="unpacks to more than"):
        ll.read(tmp_path / "bomb.xlsx", target="price")
