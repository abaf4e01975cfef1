"""What soundings and the next run left in a run's folder, as plain records; `leadline.soundings` makes them."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from leadline.errors import LeadlineError
from leadline.runs.folder import RunFolder

SOUNDINGS = "soundings.json"
UNFINISHED_SOUNDINGS = "soundings-trainings.jsonl"
NEXT_EXPERIMENT = "next.toml"
PREDICTION = "prediction.json"
CLIMB, CLIMB_PAGE = "climb.json", "climb.html"
UNFINISHED_CLIMB = "climb-steps.json"


def has_unfinished_soundings(folder: RunFolder) -> bool:
    """Whether soundings of the run were ended before their time and can go on."""
    return (folder / UNFINISHED_SOUNDINGS).exists()


def unfinished_climb(folder: RunFolder) -> dict[str, Any] | None:
    """The steps so far of a climb that began with this run and did not come to its end; None where there is none."""
    with suppress(LeadlineError):  # a damaged one is no reason not to begin another
        return folder.read_json(UNFINISHED_CLIMB) if (folder / UNFINISHED_CLIMB).exists() else None
    return None


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
