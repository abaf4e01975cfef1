"""What soundings and the next run left in a run's folder, as plain records; `leadline.soundings` makes them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from leadline.runs.folder import RunFolder

SOUNDINGS = "soundings.json"
NEXT_EXPERIMENT = "next.toml"
PREDICTION = "prediction.json"
CLIMB, CLIMB_PAGE = "climb.json", "climb.html"


def load_soundings(folder: RunFolder) -> dict[str, Any] | None:
    """The soundings of a run, None if there are none yet; keys as `leadline.soundings.Soundings` has attributes."""
    return folder.read_json(SOUNDINGS) if (folder / SOUNDINGS).exists() else None


def load_prediction(folder: RunFolder) -> dict[str, Any] | None:
    """What was predicted for this run before it was trained, and whether it held; None where nothing was.

    Keys: ``before`` (the sounded run), ``sounding`` (the remedy), ``predicted`` (with its interval), ``measured``,
    ``held``, ``error_before``.
    """
    return folder.read_json(PREDICTION) if (folder / PREDICTION).exists() else None


def predictions_held(folders: Iterable[RunFolder]) -> tuple[int, int]:
    """How many predictions held, of how many."""
    predictions = [record for folder in folders if (record := load_prediction(folder)) is not None]
    return sum(bool(record["held"]) for record in predictions), len(predictions)
