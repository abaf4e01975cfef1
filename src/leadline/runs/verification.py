"""Whether a run's own record is as the run left it: checksums, and whether every file can be read."""

from __future__ import annotations

import hashlib
from pathlib import Path

from leadline.errors import LeadlineError
from leadline.files import reason
from leadline.runs.folder import CHECKPOINT, DECISION, FINAL, FINAL_CHECKPOINT, HISTORY, RunFolder
from leadline.runs.summary import read_summary

CHECKSUMS = "checksums.json"
RECORD = (
    "experiment.toml",
    "environment.json",
    "data.json",
    "split.npz",
    "preparation.json",
    "transfer.json",
    HISTORY,
    CHECKPOINT,
    "diagnosis.json",
    DECISION,
    FINAL,
    FINAL_CHECKPOINT,
)


def write_checksums(folder: RunFolder) -> None:
    """Write the SHA-256 of each file of a run's own record: what all else is made from."""
    paths = [folder / name for name in RECORD] + sorted((folder / "predictions").glob("*.parquet"))
    digests = {str(path.relative_to(folder.path)): digest(path) for path in paths if path.exists()}
    folder.write_json(CHECKSUMS, digests)


def problems(folder: RunFolder) -> list[str]:
    """What is wrong with a run's record, a line each; empty where all is as it was when the run ended.

    A run that never ended, or one of 0.1, has no checksums: then it is said whether its files can be read.
    """
    try:
        read_summary(folder)
        if not (folder / CHECKSUMS).exists():
            return []
        expected = folder.read_json(CHECKSUMS)
    except LeadlineError as error:
        return [str(error)]
    if not isinstance(expected, dict):
        return [f"{CHECKSUMS} is damaged"]
    return [line for name, checksum in expected.items() if (line := _problem(folder / name, name, checksum))]


def digest(path: Path) -> str:
    """The SHA-256 of a file, 64 digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _problem(path: Path, name: str, checksum: object) -> str:
    try:
        return "" if digest(path) == checksum else f"{name} is not as the run left it"
    except FileNotFoundError:
        return f"{name} is missing"
    except OSError as error:
        return f"{name} cannot be read: {reason(error)}"
