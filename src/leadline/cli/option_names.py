"""What the options of commands are among the keys of an experiment, and messages in the words of whoever reads them.

Messages name keys (``training.epochs``), for an experiment may come from a file. Who has given no file has given
options, and reads ``--epochs``, or ``--set training.clip_norm`` for a key without an option of its own.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

OPTIONS = {
    "data.target": "--target",
    "data.inputs": "--inputs",
    "data.names": "--names",
    "data.task": "--task",
    "data.stream": "--stream",
    "split.precision": "--precision",
    "network.from": "--from",
    "network.freeze": "--freeze",
    "training.epochs": "--epochs",
    "training.batch_size": "--batch-size",
    "training.optimizer": "--optimizer",
    "training.learning_rate": "--learning-rate",
    "training.l2": "--l2",
    "training.seed": "--seed",
    "goal.human_error": "--human-error",
}
"""The option of each key that has one."""

_KEY = re.compile(r"(?<![\w.\[/])(?:data|split|network|training|augment|goal|search)(?:\.[a-z_0-9]+)+\b(?!\()")


def in_options(message: str, arguments: Sequence[str], options: Collection[str]) -> str:
    """A message about an experiment in the words of a command that was called without a file of keys.

    ``options`` are those of the command, such as "--target"; a key that none of them sets stays as it is.
    """
    if any(argument.lower().endswith(".toml") for argument in arguments):
        return message

    def named(match: re.Match[str]) -> str:
        key = match.group()
        option = OPTIONS.get(key)
        if option in options:
            return str(option)
        return f"--set {key}" if "--set" in options else key

    return _KEY.sub(named, message)


def listed(text: str | None) -> list[str] | None:
    """The names in a list such as ``a, b,c``; None where nothing was given."""
    return None if text is None else [name.strip() for name in text.split(",")]
