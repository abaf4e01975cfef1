"""Files that people fill in with a spreadsheet: tables of mistakes and queues of labels."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from leadline.errors import LeadlineError
from leadline.text import from_cell


def _whole(line: dict[str | None, Any]) -> Iterator[tuple[str, str]]:
    """The cells that stand under a heading."""
    return ((key, value) for key, value in line.items() if key is not None)


def read_lines(path: str | os.PathLike[str]) -> tuple[list[str], list[dict[str, str]]]:
    """The names of the columns of a CSV file and its lines; `LeadlineError` where it is none."""
    try:
        with Path(path).open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            names = list(reader.fieldnames or ())
            lines = [{from_cell(key): from_cell(value or "") for key, value in _whole(line)} for line in reader]
            return list(map(from_cell, names)), lines
    except OSError as error:
        raise LeadlineError(f"{path} cannot be read: {error.strerror}.") from None
    except (UnicodeDecodeError, csv.Error):
        raise LeadlineError(f"{path} is not a CSV file.") from None
