"""A proposed change of an experiment as lines of TOML, before and after."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import ndiff
from typing import Any

from leadline.toml_text import toml_text

KINDS = {"+ ": "added", "- ": "removed", "  ": "kept"}


def change_lines(change: Mapping[str, Any], experiment: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Each line with what it is: "added", "removed" or "kept" (as the headings of tables are).

    ``change`` maps keys such as ``training.l2`` to their new values; ``experiment`` holds the old ones as tables.
    """
    shown: list[tuple[str, str]] = []
    for key, value in change.items():
        table, _, name = key.rpartition(".")
        heading = ("kept", f"  [{table}]")
        if table and heading not in shown:
            shown.append(heading)
        difference = ndiff(_lines(name, _old(experiment, key)), _lines(name, value))
        shown += [(KINDS[line[:2]], line) for line in difference if line[:2] in KINDS]
    return shown


def _old(experiment: Mapping[str, Any], key: str) -> Any:
    value: Any = experiment
    for name in key.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _lines(name: str, value: Any) -> list[str]:
    return [] if value is None else toml_text({name: value}).splitlines()
