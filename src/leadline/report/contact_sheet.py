"""A contact sheet: training images beside random variations of them, as one labelled picture to look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from leadline.files import replacing

TILE = 112
"""The longest side of a picture on the sheet, in pixels: small images are enlarged, large ones scaled down."""

GAP, MARGIN, CAPTION, LINE = 8, 24, 168, 20
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
PAPER, INK, MUTED = "#ffffff", "#1a2127", "#56626c"


@dataclass(frozen=True)
class ContactSheet:
    """Images and their variations: ``originals`` uint8 (n, h, w, c), ``varied`` uint8 (n, k, h, w, c).

    ``captions`` are two short lines for each image, such as its label and its row; ``note`` says how they were varied.
    """

    originals: np.ndarray
    varied: np.ndarray
    captions: Sequence[tuple[str, str]]
    note: str

    def drawn(self) -> Image.Image:
        """The sheet as a picture: one row for each image, the original first."""
        n, k = self.varied.shape[:2]
        height, width = _tile_size(*self.originals.shape[1:3])
        font, small = ImageFont.load_default(15), ImageFont.load_default(13)
        left = MARGIN + CAPTION
        across = left + (k + 1) * (width + GAP) + GAP + MARGIN
        note = _wrapped(self.note, small, across - 2 * MARGIN)
        size = (across, 2 * MARGIN + LINE + n * (height + GAP) + (1 + len(note)) * LINE)
        sheet = Image.new("RGB", size, PAPER)
        draw = ImageDraw.Draw(sheet)
        draw.text((left, MARGIN), "original", INK, small)
        draw.text((left + width + 3 * GAP, MARGIN), "as training may see it", INK, small)
        for row in range(n):
            top = MARGIN + LINE + GAP + row * (height + GAP)
            for line, (text, colour, face) in enumerate(
                zip(self.captions[row], (INK, MUTED), (font, small), strict=True)
            ):
                draw.text((MARGIN, top + line * LINE), _shortened(text, face, CAPTION - GAP), colour, face)
            for column, image in enumerate([self.originals[row], *self.varied[row]]):
                apart = 2 * GAP if column else 0
                sheet.paste(_tile(image, (width, height)), (left + column * (width + GAP) + apart, top))
        for line, text in enumerate(note):
            draw.text((MARGIN, size[1] - MARGIN - (len(note) - line) * LINE), text, MUTED, small)
        return sheet

    def save(self, path: Path) -> Path:
        """Write the sheet as a PNG file. `LeadlineError` where that cannot be done."""
        return save_png(self.drawn(), path)


def save_png(picture: Image.Image, path: Path) -> Path:
    """Write a picture beside its place and move it there in one step. `LeadlineError` where that cannot be done."""
    with replacing(path) as draft:
        picture.save(draft, format="PNG", optimize=True)
    return path


def _tile_size(height: int, width: int) -> tuple[int, int]:
    """As large as the sheet has room for; small images by a whole factor, so that their pixels stay square."""
    longest = max(height, width)
    if longest <= TILE:
        factor = TILE // longest
        return height * factor, width * factor
    return max(1, round(height * TILE / longest)), max(1, round(width * TILE / longest))


def _tile(image: np.ndarray, size: tuple[int, int]) -> Image.Image:
    channels = image.shape[2]
    pixels = image[:, :, 0] if channels == 1 else image if channels == 3 else image.mean(axis=2).astype(np.uint8)
    larger = size[0] >= image.shape[1]
    return Image.fromarray(pixels).resize(size, Image.Resampling.NEAREST if larger else Image.Resampling.LANCZOS)


def _wrapped(text: str, font: Font, width: float) -> list[str]:
    """The text in lines of at most ``width`` pixels, broken between words."""
    lines = [""]
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}".strip()
        if font.getlength(longer) > width and lines[-1]:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def _shortened(text: str, font: Font, width: float) -> str:
    """The text, cut off with an ellipsis where it is longer than ``width`` pixels."""
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "…") > width:
        text = text[:-1]
    return text + "…"
