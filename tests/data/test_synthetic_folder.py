"""T3.12: folders of synthetic examples, with a warning where few pieces are used again and again."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from leadline.cli.main import run as leadline
from leadline.data import read
from leadline.data.synthesis import power, read_wav, write_wav
from leadline.data.synthetic_folder import Recipe, synthesize_folder
from leadline.errors import LeadlineError, UsageError


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADLINE_CACHE", str(tmp_path / "cache"))


def images(folder: Path, n: int = 4, mode: str = "RGB", side: int = 16) -> Path:
    for name, level in (("cat", 60), ("dog", 160)):
        (folder / name).mkdir(parents=True)
        for k in range(n):
            Image.new(mode, (side, side), (level + k,) * 3 + ((255,) if mode == "RGBA" else ())).save(
                folder / name / f"{k}.png"
            )
    return folder


def sounds(folder: Path, n: int, seed: int = 0, level: float = 0.3) -> Path:
    folder.mkdir(parents=True)
    random = np.random.default_rng(seed)
    for k in range(n):
        write_wav(folder / f"{k}.wav", random.normal(0, level, 800).clip(-1, 1), 8_000)
    return folder


def test_images_keep_their_classes_and_change_as_the_recipe_says(tmp_path: Path) -> None:
    source = images(tmp_path / "real")
    recipe = Recipe(brightness=(0.5, 0.5), noise=(3, 3))
    made = synthesize_folder(source, tmp_path / "made", recipe, n=16)
    assert made.examples == 16 and made.warnings == ()
    data = read(tmp_path / "made")
    assert data.class_counts() == {"cat": 8, "dog": 8}
    means = data.images().mean((1, 2, 3))
    assert np.allclose(means, np.where(data.target == 0, 30.75, 80.75), atol=1.5)
    assert 2 < data.images()[0].std() < 4
    again = synthesize_folder(source, tmp_path / "again", recipe, n=16)
    assert np.array_equal(read(again.folder).images(), data.images())


def test_objects_on_few_backgrounds_are_warned_of_where_they_are_used(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, output = images(tmp_path / "objects", 10, "RGBA"), tmp_path / "made"
    (tmp_path / "behind").mkdir()
    for k in range(2):
        Image.new("RGB", (40, 32), (0, 0, 200 + k)).save(tmp_path / "behind" / f"{k}.png")
    words = ["synthesize", str(source), str(output), "--background", str(tmp_path / "behind"), "--n", "40"]
    assert leadline([*words, "--height", "0.5"]) == 0
    printed = capsys.readouterr()
    assert "40 examples from 20 objects, 2 backgrounds" in printed.out
    assert "40 synthetic examples are made from only 2 distinct backgrounds, each used 20 times" in printed.err
    data = read(output)
    assert data.image_shape == (32, 40, 3)
    assert any("only 2 distinct backgrounds" in notice for notice in data.notices)
    grey = (data.images()[..., 0] > 0).sum((1, 2))
    assert (grey == 16 * 16).all()  # half of the background's 32 rows, whole and square
    assert json.loads((output / "synthesis.json").read_text())["recipe"] == {"height": [0.5, 0.5]}


def test_sounds_are_mixed_at_the_ratio_asked_for(tmp_path: Path) -> None:
    source, behind = sounds(tmp_path / "words", 3, level=0.05), sounds(tmp_path / "street", 2, seed=1)
    made = synthesize_folder(source, tmp_path / "made", Recipe(snr=(6, 6)), behind)
    assert made.examples == 3 and [found.material for found in made.diversity] == ["sounds", "backgrounds"]
    for path in sorted((tmp_path / "made").glob("*.wav")):
        signal, mixed = read_wav(source / f"{path.stem[0]}.wav")[0], read_wav(path)[0]
        assert 10 * np.log10(power(signal) / power(mixed - signal)) == pytest.approx(6, abs=0.1)


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["nowhere", "made"], 1, "nowhere: no such folder"),
        (["real", "made"], 2, "say what is to be done, such as --blur 0,2"),
        (["real", "made", "--snr", "5"], 2, "snr is for sounds; leave it out here"),
        (["words", "made", "--blur", "1"], 2, "blur is for images; leave it out here"),
        (["words", "made"], 2, "sounds need a folder of backgrounds"),
        (["real", "made", "--blur", "much"], 2, "--blur much: give one number, or a range such as 0,2"),
        (["real", "made", "--quality", "20,120"], 2, "quality is a range LOW,HIGH within 1 to 95, got 20,120"),
        (["real", "real", "--blur", "1"], 1, "real exists already: name a new folder"),
        (["real", "made", "--height", "0.5"], 2, "height is that of an object on a background"),
        (["words", "made", "--background", "slow"], 1, "0.wav has 4000 samples a second, 0.wav 8000"),
        (["broken", "made", "--blur", "1"], 1, "0.png cannot be read as an image"),
    ],
)
def test_what_cannot_be_made_is_one_line_and_leaves_nothing(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    code: int,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    images(tmp_path / "real")
    sounds(tmp_path / "words", 2)
    (tmp_path / "slow").mkdir()
    write_wav(tmp_path / "slow" / "0.wav", np.ones(100) / 2, 4_000)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "0.png").write_text("no image")
    assert leadline(["synthesize", *words]) == code
    error = capsys.readouterr().err
    assert message in error and error.count("\n") <= 2
    assert not (tmp_path / "made").exists() and not list(tmp_path.glob(".*partial"))


def test_no_seed_or_range_gives_more_than_it_says() -> None:
    with pytest.raises(UsageError, match="blur is a range"):
        Recipe(blur=(2, 1))
    with pytest.raises(LeadlineError, match="no such folder"):
        synthesize_folder(Path("none"), Path("made"), Recipe())
