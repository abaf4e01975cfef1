"""Files around the code that tools read: they are valid, and say the same as the files they repeat."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
FILES = [ROOT / ".pre-commit-config.yaml", *sorted((ROOT / ".github").rglob("*.yml"))]


def content(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_files_for_tools_are_valid(path: Path) -> None:
    assert isinstance(content(path), dict)


def test_the_hook_runs_the_ruff_of_the_tests() -> None:
    pinned = re.search(r"^ruff==(\S+)$", (ROOT / "constraints.txt").read_text(encoding="utf-8"), re.MULTILINE)
    assert pinned is not None
    assert content(FILES[0])["repos"][0]["rev"] == f"v{pinned[1]}"


def test_the_matrix_begins_with_the_oldest_python_that_is_supported() -> None:
    workflow = content(ROOT / ".github" / "workflows" / "test.yml")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    versions = workflow["jobs"]["test"]["strategy"]["matrix"]["python"]
    assert versions == ["3.11", "3.12", "3.13"]
    assert project["requires-python"] == f">={versions[0]}"
