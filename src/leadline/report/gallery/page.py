"""The gallery as one HTML file that opens offline."""

from __future__ import annotations

from pathlib import Path

from leadline.report.gallery.computing import one_thread
from leadline.report.gallery.sections import SECTIONS
from leadline.report.rendering import templates, write_page


def write_gallery(path: Path) -> Path:
    """Compute all figures, write the page to ``path`` and return it; the same each time."""
    return write_page(render_gallery(), path)


def render_gallery() -> str:
    """The gallery as HTML."""
    with one_thread():
        drawn = [(section, [build() for build in section.figures]) for section in SECTIONS]
    return templates().get_template("gallery.html").render(sections=drawn)
