"""Values as people read them: counts, shares, durations, moments, and the facts of a record."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from leadline import text as texts
from leadline.measure.metrics import error_unit
from leadline.text import THIN, grouped


@dataclass(frozen=True)
class ErrorScale:
    """How an error is drawn: ``factor`` turns the stored value into the shown one, ``unit`` is that one's."""

    factor: float
    unit: str

    @classmethod
    def of(cls, task: str, unit: str = "", metric: str | None = None) -> ErrorScale:
        """Percent for a fraction of wrong answers, the target's own unit for regression.

        ``metric`` is what the error is measured by, where that is not the usual error of the task.
        """
        shown = error_unit(metric, task)
        return cls(100.0, "%") if shown == "%" else cls(1.0, shown or unit)


def with_unit(number: str, unit: str) -> str:
    """A number and its unit on one line."""
    return f"{number}{THIN}{unit}" if unit else number


def count(value: int) -> str:
    """``1234567`` as ``1 234 567``."""
    return grouped(value, space=THIN)


def number(value: float) -> str:
    """Six digits of a number, all of a large one: ``1234567.0`` as ``1 234 567``, ``-0.5`` as ``−0.5``."""
    size = abs(value)
    text = grouped(value, space=THIN) if 1e6 <= size < 1e15 else f"{value:,.6g}".replace(",", THIN)
    return text.replace(THIN, THIN if size >= 10_000 else "").replace("-", "−")


def digits(value: float) -> str:
    """Three digits that count, zeros at the end included, and all of a large number: ``3.70``, ``54 361``."""
    return f"{value:#.3g}".rstrip(".") if abs(value) < 1000 else count(round(value))


def duration(seconds: float) -> str:
    """``0.42`` as ``0.4 s``, ``75`` as ``1 min 15 s``, ``7500`` as ``2 h 5 min``."""
    return re.sub(r"(?<=[<\d]) ", THIN, texts.duration(seconds))


def share(value: float) -> str:
    """``0.0897`` as ``9 %``; shares below one percent keep a decimal."""
    percent = 100 * value
    return with_unit(f"{percent:.0f}" if percent >= 0.95 or percent == 0 else f"{percent:.1f}", "%")


def moment(text: str) -> str:
    """An ISO date and time to the minute; whatever is no time stays as it is."""
    try:
        return datetime.fromisoformat(text).strftime("%Y-%m-%d %H:%M %Z").rstrip()
    except ValueError:
        return text


def prose(text: str) -> str:
    """A sentence whose groups of digits, and numbers and percent signs, stay on one line."""
    return re.sub(r"(?<=\d) (?=\d{3}\b|%)", THIN, text)


def fact(value: object) -> str:
    """Any value in a line: a mapping as its first value with the others in brackets, nothing as a dash."""
    if isinstance(value, Mapping):
        first, *others = [fact(item) for item in value.values() if item not in ("", None)] or ["—"]
        return f"{first} ({', '.join(others)})" if others else first
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10_000:
        return count(value)
    if isinstance(value, float):
        return f"{value:.10g}"
    return "—" if value is None else str(value)


def facts(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Nested values as a flat list of names and texts."""
    listed: list[tuple[str, str]] = []
    for key, value in values.items():
        name = f"{prefix}{key}".replace("_", " ")
        if isinstance(value, Mapping):
            listed += facts(value, f"{name}: ")
        elif isinstance(value, Sequence) and not isinstance(value, str):
            listed.append((name, ", ".join(fact(item) for item in value) or "—"))
        else:
            listed.append((name, fact(value)))
    return listed
