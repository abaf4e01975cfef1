"""Stylesheets and scripts, each under an address that holds its content's hash, so that a browser keeps it for good."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files

from leadline.report import style


@dataclass(frozen=True)
class Asset:
    """A file of the application, kept in memory."""

    content: bytes
    media_type: str

    @property
    def digest(self) -> str:
        """Of the content."""
        return sha256(self.content).hexdigest()[:16]


@cache
def assets() -> dict[str, Asset]:
    """All of them by name; a name that is not among them is answered with 404, whatever it looks like."""
    styles = {
        "leadline.css": style.stylesheet(),
        "plotly.css": "",
        **{name: _own(name) for name in ("application.css", "review.css")},
    }
    scripts = {
        "leadline.js": style.script(),
        "plotly.js": style.plotly_script(),
        **{name: _own(name) for name in _own_scripts()},
    }
    return {name: Asset(text.encode(), "text/css") for name, text in styles.items()} | {
        name: Asset(text.encode(), "text/javascript") for name, text in scripts.items()
    }


@cache
def asset_url(name: str) -> str:
    """Where a page finds an asset."""
    return f"/static/{assets()[name].digest}/{name}"


@cache
def plotly_styles() -> list[str]:
    """The ids of inline styles that Plotly's script would add when it is loaded, all for maps, which we never draw."""
    return re.findall(r'if\(!document\.getElementById\("([0-9a-f]{64})"\)\)', style.plotly_script())


def _own_scripts() -> list[str]:
    return [path.name for path in files("leadline.web").joinpath("static").iterdir() if path.name.endswith(".js")]


def _own(name: str) -> str:
    return files("leadline.web").joinpath("static", name).read_text(encoding="utf-8")
