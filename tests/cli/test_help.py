"""The help of the whole program: every command has its place, and every one says what it does."""

from __future__ import annotations

import re

import pytest
from typer.models import CommandInfo

from leadline.cli.main import PANELS, app
from leadline.cli.main import run as leadline

COMMANDS = [command.name or getattr(command.callback, "__name__", "") for command in app.registered_commands]


def test_every_command_has_its_place_in_the_help() -> None:
    placed = [name for names in PANELS.values() for name in names]
    assert sorted(placed) == sorted(COMMANDS)
    assert placed == COMMANDS, "and they stand in that order"


@pytest.mark.parametrize("command", app.registered_commands, ids=COMMANDS)
def test_every_command_explains_itself(command: CommandInfo, capsys: pytest.CaptureFixture[str]) -> None:
    name = COMMANDS[app.registered_commands.index(command)]
    assert leadline([name, "--help"]) == 0
    first = (getattr(command.callback, "__doc__", "") or "").split(".")[0]
    words = " ".join(re.sub("[│╭╰╮╯─]", " ", capsys.readouterr().out).split())
    assert first and " ".join(first.split()) in words, "no word is lost, as one in brackets would be"
