"""Write TOML: the same values always give the same text (Python itself only reads TOML)."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_WIDTH = 100


def toml_text(values: Mapping[str, Any]) -> str:
    """The text of a TOML file with one table per nested mapping, in the order given; ``None`` is left out."""
    return "\n\n".join(_tables(values, ())) + "\n"


def toml_value(value: object) -> str:
    """One value on one line: text, numbers, booleans, lists and inline tables.

    `TypeError`: a value that TOML has no form for.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        # repr is the shortest text that reads back as the same float; TOML wants a point or exponent in it.
        return repr(value) if math.isfinite(value) else f"{value:+}".replace("+nan", "nan")
    if isinstance(value, list | tuple):
        return "[" + ", ".join(toml_value(item) for item in value) + "]"
    if isinstance(value, Mapping):
        pairs = (f"{_key(key)} = {toml_value(item)}" for key, item in value.items() if item is not None)
        return "{" + ", ".join(pairs) + "}"
    raise TypeError(f"TOML has no form for {type(value).__name__}.")


def _tables(values: Mapping[str, Any], path: tuple[str, ...]) -> list[str]:
    """One block of text per table: the plain keys first, since TOML allows no others after a sub-table."""
    plain = {key: value for key, value in values.items() if not _is_table(value, path) and value is not None}
    lines = [f"[{'.'.join(map(_key, path))}]"] if path and (plain or not values) else []
    lines += [f"{_key(key)} = {_wrapped(value, len(key) + 3)}" for key, value in plain.items()]
    blocks = ["\n".join(lines)] if lines else []
    for key, value in values.items():
        if _is_table(value, path):
            blocks += _tables(value, (*path, key))
    return blocks


def _is_table(value: object, path: tuple[str, ...]) -> bool:
    """The parts of an experiment get a heading, and so do sets from files and a search's space; others stay inline."""
    return isinstance(value, Mapping) and (not path or "source" in value or path == ("search",))


def _wrapped(value: object, indent: int) -> str:
    text = toml_value(value)
    if isinstance(value, list | tuple) and len(value) > 1 and indent + len(text) > _WIDTH:
        return "[\n" + "".join(f"    {toml_value(item)},\n" for item in value) + "]"
    return text


def _key(key: object) -> str:
    key = str(key)  # a table of Python's may have numbers as keys
    return key if _BARE_KEY.fullmatch(key) else _quoted(key)


def _quoted(text: str) -> str:
    """JSON's quoting is TOML's, but for the one control character that JSON lets pass."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
