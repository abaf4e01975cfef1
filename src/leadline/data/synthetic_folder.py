"""A folder of synthetic examples from a folder of real ones: recipes of `leadline.data.synthesis`, file by file.

Folders of classes stay as they are. Every strength is drawn anew for each example from a range. What was done, and how
varied the material was, is written beside the examples, and a training on them warns of it.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from leadline.data.sources.images import MOST_PIXELS, SYNTHESIS, is_image_name
from leadline.data.sources.raw import reading
from leadline.data.synthesis import Diversity, blur, compress, light, mix, noise, paste, read_wav, synthesize, write_wav
from leadline.errors import LeadlineError, UsageError
from leadline.files import draft_of, write_json, writing
from leadline.text import grouped

Range = tuple[float, float]
SNR: Range = (0.0, 20.0)
HEIGHT: Range = (0.3, 0.8)


@dataclass(frozen=True)
class Recipe:
    """Ranges of strengths, None for what is left alone.

    Sounds: ``snr``, decibels above the background. Images: ``height`` of a pasted object as a share of that of its
    background, ``blur`` (pixels), ``noise`` (grey levels of 255), ``quality`` of a JPEG, and factors of
    ``brightness``, ``contrast`` and ``gamma``.
    """

    snr: Range | None = None
    height: Range | None = None
    blur: Range | None = None
    noise: Range | None = None
    quality: Range | None = None
    brightness: Range | None = None
    contrast: Range | None = None
    gamma: Range | None = None

    def __post_init__(self) -> None:
        limits = {"quality": (1, 95), "height": (0.01, 1), "snr": (-100, 100)}
        for name, value in self.given.items():
            low, high = limits.get(name, (0, 1000))
            if not low <= value[0] <= value[1] <= high:
                got = ",".join(f"{each:g}" for each in value)
                raise UsageError(f"synthesize: {name} is a range LOW,HIGH within {low:g} to {high:g}, got {got}.")

    @property
    def given(self) -> dict[str, Range]:
        """The ranges by name."""
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass(frozen=True)
class Synthetic:
    """A finished folder: how many examples it holds, and how varied their material was."""

    folder: Path
    examples: int
    diversity: tuple[Diversity, ...]

    @property
    def warnings(self) -> tuple[str, ...]:
        """What speaks against training on it."""
        return tuple(each.warning for each in self.diversity if each.warning is not None)


def synthesize_folder(
    source: Path, output: Path, recipe: Recipe, background: Path | None = None, n: int | None = None, seed: int = 0
) -> Synthetic:
    """Make ``n`` examples (as many as there are in ``source`` by default) in the new folder ``output``.

    WAV files are mixed with those of ``background``. Images are pasted on those of ``background`` where it is given
    (then they are cut-outs, with opacity), and changed as the recipe says. The folder is there whole or not at all.

    Raises:
        UsageError: a recipe that does not go with the files.
        LeadlineError: a folder without files, a damaged file, or an output that exists.

    """
    sounds = _files(source, (".wav",))
    pieces = sounds or _images(source)
    if not pieces:
        raise LeadlineError(f"{source} holds neither images nor WAV files.")
    others = [] if background is None else _files(background, (".wav",)) if sounds else _images(background)
    if background is not None and not others:
        raise LeadlineError(f"{background} holds no {'WAV files' if sounds else 'images'} to put behind.")
    _check(recipe, sounds=bool(sounds), background=background is not None)
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise LeadlineError(f"{output} exists already: name a new folder.")
    count = len(pieces) if n is None else n
    if count < 1:
        raise UsageError(f"synthesize: n is a number of examples, at least 1; got {count}.")
    draft = draft_of(output)
    make = _sound if sounds else _picture
    digits = len(str(count))
    numbers = iter(range(count))

    def made(first: int, second: int, random: np.random.Generator) -> None:
        piece = pieces[first]
        name = f"{piece.stem}-{next(numbers):0{digits}}"
        place = draft / piece.relative_to(source).parent / name
        place.parent.mkdir(parents=True, exist_ok=True)
        make(piece, others[second] if others else None, place, recipe, random)

    kinds = ("sounds" if sounds else "objects" if others else "images", len(pieces)), ("backgrounds", len(others) or 1)
    try:
        _, diversity = synthesize(made, count, kinds, seed)
        result = Synthetic(output, count, diversity if others else diversity[:1])
        record = {"from": source.name, "seed": seed, "recipe": recipe.given, "examples": count}
        record |= {"material": [asdict(each) for each in result.diversity], "warnings": list(result.warnings)}
        write_json(draft / SYNTHESIS, record)
        with writing(output):
            if output.exists():
                output.rmdir()
            draft.replace(output)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return result


def _check(recipe: Recipe, sounds: bool, background: bool) -> None:
    for name in recipe.given:
        if sounds != (name == "snr"):
            raise UsageError(f"synthesize: {name} is for {'images' if sounds else 'sounds'}; leave it out here.")
    if sounds and not background:
        raise UsageError("synthesize: sounds need a folder of backgrounds to be mixed with.")
    if not background and not recipe.given:
        raise UsageError("synthesize: say what is to be done, such as --blur 0,2 or --background FOLDER.")
    if "height" in recipe.given and not background:
        raise UsageError("synthesize: height is that of an object on a background; give a folder of backgrounds.")


def _files(folder: Path, endings: Sequence[str]) -> list[Path]:
    return _matching(folder, lambda name: name.lower().endswith(tuple(endings)) and not name.startswith("."))


def _images(folder: Path) -> list[Path]:
    return _matching(folder, is_image_name)


def _matching(folder: Path, matches: Callable[[str], bool]) -> list[Path]:
    if not folder.is_dir():
        raise LeadlineError(f"{folder}: no such folder.")
    return sorted(path for path in folder.rglob("*") if path.is_file() and matches(path.name))


def _sound(piece: Path, background: Path | None, place: Path, recipe: Recipe, random: np.random.Generator) -> None:
    assert background is not None
    (signal, rate), (behind, other) = read_wav(piece), read_wav(background)
    if rate != other:
        raise LeadlineError(
            f"{background.name} has {other} samples a second, {piece.name} {rate}; resample one of them."
        )
    if behind.ndim != signal.ndim:
        behind = behind.mean(axis=1) if signal.ndim == 1 else np.repeat(behind[:, None], signal.shape[1], axis=1)
    try:
        mixed = mix(signal, behind, float(random.uniform(*(recipe.snr or SNR))), random)
    except UsageError as error:
        raise LeadlineError(f"{background.name}: {str(error).removeprefix('mix: ')}") from None
    write_wav(place.with_suffix(".wav"), mixed, rate)


def _picture(piece: Path, background: Path | None, place: Path, recipe: Recipe, random: np.random.Generator) -> None:
    image = _pixels(piece, "RGB" if background is None else "RGBA")
    if background is not None:
        image = _pasted(image, _pixels(background, "RGB"), recipe.height or HEIGHT, random)
    drawn = {name: float(random.uniform(*value)) for name, value in recipe.given.items()}
    factors = {name: drawn[name] for name in ("brightness", "contrast", "gamma") if name in drawn}
    if factors:
        image = light(image, **factors)
    if "blur" in drawn:
        image = blur(image, drawn["blur"])
    if "noise" in drawn:
        image = noise(image, drawn["noise"], random)
    if "quality" in drawn:
        image = compress(image, round(drawn["quality"]))
    Image.fromarray(image).save(place.with_suffix(".png"))


def _pasted(cutout: np.ndarray, behind: np.ndarray, share: Range, random: np.random.Generator) -> np.ndarray:
    """The object at a random place, whole as far as its background is wide enough."""
    height = max(1, round(random.uniform(*share) * behind.shape[0]))
    width = max(1, round(cutout.shape[1] * height / cutout.shape[0]))
    top = int(random.integers(max(behind.shape[0] - height, 0) + 1))
    left = int(random.integers(max(behind.shape[1] - width, 0) + 1))
    return paste(cutout, behind, top, left, height)


def _pixels(path: Path, mode: str) -> np.ndarray:
    with reading(path.name, "an image"), Image.open(path) as opened:
        if opened.width * opened.height > MOST_PIXELS:
            raise LeadlineError(
                f"{path.name} announces {opened.width}×{opened.height} pixels, more than {grouped(MOST_PIXELS)}."
            )
        return np.asarray(ImageOps.exif_transpose(opened).convert(mode), np.uint8)
