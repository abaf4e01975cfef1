"""Paths as people write them."""

from __future__ import annotations

from pathlib import Path


def from_here(path: Path) -> str:
    """The path from the current folder: relative where it lies below, else absolute."""
    path, here = path.resolve(), Path.cwd().resolve()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
