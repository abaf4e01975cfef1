"""Numbers, lists and times as people read and write them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from leadline.errors import UsageError

THIN = "\u202f"
"""The narrow space that no line breaks at: between groups of digits, and a number and its unit, on pages."""
_NUMBER = re.compile(r"[-+]?[\d.]+(e[-+]?\d+)?", re.I)
_SECONDS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}


def grouped(number: float, decimals: int = 0, space: str = " ") -> str:
    """A number with its digits in groups of three: ``12 500``; ``space`` stands between them."""
    return f"{number:,.{decimals}f}".replace(",", space)


def about(n: int) -> str:
    """A number of examples rounded up to two digits, as an estimate deserves: ``1 400``."""
    step = 10 ** max(len(str(n)) - 2, 0)
    return grouped(-(-n // step) * step)


def counted(n: int, one: str, several: str | None = None) -> str:
    """A number of things: ``1 image``, ``12 500 images``; ``several`` is the plural that has no plain s."""
    return f"{grouped(n)} {one if n == 1 else several or one + 's'}"


def listed(parts: Sequence[str], last: str = "and") -> str:
    """Such as ``one, two and three``."""
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + f" {last} " + parts[-1] if parts else ""


def shortened(parts: Sequence[str], most: int) -> str:
    """The first ``most`` of them with commas, and an ellipsis where there are more."""
    return ", ".join(parts[:most]) + (", …" if len(parts) > most else "")


def capitalized(text: str) -> str:
    """With a capital first letter; the rest stays as it is."""
    return text[:1].upper() + text[1:]


def as_cell(text: str) -> str:
    """A text as a cell of a CSV file that no spreadsheet takes for a formula; `from_cell` gives it back."""
    formula = text.lstrip("'")[:1] in tuple("=+-@\t\r") and not _NUMBER.fullmatch(text)
    return f"'{text}" if formula else text


def from_cell(cell: str) -> str:
    """The inverse of `as_cell`."""
    return cell[1:] if cell.startswith("'") and as_cell(cell[1:]) == cell else cell


def bytes_text(n: float) -> str:
    """Bytes as people read them: ``812 B``, ``1.6 MB``."""
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if n >= size:
            return f"{n / size:.1f} {unit}"
    return f"{n:.0f} B"


def duration(seconds: float) -> str:
    """Seconds as people say them: ``< 0.1 s``, ``0.4 s``, ``42 s``, ``3 min 20 s``, ``1 h 5 min``."""
    if seconds < 9.95:
        return "< 0.1 s" if 0 < seconds < 0.05 else f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min" + (f" {whole % 60} s" if whole % 60 else "")
    hours, minutes = divmod(round(whole / 60), 60)
    return f"{hours} h" + (f" {minutes} min" if minutes else "")


def seconds_of(text: str | float, name: str = "budget") -> float:
    """The seconds that ``"90s"``, ``"5m"``, ``"1.5h"``, ``"1h30m"`` or a number mean.

    `leadline.errors.UsageError`, which speaks of ``name``: it is no time, or none at all.
    """
    seconds = text if isinstance(text, int | float) else _seconds(text)
    if seconds is None:
        raise UsageError(f"{name} {str(text)!r}: write a time such as 90s, 5m, 1.5h or 1h30m.")
    if not 0 < seconds < 1e10:
        raise UsageError(f"{name} {str(text)!r}: needs more than no time, and less than for ever.")
    return float(seconds)


def _seconds(text: str) -> float | None:
    compact = text.strip().lower().replace(" ", "")
    if not re.fullmatch(r"(\d+(\.\d+)?(s|min|m|h))+|\d+(\.\d+)?", compact):
        return None
    parts = re.findall(r"(\d+(?:\.\d+)?)(s|min|m|h)?", compact)
    return sum(float(number) * _SECONDS[unit or "s"] for number, unit in parts)
