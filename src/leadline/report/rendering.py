"""From templates to files: what the report, the gallery and other pages share."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from leadline.files import json_text, plain, write_text
from leadline.report import style
from leadline.report.figures.figure import FIGURE_DIGITS
from leadline.report.quantities import prose, share


@cache
def templates() -> Environment:
    """The templates of pages that stand alone."""
    return environment("leadline.report")


def environment(*packages: str) -> Environment:
    """The templates of these packages, the first first, with the filters; everything that they show is escaped."""
    loader = ChoiceLoader([PackageLoader(package) for package in packages])
    templates = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    templates.filters |= {"embed": embed, "share": share, "prose": prose}
    templates.globals["look"] = style
    return templates


def embed(value: Any) -> Markup:
    """The value as JSON that can stand inside a script element, whatever its texts contain."""
    text = json_text(plain(value, FIGURE_DIGITS))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


def write_page(html: str, path: Path) -> Path:
    """Write a page beside its place and move it there in one step, so that nobody reads half of it."""
    return write_text(path, html)
