"""Series over time: the text format of sktime and aeon, and series of different lengths in one array."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from leadline.data.dataset import Feature
from leadline.data.sources.raw import RawArrays
from leadline.errors import LeadlineError

MISSING = ("?", "NaN", "nan")


def read_ts(name: str, source: str, raw: bytes) -> RawArrays:
    """The series (n, steps, channels) of a ``.ts`` file, NaN past their ends, and their classes or numbers.

    A missing value becomes what lies between its neighbours. `LeadlineError` names the line that is wrong.
    """
    try:
        lines = raw.decode("utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise LeadlineError(f"{source} is no text in UTF-8: {error.reason} at byte {error.start}.") from None
    header, start = _header(lines, source)
    if header.get("timestamps", "false") == "true":
        raise LeadlineError(f"{source}: series with time stamps are not read; write values at equal distances.")
    has_target = "true" in (header.get("classlabel", ""), header.get("targetlabel", ""))
    series, targets = [], []
    for number, line in enumerate(lines[start:], start + 1):
        if not line.strip() or line.startswith("#"):
            continue
        parts = line.strip().split(":")
        if has_target:
            targets.append(parts.pop())
        series.append(_channels(parts, f"{source}, line {number}"))
        if series[-1].shape[1] != series[0].shape[1]:
            raise LeadlineError(
                f"{source}, line {number}: {series[-1].shape[1]} channels where the first series has "
                f"{series[0].shape[1]}."
            )
    if not series:
        raise LeadlineError(f"{source} has no series after @data.")
    target = np.array(targets) if has_target else None
    if has_target and header.get("targetlabel") == "true":
        target = np.array([_number(each, source) for each in targets])
    return RawArrays(name, source, padded(series), target, "series", header["label"], series=True)


def padded(series: Sequence[np.ndarray], steps: int | None = None) -> np.ndarray:
    """Series (steps, channels) of different lengths as one array float32 (n, steps, channels), NaN past their ends."""
    steps = max(len(each) for each in series) if steps is None else steps
    made = np.full((len(series), steps, series[0].shape[1]), np.nan, np.float32)
    for row, each in zip(made, series, strict=True):
        row[: len(each)] = each[:steps]
    return made


def same_steps(arrays: Sequence[np.ndarray], sources: Sequence[str]) -> list[np.ndarray]:
    """Arrays (n, steps, channels) padded to the longest of them; `LeadlineError` where the channels differ."""
    for values, source in zip(arrays, sources, strict=True):
        if values.shape[2] != arrays[0].shape[2]:
            raise LeadlineError(
                f"{source}: series of {values.shape[2]} channels, but those of {sources[0]} have {arrays[0].shape[2]}."
            )
    steps = max(values.shape[1] for values in arrays)
    return [np.pad(values, ((0, 0), (0, steps - values.shape[1]), (0, 0)), constant_values=np.nan) for values in arrays]


def series_lengths(values: np.ndarray) -> np.ndarray:
    """How many steps each series (n, steps, channels) has before its end, int64 (n,)."""
    if values.shape[1] == 0:
        return np.zeros(len(values), np.int64)
    real: np.ndarray = np.logical_not(np.isnan(values).all(2))
    return np.where(real.any(axis=1), values.shape[1] - real[:, ::-1].argmax(axis=1), 0)


def series_feature(values: np.ndarray) -> Feature:
    """What the series are, for people."""
    lengths = series_lengths(values)
    shortest, longest = int(lengths.min()), int(lengths.max())
    steps = f"{longest} steps" if shortest == longest else f"{shortest} to {longest} steps"
    return Feature("series", "series", f"{steps}, {values.shape[2]} channel{'s' if values.shape[2] > 1 else ''}")


def _header(lines: Sequence[str], source: str) -> tuple[dict[str, str], int]:
    """The keys that begin with @, in lower case, and the number of lines before the first series."""
    header = {"label": "class"}
    for number, line in enumerate(lines):
        key, _, value = line.strip().partition(" ")
        if key.lower() == "@data":
            return header, number + 1
        if key.startswith("@"):
            header[key[1:].lower()] = value.strip().split(" ")[0].lower()
    raise LeadlineError(f"{source} has no line @data: is it a .ts file as sktime and aeon write it?")


def _channels(parts: Sequence[str], where: str) -> np.ndarray:
    """One series, float64 (steps, channels)."""
    channels = [
        np.array([np.nan if value.strip() in MISSING else _number(value, where) for value in part.split(",")])
        for part in parts
    ]
    if not channels or len({len(each) for each in channels}) > 1:
        lengths = ", ".join(str(len(each)) for each in channels) or "none"
        raise LeadlineError(f"{where}: the channels of a series must be equally long, got {lengths}.")
    return np.stack([_filled(each, where) for each in channels], axis=1)


def _filled(values: np.ndarray, where: str) -> np.ndarray:
    """Missing values by linear interpolation between their neighbours."""
    known = np.flatnonzero(~np.isnan(values))
    if len(known) == 0:
        raise LeadlineError(f"{where}: a channel has no value; leave the series out.")
    return values if len(known) == len(values) else np.interp(np.arange(len(values)), known, values[known])


def _number(value: str, where: str) -> float:
    try:
        number = float(value)
    except ValueError:
        raise LeadlineError(f"{where}: '{value.strip()[:40]}' is not a number.") from None
    if not np.isfinite(number):
        raise LeadlineError(f"{where}: '{value.strip()}' is not finite.")
    return number
