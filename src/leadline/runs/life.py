"""Signs of life: a program that was killed leaves a run or a search that says "running" for ever."""

from __future__ import annotations

import time
from pathlib import Path

SILENCE = 120.0
"""Seconds without a sign of life after which people are told: the program may have been killed."""
SIGNS = ("run.json", "history.jsonl", "search.json", "trials.jsonl")


def silence(folder: Path) -> float | None:
    """Seconds since a running training or search last wrote into its folder; None up to `SILENCE`."""
    written = [path.stat().st_mtime for name in SIGNS if (path := folder / name).exists()]
    quiet = time.time() - max(written, default=time.time())
    return quiet if quiet > SILENCE else None
