"""Files of published weights: from a path or an https address, in safetensors or as torch writes them."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from leadline.errors import LeadlineError, UsageError
from leadline.files import cache_folder, replacing

FOLDER_FILES = ("model.safetensors", "pytorch_model.bin")
HASH_IN_NAME = re.compile(r"-([0-9a-f]{8,64})\.\w+$")
TIMEOUT = 60.0


def read_tensors(source: str | os.PathLike[str], checksum: str | None = None) -> dict[str, Tensor]:
    """Every tensor of a file by its name; torch files are read with ``weights_only``, so that no code in them runs.

    ``source`` is a path, a folder as Hugging Face writes it, or an https address, which is downloaded once into
    `cache_folder`. ``checksum`` is the beginning, 8 or more digits, of the file's SHA-256; an address needs it unless
    the file's own name ends in one, as torchvision's do. Raises `LeadlineError` where the file is missing, damaged or
    another one.
    """
    path = _local(source, checksum)
    return _safetensors(path) if path.suffix == ".safetensors" else _torch_file(path)


def source_digest(source: str | os.PathLike[str], checksum: str | None = None) -> str:
    """The SHA-256 of a file that `read_tensors` would read, 64 digits; it raises what that would raise."""
    return _digest(_local(source, checksum))


def _local(source: str | os.PathLike[str], checksum: str | None) -> Path:
    """The file here on disk, checked."""
    if checksum is not None and not re.fullmatch(r"[0-9a-fA-F]{8,64}", checksum):
        raise UsageError(f"checksum must be 8 to 64 hexadecimal digits of a SHA-256, got {checksum!r}")
    text = str(source)
    if re.match(r"\w{2,}://", text):
        return _downloaded(text, checksum)
    path = _file(Path(source))
    if checksum is not None:
        _verify(path, checksum, text)
    return path


def _file(path: Path) -> Path:
    if path.is_dir():
        file = next((path / name for name in FOLDER_FILES if (path / name).exists()), None)
        if file is None:
            raise LeadlineError(f"The folder {path} holds no weights: expected {' or '.join(FOLDER_FILES)} in it.")
        return file
    if not path.exists():
        raise LeadlineError(f"There is no file of weights at {path}.")
    return path


def _downloaded(url: str, checksum: str | None) -> Path:
    """The file at an address, from the cache where it is there and right."""
    parts = urlsplit(url)
    if parts.scheme != "https":
        raise UsageError(f"weights are downloaded over https alone, got {url}")
    name = Path(parts.path).name
    expected = checksum or hash_in_name(url)
    if expected is None:
        raise UsageError(f"{url}: a download needs a checksum, the SHA-256 of the file")
    path = cache_folder("weights") / f"{expected[:16].lower()}-{name}"
    if not path.exists() or not _digest(path).startswith(expected.lower()):
        with replacing(path) as draft:
            try:
                with urllib.request.urlopen(url, timeout=TIMEOUT) as response, draft.open("wb") as file:
                    shutil.copyfileobj(response, file)
            except OSError as error:  # urllib's errors are such, too
                raise LeadlineError(f"{url} could not be downloaded: {error}") from None
            _verify(draft, expected, url)
    return path


def hash_in_name(url: str) -> str | None:
    """The beginning of the SHA-256 in which the name of a file at an address ends, as in ``resnet18-f37072fd.pth``."""
    match = HASH_IN_NAME.search(Path(urlsplit(url).path).name)
    return match.group(1) if match else None


def _verify(path: Path, expected: str, source: str) -> None:
    digest = _digest(path)
    if not digest.startswith(expected.lower()):
        raise LeadlineError(
            f"{source} is not the file it should be: its SHA-256 begins {digest[:16]}, not {expected[:16]}"
        )


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _safetensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise LeadlineError(f"The file of weights {path} cannot be read: {error}") from None


def _torch_file(path: Path) -> dict[str, Tensor]:
    try:
        content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # damage shows in many ways, and a file with code in it in one more
        # Torch's own words advise to switch the check off, which would run whatever code is in the file.
        raise LeadlineError(
            f"The file of weights {path} cannot be read: it is damaged, or holds more than tensors by name "
            f"({type(error).__name__}). Save its state_dict as .safetensors where you trust it."
        ) from None
    for key in ("state_dict", "model"):  # what training scripts put around it
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    if not isinstance(content, dict) or not all(isinstance(tensor, Tensor) for tensor in content.values()):
        raise LeadlineError(f"The file of weights {path} does not hold tensors by name, but {type(content).__name__}.")
    return {name.removeprefix("module."): tensor for name, tensor in content.items()}
