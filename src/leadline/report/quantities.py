"""Numbers as people read them: errors in percent or in the target's unit, intervals, counts and durations."""

from __future__ import annotations

from dataclasses import dataclass

THIN = "\u202f"  # narrow no-break space: keeps a number and its unit on one line


@dataclass(frozen=True)
class Scale:
    """How an error is drawn: ``factor`` turns the stored value into the shown one, ``unit`` is that one's."""

    factor: float
    unit: str

    @classmethod
    def of(cls, task: str, unit: str = "") -> Scale:
        """Percent for a fraction of wrong answers, the target's own unit for regression."""
        return cls(1.0, unit) if task == "regression" else cls(100.0, "%")


def with_unit(number: str, unit: str) -> str:
    """A number and its unit on one line."""
    return f"{number}{THIN}{unit}" if unit else number


def count(value: int) -> str:
    """``1234567`` as ``1 234 567``."""
    return f"{value:,}".replace(",", THIN)


def duration(seconds: float) -> str:
    """``0.42`` as ``0.4 s``, ``75`` as ``1 min 15 s``, ``7500`` as ``2 h 5 min``."""
    if seconds < 10:
        return f"{seconds:.1f}{THIN}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}{THIN}s"
    if whole < 3600:
        minutes, rest = divmod(whole, 60)
        return f"{minutes}{THIN}min" + (f" {rest}{THIN}s" if rest else "")
    hours, minutes = divmod(round(whole / 60), 60)
    return f"{hours}{THIN}h" + (f" {minutes}{THIN}min" if minutes else "")
