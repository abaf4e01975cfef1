"""Files that people fill in with a spreadsheet: tables of mistakes and queues of labels."""

from __future__ import annotations

import csv
import os
from pathlib import Path

from leadline.errors import LeadlineError


def read_lines(path: str | os.PathLike[str]) -> tuple[list[str], list[dict[str, str]]]:
    """The names of the columns of a CSV file and its lines; `LeadlineError` where it is none."""
    try:
        with Path(path).open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            return list(reader.fieldnames or ()), list(reader)
    except OSError as error:
        raise LeadlineError(f"{path} cannot be read: {error.strerror}.") from None
    except (UnicodeDecodeError, csv.Error):
        raise LeadlineError(f"{path} is not a CSV file.") from None
