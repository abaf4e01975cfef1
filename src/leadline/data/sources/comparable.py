"""Sets as columns that can be compared: those of a table, the values of an array, or statistics of images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from leadline.data.columns import typed
from leadline.data.dataset import Column, Dataset
from leadline.data.inference import kind_of
from leadline.data.sources.array_assembly import channels_last, checked_inputs
from leadline.data.sources.opening import open_source
from leadline.data.sources.raw import RawArrays
from leadline.data.sources.request import SourceRequest
from leadline.data.sources.series import series_lengths
from leadline.errors import LeadlineError

MOST_IMAGES = 10_000
BLOCK = 256


def comparable(data: Dataset, rows: np.ndarray) -> dict[str, np.ndarray]:
    """The inputs of some rows of a data set as columns by name."""
    if isinstance(data.inputs, tuple):
        return {column.name: _values(column.take(rows)) for column in data.inputs if column.kind != "text"}
    if data.is_series:
        return _series_columns(data.inputs[_some(rows)])
    return _array_columns(data.inputs[_some(rows)])


def comparable_sources(first: Any, second: Any, folder: str | Path | None = None) -> tuple[dict, dict]:
    """Two sources as columns by name, those of a table that both have and that can be compared; targets included."""
    place = None if folder is None else Path(folder)
    one, two = (open_source(source, SourceRequest(folder=place)) for source in (first, second))
    if isinstance(one, RawArrays) and isinstance(two, RawArrays):
        if one.series and two.series:
            return _series_columns(one.inputs), _series_columns(two.inputs)
        arrays = [raw.inputs[_some(np.arange(len(raw.inputs)))] for raw in (one, two)]
        first, second = (_array_columns(channels_last(checked_inputs(array, "the array"))[0]) for array in arrays)
        return first, second
    if isinstance(one, RawArrays) or isinstance(two, RawArrays):
        raise LeadlineError(f"{one.source} and {two.source} must be of the same kind: tables or arrays.")
    shared = [name for name in one.data.column_names if name in two.data.column_names]
    columns: tuple[dict, dict] = {}, {}
    for name in shared:
        kinds = [kind_of(name, raw.data.column(name), raw.where) for raw in (one, two)]
        kind = next((feature.kind for feature in kinds if feature.used), None)
        if kind is None or any(feature.kind in ("identifier", "text", "unsupported") for feature in kinds):
            continue
        if any(feature.kind == "category" for feature in kinds):
            kind = "category"
        elif any(feature.kind == "number" for feature in kinds):
            kind = "number"
        for values, raw in zip(columns, (one, two), strict=True):
            values[name] = _values(typed(name, raw.data.column(name), kind, raw.where))
    if not columns[0]:
        raise LeadlineError(f"{one.source} and {two.source} have no column in common that can be compared.")
    return columns


def _some(rows: np.ndarray) -> np.ndarray:
    """At most MOST_IMAGES of the rows, evenly spread."""
    return rows if len(rows) <= MOST_IMAGES else rows[np.linspace(0, len(rows) - 1, MOST_IMAGES).astype(int)]


def _values(column: Column) -> np.ndarray:
    """Numbers as they are, dates as days, categories as text."""
    if column.kind == "category":
        return np.array([*column.levels, ""])[column.values]
    if column.kind == "date":
        days = column.values.astype(np.int64) / 86_400
        return np.where(np.isnat(column.values), np.nan, days)
    return column.values


def _series_columns(values: np.ndarray) -> dict[str, np.ndarray]:
    """How long series (n, steps, channels) are, and the mean and deviation of each channel."""
    columns = {"steps": series_lengths(values).astype(np.float64)}
    for channel in range(values.shape[2]):
        columns[f"mean of channel {channel + 1}"] = np.nanmean(values[:, :, channel], 1).astype(np.float64)
        columns[f"deviation of channel {channel + 1}"] = np.nanstd(values[:, :, channel], 1).astype(np.float64)
    return columns


def _array_columns(values: np.ndarray) -> dict[str, np.ndarray]:
    if values.ndim >= 3:
        images = values if values.ndim == 4 else values[..., None]
        return image_statistics(images)
    return {f"x_{j + 1}": values[:, j].astype(np.float64) for j in range(values.shape[1])}


def image_statistics(images: np.ndarray) -> dict[str, np.ndarray]:
    """What a photographer would tell images (n, h, w, c) apart by, each float64 (n,); values as fractions of white.

    brightness: mean. contrast: standard deviation. sharpness: mean absolute Laplacian by contrast (blur lowers it).
    noise: median absolute Laplacian by contrast. dark and bright: shares of pixels near black and white. For colours:
    saturation (largest minus smallest channel, by brightness) and the share of each channel in the brightness.
    """
    white = 255.0 if images.dtype == np.uint8 else float(np.abs(images).max(initial=0)) or 1.0
    blocks = [_block_statistics(images[i : i + BLOCK].astype(np.float32) / white) for i in range(0, len(images), BLOCK)]
    return {name: np.concatenate([block[name] for block in blocks]).astype(np.float64) for name in blocks[0]}


def _block_statistics(images: np.ndarray) -> dict[str, np.ndarray]:
    colours = images[..., :3] if images.shape[3] in (3, 4) else images
    grey = colours.mean(axis=3)
    contrast = grey.std(axis=(1, 2))
    statistics = {
        "brightness": grey.mean(axis=(1, 2)),
        "contrast": contrast,
        "dark": (grey < 0.1).mean(axis=(1, 2)),
        "bright": (grey > 0.9).mean(axis=(1, 2)),
    }
    if min(grey.shape[1:]) >= 3:
        inner = grey[:, 1:-1, 1:-1]
        around = grey[:, :-2, 1:-1] + grey[:, 2:, 1:-1] + grey[:, 1:-1, :-2] + grey[:, 1:-1, 2:]
        laplacian = np.abs(around - 4 * inner).reshape(len(grey), -1)
        statistics["sharpness"] = laplacian.mean(axis=1) / np.maximum(contrast, 1e-3)
        statistics["noise"] = np.median(laplacian, axis=1) / np.maximum(contrast, 1e-3)
    if colours.shape[3] == 3:
        statistics["saturation"] = (colours.max(axis=3) - colours.min(axis=3)).mean(axis=(1, 2)) / np.maximum(
            statistics["brightness"], 1e-3
        )
        total = np.maximum(colours.mean(axis=(1, 2)).sum(axis=1), 1e-6)
        for channel, name in enumerate(("red", "green", "blue")):
            statistics[name] = colours[..., channel].mean(axis=(1, 2)) / total
    return statistics
