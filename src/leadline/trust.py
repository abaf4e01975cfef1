"""Code that an experiment or a run names runs only after somebody has agreed to it, once for each content.

What was agreed to is remembered by its SHA-256 in the user's state folder (`leadline.files.state_folder`). Who writes
Python and loads a module there has agreed by that; whoever opens an experiment file, or a run's folder that came from
elsewhere, has not.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from leadline.errors import LeadlineError
from leadline.files import read_object, state_folder, write_json

ENVIRONMENT = "LEADLINE_TRUST"
"""``all`` in this variable of the environment agrees to everything, for machines on which nobody can be asked."""
TRUSTED = "trusted.json"
TORCH_MODULE = "torch_module"


@dataclass(frozen=True)
class Code:
    """Some code that would run.

    Attributes:
        name: the file, the module, or "module:function".
        content: of the file; None for what is imported.

    """

    name: str
    content: str | None = None

    @property
    def digest(self) -> str:
        """By what an agreement is remembered: the content's SHA-256, or that of an imported name."""
        text = f"import {self.name}" if self.content is None else self.content
        return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def refuse(code: Code) -> bool:
    """Nobody is asked, and nothing agreed to."""
    return False


_ask: Callable[[Code], bool] = refuse


def ask_with(ask: Callable[[Code], bool]) -> None:
    """From now on, ask so about code that nobody has agreed to yet: shown the code, it says whether it may run."""
    global _ask
    _ask = ask


def check(codes: Iterable[Code]) -> None:
    """`LeadlineError` unless somebody has agreed to all of this code, or does so now."""
    if os.environ.get(ENVIRONMENT) == "all":
        return
    for code in codes:
        if code.digest in _agreed():
            continue
        if not _ask(code):
            kind = "is" if code.content is not None else "names"
            raise LeadlineError(
                f"{code.name} {kind} code that would run with your rights, and nobody has agreed to it yet.\n"
                "Read it, then agree once: the same command with --trust, or leadline.trust.agree in Python."
            )
        agree(code)


def agree(code: Code | str | os.PathLike[str]) -> None:
    """Agree to some code, or to a file as it is now, from now on."""
    code = code if isinstance(code, Code) else code_of(os.fspath(code))
    entry = {"name": code.name, "when": datetime.now(UTC).isoformat(timespec="seconds")}
    write_json(state_folder() / TRUSTED, {**_agreed(), code.digest: entry})


def code_of(name: str) -> Code:
    """The code that an entry of ``modules`` names: a file with its content, or what is imported."""
    path = Path(name)
    if path.suffix != ".py" and "/" not in name and not path.exists():
        return Code(name)
    try:
        return Code(name, path.read_bytes().decode("utf-8", "surrogateescape"))
    except OSError:
        return Code(name)  # that there is no such file is said where it is loaded


def named_functions(layers: Any) -> Iterator[Code]:
    """The functions that a network's configuration would import and call: those of layers ``torch_module``."""
    if isinstance(layers, Mapping):
        if layers.get("type") == TORCH_MODULE:
            yield from (Code(value) for value in layers.values() if isinstance(value, str) and ":" in value)
        layers = list(layers.values())
    if isinstance(layers, Sequence) and not isinstance(layers, str):
        for each in layers:
            yield from named_functions(each)


def _agreed() -> dict[str, Any]:
    with suppress(FileNotFoundError, LeadlineError):
        return read_object(state_folder() / TRUSTED)
    return {}
