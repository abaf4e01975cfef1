"""The help of the whole program: every command has its place, and every one says what it does."""

from __future__ import annotations

import re
import subprocess
import sys

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


@pytest.mark.parametrize(
    ("command", "usage"),
    [
        ("show", "[OPTIONS] RUN"),
        ("compare", "[OPTIONS] RUN..."),
        ("best", "[OPTIONS] [RUN]..."),
        ("open", "[OPTIONS] [RUN]"),
    ],
)
def test_the_usage_line_is_that_of_manuals(command: str, usage: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert leadline([command, "--help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert f"Usage: leadline {command} {usage}" in [line.strip() for line in lines]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (
            ["train", "x", "--epochs", "ten"],
            "Invalid value for '--epochs': needs a whole number. See: leadline train --help",
        ),
        (["rate", "x", "abc"], "Invalid value for 'RATE': needs a number. See: leadline rate --help"),
        (["train", "x", "--target"], "Option '--target' requires an argument. See: leadline train --help"),
        (["train", "x", "--devic", "1"], "No such option: --devic. See: leadline train --help"),
    ],
)
def test_what_the_parser_refuses_is_said_in_plain_words(
    arguments: list[str], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert leadline(arguments) == 2
    assert capsys.readouterr().err == f"leadline: {line}\n"


def test_the_package_is_the_command_as_a_module() -> None:
    done = subprocess.run([sys.executable, "-m", "leadline", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("leadline ")
