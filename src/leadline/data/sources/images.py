"""Images: decoded once, brought to one size and kept as one array in a file that is mapped into memory.

A folder holds a folder of images for each class. JPEG, PNG and what else Pillow reads; grey images stay grey when all
are, transparent ones are laid on white, and cameras' rotation (EXIF) is applied.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from leadline.data.mapped import blocks_of_rows
from leadline.data.sources.raw import RawArrays
from leadline.errors import LeadlineError
from leadline.files import cache_folder, replacing
from leadline.text import counted, grouped

ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm")
MOST_PIXELS = 1 << 26
"""An image that announces more pixels (8192×8192) is refused before it is decoded."""

LARGEST_SIDE = 224
"""Images of different sizes are brought to their median size, but no side is made larger than this."""

READ_ERRORS = (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError, OverflowError, MemoryError)
SYNTHESIS = "synthesis.json"
"""How the examples of a folder were made, if they are synthetic."""

DECODED = 256
"""Images that threads decode before they are written."""

Size = tuple[int, int]


@dataclass(frozen=True)
class ImageRequest:
    """How images are read: ``size`` (height, width) or None, ``broken`` "fatal" or "skip", ``channels`` or None."""

    size: Size | None = None
    broken: str = "fatal"
    channels: int | None = None


@dataclass(frozen=True)
class Pictures:
    """Encoded images by name: ``open`` gives the file or bytes of one, ``key`` changes when any of them does."""

    source: str
    names: tuple[str, ...]
    open: Callable[[int], io.BytesIO | Path]
    key: str


def is_image_name(name: str) -> bool:
    """Whether a file's name ends like an image's."""
    return name.lower().endswith(ENDINGS) and not name.startswith(".")


def read_image_folder(path: Path, request: ImageRequest) -> RawArrays:
    """The images of a folder with a folder for each class.

    Raises LeadlineError for a class without images, images beside the class folders, links that lead out of the
    folder, and images that cannot be read, unless those are to be skipped.
    """
    files = [file for file in _files(path) if is_image_name(file.name)]
    beside = next((file for file in files if file.parent == path), None)
    if beside is not None:
        raise LeadlineError(f"{path.name}: {beside.name} lies in no class; put the images of each class into a folder.")
    classes = sorted(each.name for each in path.iterdir() if each.is_dir() and not each.name.startswith("."))
    labels = np.array([classes.index(file.relative_to(path).parts[0]) for file in files], np.int64)
    counts = np.bincount(labels, minlength=len(classes))
    if not counts.all():
        raise LeadlineError(
            f"{path.name}/{classes[int(counts.argmin())]} holds no images; add some or remove the folder."
        )
    array, kept, notices = decoded(_pictures(path, files), request)
    notices += _synthesis_warnings(path)
    names = tuple(str(files[row].relative_to(path)) for row in kept)
    name = path.resolve().name
    return RawArrays(name, name, array, labels[kept], "images", "class", tuple(classes), names, notices)


def _synthesis_warnings(path: Path) -> tuple[str, ...]:
    """The warnings of `leadline synthesize` where it made the folder."""
    try:
        warned = json.loads((path / SYNTHESIS).read_text(encoding="utf-8"))["warnings"]
        return tuple(f"{path.name}: {warning}" for warning in warned)
    except (OSError, ValueError, KeyError, TypeError):
        return ()


def read_plain_images(path: Path, request: ImageRequest) -> RawArrays:
    """One image, or all images in a folder, without labels, in the order of their names."""
    files = [path] if path.is_file() else [file for file in _files(path) if is_image_name(file.name)]
    if not files:
        raise LeadlineError(f"{path.name} holds no images.")
    array, kept, notices = decoded(_pictures(path, files), request)
    names = tuple(files[row].name for row in kept)
    return RawArrays(path.stem, path.name, array, None, "images", names=names, notices=notices)


def read_photo(path: Path) -> np.ndarray:
    """One image of any size, upright and on white: uint8 (height, width, channels), 1 channel where it is grey.

    Raises LeadlineError where it is missing or cannot be read.
    """
    if not path.is_file():
        raise LeadlineError(f"{path}: no such file.")
    pictures = Pictures(path.name, (path.name,), lambda row: path, "")
    header = _header(pictures, 0)
    if isinstance(header, str):
        raise LeadlineError(f"{path} cannot be read as an image: {header}.")
    size, grey = header
    pixels = _pixels(pictures, 0, (*size, 1 if grey else 3))
    if pixels is None:
        raise LeadlineError(f"{path} cannot be read as an image: it is cut off or damaged.")
    return pixels


def image_bytes(source: str, values: Sequence[bytes | None], key: str) -> Pictures:
    """Encoded images that are cells of a table."""
    names = tuple(f"row {row + 1}" for row in range(len(values)))
    return Pictures(source, names, lambda row: io.BytesIO(values[row] or b""), key)


def decoded(pictures: Pictures, request: ImageRequest) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """The images as uint8 (m, height, width, channels), which of them could be read (m,), and notices.

    The array is mapped from a file in the cache; it is made there at the first time.
    """
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        headers = list(threads.map(lambda row: _header(pictures, row), range(len(pictures.names))))
        broken = {row: text for row, text in enumerate(headers) if isinstance(text, str)}
        readable = [header for header in headers if not isinstance(header, str)]
        size, channels, notices = _form(pictures.source, readable, request)
        rows = [row for row in range(len(headers)) if row not in broken]
        identity = repr((pictures.key, size, channels, rows, 2)).encode()
        cached = cache_folder("images") / f"{hashlib.sha256(identity).hexdigest()[:32]}.npy"
        if not cached.with_suffix(".broken.npy").exists():
            _decode_into(cached, pictures, rows, (*size, channels), threads)
    for row in np.load(cached.with_suffix(".broken.npy")).tolist():
        broken[row] = "it is cut off or damaged"
    if broken:
        notices.append(_broken_notice(pictures, broken, request))
    kept = np.array([row for row in range(len(headers)) if row not in broken], np.int64)
    if len(kept) == 0:
        raise LeadlineError(f"{pictures.source}: none of its images can be read.")
    return np.load(cached, mmap_mode="r")[: len(kept)], kept, tuple(notices)


def joined_arrays(arrays: Sequence[np.ndarray]) -> np.ndarray:
    """The rows of all arrays; where these are mapped from files, mapped from a file of their own, too."""
    files = [array.filename for array in arrays if isinstance(array, np.memmap)]
    if len(files) < len(arrays) or len({array.dtype for array in arrays}) > 1:
        return np.concatenate(arrays)
    identity = repr([(str(file), array.shape) for file, array in zip(files, arrays, strict=True)]).encode()
    cached = cache_folder("images") / f"{hashlib.sha256(identity).hexdigest()[:32]}.npy"
    if not cached.exists():
        whole = (sum(map(len, arrays)), *arrays[0].shape[1:])
        with replacing(cached) as draft, draft.open("wb") as file:
            header = {"descr": arrays[0].dtype.str, "fortran_order": False, "shape": whole}
            np.lib.format.write_array_header_1_0(file, header)
            for array in arrays:
                for block in blocks_of_rows(array):
                    file.write(block.data)
    return np.load(cached, mmap_mode="r")


def _files(path: Path) -> list[Path]:
    """All files below a folder in order; links that lead out of it are refused."""
    root = path.resolve()
    files = []
    for folder, inner, names in os.walk(path, followlinks=False):
        inner.sort()
        for name in sorted([*names, *(each for each in inner if Path(folder, each).is_symlink())]):
            file = Path(folder) / name
            if file.is_symlink() and not file.resolve().is_relative_to(root):
                raise LeadlineError(
                    f"{file.relative_to(path)} is a link out of {path.name}; copy the file, or remove it."
                )
            if file.is_file():
                files.append(file)
    return files


def _pictures(path: Path, files: Sequence[Path]) -> Pictures:
    digest = hashlib.sha256(str(path.resolve()).encode())
    for file in files:
        status = file.stat()
        digest.update(repr((str(file), status.st_size, status.st_mtime_ns)).encode())
    names = tuple(str(file.relative_to(path)) if path.is_dir() else file.name for file in files)
    return Pictures(path.name, names, lambda row: files[row], digest.hexdigest())


def _header(pictures: Pictures, row: int) -> tuple[Size, bool] | str:
    """The upright (height, width) of an image and whether it is grey; or what is wrong with it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(pictures.open(row)) as image:
                width, height = image.size
                if width * height > MOST_PIXELS:
                    return f"it announces {width}×{height} pixels, more than {grouped(MOST_PIXELS)}"
                turned = image.getexif().get(0x0112, 1) >= 5
                return (width, height) if turned else (height, width), image.mode in ("1", "L", "I", "I;16", "F")
    except READ_ERRORS as error:
        return _reason(error)


def _form(source: str, headers: Sequence[tuple[Size, bool]], request: ImageRequest) -> tuple[Size, int, list[str]]:
    """The size and channels that all images get, with a notice where they are changed."""
    if not headers:
        return request.size or (1, 1), request.channels or 1, []
    channels = request.channels or (1 if all(grey for _, grey in headers) else 3)
    sizes = {size for size, _ in headers}
    if request.size is not None:
        return request.size, channels, []
    if len(sizes) == 1 and max(next(iter(sizes))) <= LARGEST_SIDE:
        return next(iter(sizes)), channels, []
    height, width = (int(np.median([size[axis] for size, _ in headers])) for axis in (0, 1))
    shrink = min(1.0, LARGEST_SIDE / max(height, width))
    size = max(1, round(height * shrink)), max(1, round(width * shrink))
    which = f"{len(sizes)} different sizes" if len(sizes) > 1 else f"{height}×{width} pixels"
    notice = f"{source}: the images have {which}; they were brought to {size[0]}×{size[1]}. Another: data.size."
    return size, channels, [notice]


def _decode_into(
    cached: Path, pictures: Pictures, rows: Sequence[int], shape: tuple[int, int, int], threads: ThreadPoolExecutor
) -> None:
    """Write the images ``rows`` into a file, and beside it which of them cannot be decoded; those leave no gap."""
    broken = []
    whole = (max(len(rows), 1), *shape)
    with replacing(cached) as draft, draft.open("wb") as file:
        header = {"descr": "|u1", "fortran_order": False, "shape": whole}
        np.lib.format.write_array_header_1_0(file, header)
        start_of_pixels = file.tell()
        for start in range(0, len(rows), DECODED):
            block = rows[start : start + DECODED]
            images = threads.map(lambda row: _pixels(pictures, row, shape), block)
            for row, pixels in zip(block, images, strict=True):
                if pixels is None:
                    broken.append(row)
                else:
                    file.write(pixels.data)
        file.truncate(start_of_pixels + math.prod(whole))
    with replacing(cached.with_suffix(".broken.npy")) as draft, draft.open("wb") as file:
        np.save(file, np.array(broken, np.int64))


def _pixels(pictures: Pictures, row: int, shape: tuple[int, int, int]) -> np.ndarray | None:
    """One image, upright, on white, of the size and channels of ``shape``; None where it cannot be decoded."""
    height, width, channels = shape
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(pictures.open(row)) as opened:
                image = ImageOps.exif_transpose(opened)
                if image.mode.startswith("I") or image.mode == "F":
                    image = _of_eight_bits(image)
                if "A" in image.getbands() or "transparency" in image.info:
                    clear = image.convert("RGBA")
                    image = Image.alpha_composite(Image.new("RGBA", clear.size, "white"), clear)
                image = image.convert("L" if channels == 1 else "RGB")
                if image.size != (width, height):
                    image = ImageOps.fit(image, (width, height), Image.Resampling.LANCZOS)
                return np.asarray(image, np.uint8).reshape(shape)
    except READ_ERRORS:
        return None


def _of_eight_bits(image: Image.Image) -> Image.Image:
    """A deep image with 255 for white, which is not each image's own brightest pixel: dark ones stay dark."""
    deep = np.asarray(image, np.float64)
    if not np.isfinite(deep).all():
        raise ValueError("it holds values that are no finite numbers")
    brightest = deep.max()
    whites = (65_535,) if image.mode.startswith("I;16") else (1, 255, 65_535) if image.mode == "F" else (255, 65_535)
    white = next((each for each in whites if brightest <= each), brightest)
    return Image.fromarray(np.round(np.clip(deep / white, 0, 1) * 255).astype(np.uint8))


def _reason(error: BaseException) -> str:
    if isinstance(error, Image.DecompressionBombError):
        return f"it announces more than {grouped(MOST_PIXELS)} pixels"
    text = (str(error).splitlines() or [""])[0]
    return "it is no image" if "cannot identify" in text else text[:100] or type(error).__name__


def _broken_notice(pictures: Pictures, broken: dict[int, str], request: ImageRequest) -> str:
    """A notice about images that are left out; LeadlineError where that was not asked for."""
    listed = "; ".join(f"{pictures.names[row]} ({broken[row]})" for row in sorted(broken)[:5])
    more = f"; and {len(broken) - 5} more" if len(broken) > 5 else ""
    few = counted(len(broken), "image")
    message = f"{pictures.source}: {few} cannot be read: {listed}{more}."
    if request.broken == "fatal":
        raise LeadlineError(f'{message}\nMend or remove them, or leave them out: broken = "skip".')
    return f"{message} They are left out."
