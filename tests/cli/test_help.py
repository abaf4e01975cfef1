"""The help of the whole program: every command has its place, and every one says what it does."""

from __future__ import annotations

import re

import pytest

from leadline.cli.main import PANELS, app
from leadline.cli.main import run as leadline

COMMANDS = [command.name or getattr(command.callback, "__name__", "") for command in app.registered_commands]


def test_every_command_has_its_place_in_the_help() -> None:
    placed = [name for names in PANELS.values() for name in names]
    assert sorted(placed) == sorted(COMMANDS)
    assert placed == COMMANDS, "and they stand in that order"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert leadline([command, "--help"]) == 0
    text = capsys.readouterr().out
    assert not re.search(r"[a-z,]  +[a-z]+ them\.", text), "a word in brackets was read as markup"
    assert "Usage: leadline" in text
