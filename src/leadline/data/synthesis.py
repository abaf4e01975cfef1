"""Training data that are more like the target: recipes for sounds and images (course 3, artificial data synthesis).

Sounds are float arrays (n,) or (n, channels) in [−1, 1]; images are uint8 (h, w, c). Every recipe takes a seeded
generator where it draws, and leaves its inputs alone.
"""

from __future__ import annotations

import io
import wave
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import Image, ImageFilter

from leadline.data.sources.raw import reading
from leadline.errors import LeadlineError, UsageError
from leadline.text import grouped

MOST_USES = 10
"""Uses of one background or object, on average, from which a set of synthetic examples is called narrow."""

Made = TypeVar("Made")


# --- sounds -------------------------------------------------------------------------------------------------


def power(signal: np.ndarray) -> float:
    """The mean square of a signal."""
    return float(np.mean(np.square(signal, dtype=np.float64))) if signal.size else 0.0


def mix(
    signal: np.ndarray, background: np.ndarray, snr: float, random: np.random.Generator | None = None
) -> np.ndarray:
    """``signal`` with ``background`` at a signal-to-noise ratio of ``snr`` decibels: 10 log₁₀(P_signal/P_background).

    The background begins at a random place (at its start without ``random``) and repeats where it is shorter. The sum
    is made quieter as a whole where it would leave [−1, 1], which keeps the ratio. Raises UsageError for a background
    that is silent.
    """
    signal = np.asarray(signal, np.float64)
    start = 0 if random is None else int(random.integers(len(background)))
    chosen = np.take(np.asarray(background, np.float64), np.arange(start, start + len(signal)), axis=0, mode="wrap")
    if chosen.ndim != signal.ndim:
        raise UsageError(f"mix: the signal has {signal.ndim} axes and the background {chosen.ndim}; give both alike.")
    if power(chosen) == 0:
        raise UsageError("mix: the background is silent there, so no signal-to-noise ratio can be reached.")
    mixed = signal + chosen * np.sqrt(power(signal) / power(chosen) / 10 ** (snr / 10))
    return mixed / max(1.0, float(np.abs(mixed).max(initial=0)))


def read_wav(path: str | Path) -> tuple[np.ndarray, int]:
    """The samples of a WAV file (PCM of 8 to 32 bits) in [−1, 1], (n,) or (n, channels), and samples per second."""
    source = Path(path).name
    try:
        with reading(source, "WAV"), wave.open(str(path), "rb") as file:
            width, channels, rate = file.getsampwidth(), file.getnchannels(), file.getframerate()
            announced, raw = file.getnframes(), file.readframes(file.getnframes())
    except wave.Error as error:
        raise LeadlineError(f"{source} cannot be read as WAV: {error}. Save it as uncompressed PCM.") from error
    if len(raw) != announced * width * channels:
        raise LeadlineError(f"{source} is cut off: {len(raw)} bytes of {announced * width * channels}. Get it again.")
    if width == 1:
        values = (np.frombuffer(raw, np.uint8).astype(np.float64) - 128) / 128
    else:
        padded = np.zeros((len(raw) // width, 4), np.uint8)
        padded[:, 4 - width :] = np.frombuffer(raw, np.uint8).reshape(-1, width)
        values = padded.view("<i4")[:, 0] / 2.0**31
    return (values if channels == 1 else values.reshape(-1, channels)), rate


def write_wav(path: str | Path, signal: np.ndarray, rate: int) -> None:
    """Write samples in [−1, 1], (n,) or (n, channels), as 16-bit PCM."""
    values = np.round(np.clip(signal, -1, 1) * 32767).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1 if values.ndim == 1 else values.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(values.tobytes())


# --- images -------------------------------------------------------------------------------------------------


def blur(image: np.ndarray, radius: float) -> np.ndarray:
    """Out of focus: a Gaussian of standard deviation ``radius`` pixels."""
    return _back(_picture(image).filter(ImageFilter.GaussianBlur(radius)), image)


def noise(image: np.ndarray, deviation: float, random: np.random.Generator) -> np.ndarray:
    """A sensor's noise: normal, of standard deviation ``deviation`` in grey levels of 255."""
    return _levels(image + random.normal(0, deviation, image.shape))


def compress(image: np.ndarray, quality: int) -> np.ndarray:
    """What JPEG of this quality (1 to 95) leaves of the image."""
    if not 1 <= quality <= 95:
        raise UsageError(f"compress: the quality of a JPEG is 1 to 95, got {quality}.")
    file = io.BytesIO()
    _picture(image).save(file, "jpeg", quality=quality)
    return _back(Image.open(file), image)


def light(image: np.ndarray, brightness: float = 1.0, contrast: float = 1.0, gamma: float = 1.0) -> np.ndarray:
    """Other light: gamma first, then contrast about the mean, then brightness as a factor; 1 leaves each alone."""
    values = 255 * (image / 255) ** gamma
    mean = values.mean()
    return _levels(brightness * (mean + contrast * (values - mean)))


def paste(cutout: np.ndarray, background: np.ndarray, top: int, left: int, height: int | None = None) -> np.ndarray:
    """An object on a background: ``cutout`` (h, w, 4) with its opacity last, scaled to ``height`` pixels.

    What lies outside the background (h, w, 3) is cut off.
    """
    if cutout.ndim != 3 or cutout.shape[2] != 4 or background.ndim != 3 or background.shape[2] != 3:
        got = f"{cutout.shape} and {background.shape}"
        raise UsageError(f"paste: needs a cutout (h, w, 4) and a background (h, w, 3), got {got}.")
    piece = Image.fromarray(cutout)
    if height is not None:
        piece = piece.resize((max(1, round(piece.width * height / piece.height)), height), Image.Resampling.LANCZOS)
    scene = Image.fromarray(background)
    scene.paste(piece, (left, top), piece)
    return np.asarray(scene)


def _picture(image: np.ndarray) -> Image.Image:
    return Image.fromarray(image[:, :, 0] if image.shape[2] == 1 else image)


def _back(picture: Image.Image, like: np.ndarray) -> np.ndarray:
    return np.asarray(picture, np.uint8).reshape(like.shape)


def _levels(values: np.ndarray) -> np.ndarray:
    return np.clip(np.round(values), 0, 255).astype(np.uint8)


# --- sets ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Diversity:
    """How often the same material was used: ``examples`` made from ``distinct`` pieces, one ``most`` times."""

    material: str
    examples: int
    distinct: int
    most: int

    @classmethod
    def of(cls, material: str, used: Iterable[Hashable]) -> Diversity:
        """Count the pieces that were ``used``, one for each example."""
        counts = Counter(used)
        return cls(material, counts.total(), len(counts), max(counts.values(), default=0))

    @property
    def warning(self) -> str | None:
        """What a network may learn from it that is not so in the world; None for enough variety."""
        if self.distinct == 0 or self.examples < MOST_USES * self.distinct:
            return None
        mean = self.examples / self.distinct
        times = f"{grouped(mean) if mean >= 100 else f'{mean:.3g}'} times"
        if self.most > mean:
            times += f" on average and one {grouped(self.most)} times"
        return (
            f"{grouped(self.examples)} synthetic examples are made from only {grouped(self.distinct)} distinct "
            f"{self.material}, each used {times}: a network can learn these {self.material} by heart. "
            f"Use at least {grouped(-(-self.examples // MOST_USES))}, or make fewer examples."
        )


def synthesize(
    make: Callable[[int, int, np.random.Generator], Made],
    n: int,
    materials: Sequence[tuple[str, int]],
    seed: int = 0,
) -> tuple[list[Made], tuple[Diversity, ...]]:
    """``n`` examples of a recipe, and how varied they are.

    ``materials`` names two kinds of pieces and how many there are of each, such as ``("signals", 500)`` and
    ``("backgrounds", 40)``; ``make(first, second, random)`` combines a piece of each by number. All pieces are used
    about equally often, in random pairs.
    """
    if len(materials) != 2 or any(count < 1 for _, count in materials):
        raise UsageError("synthesize: give two materials with at least one piece each, such as ('backgrounds', 40).")
    random = np.random.default_rng(seed)
    first, second = (
        np.concatenate([random.permutation(count) for _ in range(-(-n // count))])[:n] for _, count in materials
    )
    made = [make(int(a), int(b), random) for a, b in zip(first, second, strict=True)]
    used = ((materials[0][0], first), (materials[1][0], second))
    return made, tuple(Diversity.of(name, pieces.tolist()) for name, pieces in used)
