"""``leadline augment`` and ``leadline edges``: the pictures, and what is said where there can be none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from leadline.cli.main import run as leadline
from leadline.report.contact_sheet import GAP, ContactSheet


def run(*arguments: object) -> int:
    return leadline([str(argument) for argument in arguments])


def photo(path: Path, pixels: np.ndarray, **options: Any) -> Path:
    Image.fromarray(pixels).save(path, **options)
    return path


def half(height: int = 12, width: int = 12) -> np.ndarray:
    """Bright on the left, dark on the right."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:, : width // 2] = 200
    return pixels


# --- augment ----------------------------------------------------------------------------------------------------


def test_a_sheet_is_written_and_repeats_with_its_seed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sheets = [tmp_path / f"{name}.png" for name in ("one", "two", "other")]
    for sheet, seed in zip(sheets, (0, 0, 1), strict=True):
        options = ["--set", "augment.rotation=20", "--seed", seed, "--image", 3, "--image", 5, "--versions", 4]
        assert run("augment", "digits", *options, "--output", sheet, "--json") == 0
        told = json.loads(capsys.readouterr().out)
        assert told["rows"] == [3, 5] and told["versions"] == 4 and told["augment"] == {"rotation": 20.0}
    assert sheets[0].read_bytes() == sheets[1].read_bytes() != sheets[2].read_bytes()


def test_by_default_the_sheet_shows_training_images_of_several_classes(tmp_path: Path, capsys) -> None:
    sheet = tmp_path / "sheet.png"
    assert run("augment", "digits", "--set", "augment.crop=1", "-o", sheet, "--json") == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert len(set(rows)) == 8
    from leadline.data import SplitSettings, read, split

    data = read("digits")
    assert set(rows) <= set(split(data, SplitSettings()).train.tolist())
    assert len(set(data.target[rows].tolist())) == 8


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        ([], 2, "augment: nothing is varied"),
        (["--set", "augment.crop=2", "--image", "9999"], 1, "digits has no row 9999; its rows are 0 to 1796"),
        (["--set", "augment.crop=2", "-o", "sheet.jpg"], 1, "give a name that ends in .png"),
        (["--set", "augment.crop=2", "-o", "nowhere/sheet.png"], 1, "nowhere is no folder"),
        (["--set", "augment.corp=2"], 2, "augment.corp: unknown key. Did you mean 'crop'"),
        (["--image", "-1", "--set", "augment.crop=2"], 2, "--image"),
    ],
)
def test_a_mistake_is_one_line_and_writes_nothing(
    options: list[str], code: int, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("augment", "digits", *options) == code
    error = capsys.readouterr().err
    assert message in error and "Traceback" not in error
    assert not list(tmp_path.iterdir())


def test_the_sheet_holds_the_original_and_its_versions_side_by_side() -> None:
    original = np.arange(2 * 4 * 4 * 3, dtype=np.uint8).reshape(2, 4, 4, 3)
    varied = np.stack([255 - original, original // 2], axis=1)
    sheet = np.asarray(ContactSheet(original, varied, [("a" * 200, "row 0"), ("b", "row 1")], "crop = 1").drawn())
    tile = 4 * 28
    places = np.argwhere((sheet[:, :-tile] == original[0, 0, 0]).all(2))
    found = [
        (y, x)
        for y, x in places.tolist()
        if (sheet[y : y + tile : 28, x : x + tile : 28] == original[0]).all() and y + tile + GAP < len(sheet)
    ]
    assert found, "the original is there, pixel for pixel"
    y, x = found[0]
    first, second = x + tile + 3 * GAP, x + 2 * tile + 4 * GAP
    np.testing.assert_array_equal(sheet[y : y + tile : 28, first : first + tile : 28], varied[0, 0])
    np.testing.assert_array_equal(sheet[y : y + tile : 28, second : second + tile : 28], varied[0, 1])
    below = y + tile + GAP
    np.testing.assert_array_equal(sheet[below : below + tile : 28, x : x + tile : 28], original[1])


# --- edges ------------------------------------------------------------------------------------------------------


def test_t4_03_every_filter_writes_a_picture_of_the_photos_size(tmp_path: Path, capsys) -> None:
    """T4.03."""
    source = photo(tmp_path / "half.png", half(12, 16))
    assert run("edges", source, "--output", tmp_path / "made", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert [found["filter"] for found in told["pictures"]] == ["sobel", "scharr", "vertical", "horizontal"]
    pictures = {found["filter"]: np.asarray(Image.open(found["picture"])) for found in told["pictures"]}
    assert all(picture.shape == (12, 16) for picture in pictures.values())
    for name in ("sobel", "scharr"):
        assert (pictures[name][:, 7:9] == 255).all() and (pictures[name][:, :7] == 0).all()
    assert (pictures["vertical"][:, 7:9] == 255).all() and (pictures["vertical"][:, 9:] == 128).all()
    assert (pictures["horizontal"] == 128).all(), "there are no horizontal edges"


def test_t4_03_an_angle_is_a_filter_and_sees_the_direction(tmp_path: Path) -> None:
    """T4.03: an angle of 90 is vertical; one of −90 sees the same edge as a rise, black."""
    source = photo(tmp_path / "half.png", half())
    for angle, value in (("90", 255), ("-90", 0)):
        target = tmp_path / f"edge{angle}.png"
        assert run("edges", source, f"--filter={angle}", "--output", target) == 0
        assert (np.asarray(Image.open(target))[:, 5:7] == value).all()


def test_photos_are_upright_on_white_and_may_be_grey(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter: rows become columns
    turned = photo(tmp_path / "turned.jpg", half(12, 16), exif=exif, quality=100)
    assert run("edges", turned, "--filter", "sobel", "--output", tmp_path) == 0
    assert np.asarray(Image.open(tmp_path / "turned-sobel.png")).shape == (16, 12)
    clear = np.dstack([half(), np.full((12, 12), 255, np.uint8)])
    clear[:, 6:, 3] = 0  # transparent over white: the edge is the other way round
    source = photo(tmp_path / "clear.png", clear)
    assert run("edges", source, "--filter", "vertical", "--output", tmp_path) == 0
    assert (np.asarray(Image.open(tmp_path / "clear-vertical.png"))[:, 5:7] == 0).all()
    grey = photo(tmp_path / "grey.png", half()[:, :, 0])
    assert run("edges", grey, "--filter", "vertical", "--output", tmp_path) == 0
    assert (np.asarray(Image.open(tmp_path / "grey-vertical.png"))[:, 5:7] == 255).all()


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["missing.jpg"], 1, "missing.jpg: no such file"),
        (["text.jpg"], 1, "text.jpg cannot be read as an image: it is no image"),
        (["cut.png"], 1, "cut.png cannot be read as an image: "),
        (["half.png", "--filter", "sobbel"], 2, "Did you mean 'sobel'"),
        (["half.png", "--filter", "1000"], 2, "an angle is a number of degrees"),
        (["half.png", "--filter", "nan"], 2, "an angle is a number of degrees"),
        (["half.png", "--output", "new.png"], 2, "one picture cannot hold 4 filters"),
        (["half.png", "--output", "no/where"], 1, "no is no folder"),
        (["half.png", "--output", "text.jpg"], 1, "text.jpg is no folder"),
        (["text.jpg", "--output", "made"], 1, "text.jpg cannot be read"),
    ],
)
def test_a_photo_or_filter_that_cannot_be_is_one_line(
    options: list[str], code: int, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    monkeypatch.chdir(tmp_path)
    whole = photo(tmp_path / "half.png", half(200, 200)).read_bytes()
    Path("cut.png").write_bytes(whole[: len(whole) // 2])
    Path("text.jpg").write_text("not an image")
    before = sorted(tmp_path.iterdir())
    assert run("edges", *options) == code
    error = capsys.readouterr().err
    assert message in error and "Traceback" not in error
    assert sorted(tmp_path.iterdir()) == before
