from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from pyarrow import parquet

from leadline.data import Preparation, read, split
from leadline.data.sources.columnar import EncodedImages
from leadline.errors import LeadlineError

RED, BLUE = (200, 10, 10), (10, 10, 200)


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("LEADLINE_CACHE", str(folder))
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twenty red and twenty blue images of 8×10 pixels."""
    path = tmp_path / "colours"
    for name, colour in (("blue", BLUE), ("red", RED)):
        (path / name).mkdir(parents=True)
        for k in range(20):
            Image.new("RGB", (10, 8), tuple(c + k for c in colour)).save(path / name / f"{k:02}.png")
    return path


def bomb(width: int = 60_000, height: int = 60_000) -> bytes:
    """A PNG of a few bytes that announces billions of pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b"")
    )


def test_a_folder_for_each_class(folder: Path) -> None:
    data = read(folder)
    assert data.image_shape == (8, 10, 3) and data.classes == ("blue", "red") and data.task == "binary"
    assert data.target.tolist() == [0] * 20 + [1] * 20
    assert data.names[0] == "blue/00.png"
    assert data.images([0, 39])[:, 0, 0].tolist() == [list(BLUE), [219, 29, 29]]
    made = split(data)
    x = Preparation.fit(data, made.train).inputs(data, made.dev)
    assert x.shape == (8, 240) and x.min() >= 0 and x.max() <= 1


def test_images_are_decoded_once_and_mapped(folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = read(folder)
    assert isinstance(first.inputs, np.memmap) and len(list((cache / "images").glob("*.npy"))) == 2
    monkeypatch.setattr("leadline.data.sources.images._pixels", None)  # a second decoding would fail
    assert np.array_equal(read(folder).images(), first.images())
    monkeypatch.undo()
    monkeypatch.setenv("LEADLINE_CACHE", str(cache))
    Image.new("RGB", (10, 8), (1, 2, 3)).save(folder / "red" / "00.png")
    assert read(folder).images([20])[0, 0, 0].tolist() == [1, 2, 3]


def test_greyscale_alpha_palettes_depth_and_rotation(folder: Path) -> None:
    grey = folder.parent / "grey"
    for name in ("a", "b"):
        (grey / name).mkdir(parents=True)
        for k in range(5):
            Image.new("L", (6, 6), 20 * k).save(grey / name / f"{k}.jpg")
    assert read(grey).image_shape == (6, 6, 1)
    Image.fromarray(np.full((6, 6), 65_535, np.uint16)).save(grey / "a" / "deep.png")
    assert read(grey).images([5]).min() == 255
    Image.new("RGBA", (10, 8), (0, 0, 0, 0)).save(folder / "red" / "zz.png")
    Image.new("P", (10, 8)).save(folder / "red" / "zzz.gif")
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90° clockwise
    turned = np.zeros((10, 8, 3), np.uint8)
    turned[:, :4] = 255
    Image.fromarray(turned).save(folder / "red" / "zzzz.jpg", exif=exif, quality=100)
    data = read(folder)
    assert data.image_shape == (8, 10, 3)
    assert data.images([40]).min() == 255  # transparent on white
    assert data.images([42])[0, :3].mean() > 240 and data.images([42])[0, 5:].mean() < 15


def test_images_of_different_sizes_are_brought_to_one(folder: Path) -> None:
    Image.new("RGB", (100, 20), RED).save(folder / "red" / "wide.png")
    data = read(folder)
    assert data.image_shape == (8, 10, 3)
    assert "2 different sizes; they were brought to 8×10" in data.notices[0]
    assert read(folder, size=[4, 4]).image_shape == (4, 4, 3)


def test_broken_images_are_named_and_by_choice_skipped(folder: Path) -> None:
    whole = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (8, 10, 3), np.uint8)).save(whole, "png")
    (folder / "red" / "cut.png").write_bytes(whole.getvalue()[:120])
    jpeg = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)).save(jpeg, "jpeg")
    (folder / "red" / "half.jpg").write_bytes(jpeg.getvalue()[:1500])  # its head is whole
    (folder / "red" / "text.jpg").write_text("not an image")
    (folder / "blue" / "bomb.png").write_bytes(bomb())
    with pytest.raises(LeadlineError, match=r"4 images .*: blue/bomb\.png \(it announces more than 67 108 864"):
        read(folder)
    for _ in range(2):  # from the cache as well
        data = read(folder, broken="skip")
        assert data.n == 40 and "They are left out." in data.notices[-1]
        for reason in (
            "cut.png (image file is truncated)",
            "half.jpg (it is cut off or damaged)",
            "text.jpg (it is no",
        ):
            assert f"red/{reason}" in data.notices[-1]
        assert data.target.tolist() == [0] * 20 + [1] * 20
        assert np.array_equal(data.images([39])[0, 0, 0], [219, 29, 29])


def test_links_out_of_the_folder_are_refused(folder: Path, tmp_path: Path) -> None:
    (folder / "red" / "within.png").symlink_to(folder / "red" / "00.png")
    assert read(folder).n == 41
    Image.new("RGB", (10, 8)).save(tmp_path / "secret.png")
    (folder / "red" / "out.png").symlink_to(tmp_path / "secret.png")
    with pytest.raises(LeadlineError, match=r"red/out\.png is a link out of colours"):
        read(folder)
    (folder / "red" / "out.png").unlink()
    (folder / "green").symlink_to(tmp_path)
    with pytest.raises(LeadlineError, match="green is a link out of colours"):
        read(folder)


def test_folders_that_do_not_fit(folder: Path, tmp_path: Path) -> None:
    Image.new("RGB", (10, 8)).save(folder / "lost.png")
    with pytest.raises(LeadlineError, match=r"lost\.png lies in no class"):
        read(folder)
    (folder / "lost.png").unlink()
    (folder / "empty").mkdir()
    with pytest.raises(LeadlineError, match="colours/empty holds no images"):
        read(folder)
    (tmp_path / "nothing").mkdir()
    with pytest.raises(LeadlineError, match=r"nothing is a folder\. It holds no files"):
        read(tmp_path / "nothing")


def test_two_folders_with_other_classes_are_one_source(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "more" / "green").mkdir(parents=True)
    for k in range(6):
        Image.new("RGB", (20, 16), (0, 200, k)).save(tmp_path / "more" / "green" / f"{k}.png")
    data = read([str(folder), str(tmp_path / "more")])
    assert data.classes == ("blue", "green", "red") and data.image_shape == (8, 10, 3)
    assert data.class_counts() == {"blue": 20, "green": 6, "red": 20}
    assert data.images([40])[0, 0, 0].tolist() == [0, 200, 0]


def test_new_images_are_prepared_as_training_was(folder: Path, tmp_path: Path) -> None:
    data = read(folder)
    preparation = Preparation.fit(data, np.arange(40))
    Image.new("RGB", (50, 40), RED).save(tmp_path / "one.png")
    assert np.allclose(preparation.inputs(tmp_path / "one.png"), preparation.inputs(data, np.array([20])), atol=0.01)
    assert preparation.inputs(folder / "red").shape == (20, 240)


def test_parquet_with_encoded_images(folder: Path, tmp_path: Path) -> None:
    files = sorted(folder.glob("*/*.png"))
    cells = [{"bytes": file.read_bytes(), "path": file.name} for file in files]
    labels = [file.parent.name for file in files]
    table = pa.table({"image": cells, "label": pa.array(labels).dictionary_encode()})
    parquet.write_table(table, tmp_path / "colours.parquet")
    data = read(tmp_path / "colours.parquet")
    assert data.image_shape == (8, 10, 3) and data.classes == ("blue", "red") and data.target_name == "label"
    assert np.array_equal(data.images(), read(folder).images())
    parquet.write_table(table, tmp_path / "grouped.parquet", row_group_size=7)
    assert np.array_equal(read(tmp_path / "grouped.parquet").images(), data.images())
    cells = EncodedImages("grouped", tmp_path / "grouped.parquet", "image")
    assert [cells[row] for row in (39, 0, 13, 14, 39)] == [files[row].read_bytes() for row in (39, 0, 13, 14, 39)]
    assert len(cells) == 40 and len(cells._groups) <= EncodedImages.GROUPS  # the others are not in memory
    with pytest.raises(LeadlineError, match=r"no column 'lable' to predict\. Did you mean 'label'"):
        read(tmp_path / "colours.parquet", "lable")


@pytest.mark.needs_data
def test_cifar_10(data_folder: Path) -> None:
    data = read(data_folder / "cifar10" / "test.parquet")
    assert data.n == 10_000 and data.image_shape == (32, 32, 3) and len(data.classes) == 10
    assert set(data.class_counts().values()) == {1000}


def test_a_folder_of_tables_is_one_source(tmp_path: Path) -> None:
    for part in range(3):
        (tmp_path / f"part{part}.csv").write_text("a,y\n" + "".join(f"{part}.{k},{k % 2}\n" for k in range(10)))
    data = read(tmp_path, "y")
    assert data.n == 30 and data.sources == ("part0.csv", "part1.csv", "part2.csv")


MODES = ("1", "L", "P", "RGB", "RGBA", "CMYK", "I;16", "LA")
FILES = st.fixed_dictionaries(
    {
        "mode": st.sampled_from(MODES),
        "size": st.tuples(st.integers(1, 40), st.integers(1, 40)),
        "ending": st.sampled_from(["png", "jpg", "bmp", "gif", "webp", "tif"]),
        "turned": st.integers(0, 9),
        "cut": st.floats(0, 1) | st.none(),
        "level": st.integers(0, 255),
    }
)


def strange_image(mode: str, size: tuple[int, int], ending: str, turned: int, cut: float | None, level: int) -> bytes:
    """An image file of any mode, size and rotation that its format takes, perhaps cut off."""
    pixels = np.full((size[1], size[0]), level, np.uint8)
    image = Image.fromarray(pixels.astype(np.uint16) * 257) if mode == "I;16" else Image.fromarray(pixels).convert(mode)
    exif, file = Image.Exif(), io.BytesIO()
    exif[0x0112] = turned
    try:
        image.save(file, {"jpg": "jpeg", "tif": "tiff"}.get(ending, ending), exif=exif)
    except (OSError, KeyError, ValueError):  # the format does not take the mode
        file = io.BytesIO()
        image.convert("RGB").save(file, "png", exif=exif)
    whole = file.getvalue()
    return whole if cut is None else whole[: int(cut * len(whole))]


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(FILES, min_size=2, max_size=6), st.sampled_from(["fatal", "skip"]))
def test_any_folder_of_images_is_read_or_refused_in_words(
    tmp_path_factory: pytest.TempPathFactory, files: list[dict[str, Any]], broken: str
) -> None:
    folder = tmp_path_factory.mktemp("strange")
    for k, drawn in enumerate(files):
        place = folder / "ab"[k % 2]
        place.mkdir(exist_ok=True)
        (place / f"{k}.{drawn['ending']}").write_bytes(strange_image(**drawn))
    whole = all(drawn["cut"] is None for drawn in files)
    try:
        data = read(folder, broken=broken)
    except LeadlineError as error:
        assert not whole or "in all" in str(error) or "classes" in str(error), error
        assert str(error).count("\n") <= 1
        return
    assert data.image_shape is not None and data.images().shape == (data.n, *data.image_shape)
    assert data.images().dtype == np.uint8 and len(data.names) == data.n
    named = sum(f"{k}.{drawn['ending']} (" in " ".join(data.notices) for k, drawn in enumerate(files))
    assert data.n + named == len(files)  # no file is lost without a word
    if whole:
        for name, image in zip(data.names, data.images(), strict=True):
            drawn = files[int(Path(name).stem)]
            kept = ("png", "tif") if drawn["mode"] == "I;16" else ("png", "tif", "bmp")  # with all their levels
            if drawn["mode"] in ("L", "RGB", "RGBA", "I;16", "LA") and drawn["ending"] in kept:
                assert abs(float(image.mean()) - drawn["level"]) <= 2
