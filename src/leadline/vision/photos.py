"""Photos as tensors (3, height, width) of values from 0 to 1, and back."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from leadline.data.sources.images import MOST_PIXELS
from leadline.data.sources.raw import reading
from leadline.errors import LeadlineError, UsageError
from leadline.files import replacing
from leadline.text import grouped

LEAST_SIDE = 16
ENDINGS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}


def read_photo(path: str | os.PathLike[str]) -> Image.Image:
    """A colour photo, turned as its camera says. Raises `LeadlineError` for what is no image, or too large or small."""
    path = Path(path)
    with reading(str(path), "an image"), Image.open(path) as opened:
        if opened.width * opened.height > MOST_PIXELS:
            raise LeadlineError(
                f"{path} announces {opened.width}×{opened.height} pixels, more than {grouped(MOST_PIXELS)}."
            )
        photo = ImageOps.exif_transpose(opened).convert("RGB")
    if min(photo.size) < LEAST_SIDE:
        raise LeadlineError(
            f"{path} has {photo.width}×{photo.height} pixels; both sides must have at least {LEAST_SIDE}."
        )
    return photo


def at_size(photo: Image.Image, longer: int) -> Tensor:
    """The photo with ``longer`` pixels along its longer side, and its proportions."""
    factor = longer / max(photo.size)
    width, height = (max(LEAST_SIDE, round(side * factor)) for side in photo.size)
    scaled = photo.resize((width, height), Image.Resampling.LANCZOS)
    return torch.from_numpy(np.array(scaled, np.float32) / 255).permute(2, 0, 1).contiguous()


def as_photo(x: Tensor) -> Image.Image:
    """Values (3, height, width) as an image of 256 levels; those beyond 0 and 1 are cut off."""
    levels = (x.detach().clamp(0, 1) * 255).round().to(torch.uint8)
    return Image.fromarray(levels.permute(1, 2, 0).cpu().numpy())


def check_ending(path: str | os.PathLike[str]) -> str:
    """The kind of image that a file's name asks for; `UsageError` for one that is not written."""
    kind = ENDINGS.get(Path(path).suffix.lower())
    if kind is None:
        raise UsageError(f"{path}: name a picture that ends in {', '.join(ENDINGS)}.")
    return kind


def write_photo(photo: Image.Image, path: str | os.PathLike[str]) -> None:
    """Write as the ending of the name says, whole or not at all."""
    kind = check_ending(path)
    with replacing(path) as draft, draft.open("wb") as file:
        photo.save(file, kind, **({} if kind == "PNG" else {"quality": 95}))
