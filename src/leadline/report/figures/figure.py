"""A figure as plain data, ready to be drawn by Plotly in a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any, Literal

from leadline.files import plain

FIGURE_DIGITS = 6
"""Significant ones of what is drawn: more than a screen shows, and few enough to keep a page of figures small."""
Trace = dict[str, Any]
Layout = dict[str, Any]


@dataclass(frozen=True)
class Frame:
    """One position of a figure's slider: its label, the traces added there and what changes in the layout."""

    label: str
    data: Sequence[Trace]
    layout: Layout = field(default_factory=dict)


@dataclass(frozen=True)
class Figure:
    """A figure: traces and layout in Plotly's terms, with colours by name (see :mod:`leadline.report.style`).

    ``title`` is the heading above it and ``description`` what a screen reader says in its place. ``frames`` add a
    slider called ``control``, standing at ``start``. ``log_toggle`` adds a button that makes the y axis logarithmic,
    which it is from the beginning where ``logarithmic`` says so.
    """

    title: str
    description: str
    data: Sequence[Trace]
    layout: Layout
    height: Literal["small", "medium", "large"] = "medium"
    frames: Sequence[Frame] = ()
    control: str = ""
    start: int = 0
    log_toggle: bool = False
    logarithmic: bool = False

    def to_json(self) -> dict[str, Any]:
        """What the page's script draws: lists and numbers only, non-finite numbers as null."""
        return {
            "data": plain(self.data, FIGURE_DIGITS),
            "layout": plain(self.layout, FIGURE_DIGITS),
            "frames": [
                {
                    "label": frame.label,
                    "data": plain(frame.data, FIGURE_DIGITS),
                    "layout": plain(frame.layout, FIGURE_DIGITS),
                }
                for frame in self.frames
            ],
        }


def axis(title: str, **settings: Any) -> dict[str, Any]:
    """An axis with its title, which names the quantity and its unit."""
    return {"title": {"text": text(title)}, **settings}


def text(value: object) -> str:
    """Escape what comes from data: Plotly reads tags in its texts."""
    return escape(str(value), quote=False)
