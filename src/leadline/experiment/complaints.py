"""What is wrong with the keys of an experiment, in one line of the user's terms."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ValidationError

from leadline.errors import nearest
from leadline.toml_text import toml_value

_KINDS = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "string_type": "text in quotes",
    "dict_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
    "tuple_type": "a list",
    "finite_number": "a finite number",
}
_LIMITS = {
    "greater_than": ("gt", "greater than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}


def one_line(error: ValidationError, root: type[BaseModel]) -> str:
    """The first of pydantic's errors in the user's terms: key, got, allowed, nearest valid name."""
    details = error.errors(include_url=False)
    # An unknown key is the likeliest cause of everything else (a missing key, for one): it goes first.
    details.sort(key=lambda detail: detail["type"] != "extra_forbidden")
    first = details[0]
    location = list(first["loc"])
    others = {detail["loc"] for detail in details} - {first["loc"]}
    more = f" ({len(others)} more to fix.)" if others else ""
    return f"{'.'.join(map(str, location))}: {_complaint(first, location, root)}{more}"


def _complaint(detail: Any, location: list[int | str], root: type[BaseModel]) -> str:
    kind, got = detail["type"], detail["input"]
    if kind == "extra_forbidden":
        return f"unknown key.{nearest(str(location[-1]), _keys_at(location[:-1], root))}"
    if kind == "missing":
        return "this key is needed here."
    shown = f"got {_shown(got)}, "
    if kind == "literal_error":
        allowed = [part.strip(" '") for part in detail["ctx"]["expected"].replace(" or ", ", ").split(",")]
        names = ", ".join(f'"{name}"' for name in allowed)
        hint = nearest(got, allowed) if isinstance(got, str) else ""
        return f"{shown}allowed: {names}.{hint if 'Did you mean' in hint else ''}"
    if kind in _LIMITS:
        bound, words = _LIMITS[kind]
        return f"{shown}needs to be {words} {detail['ctx'][bound]:g}."
    return f"{shown}needs {_KINDS.get(kind, detail['msg'])}."


def _keys_at(location: list[int | str], root: type[BaseModel]) -> list[str]:
    """The valid keys of the table at this place of the experiment."""
    model = root
    for part in location:
        if isinstance(part, int):  # a place in a list of tables, which are all alike
            continue
        annotation = model.model_fields[str(part)].annotation
        candidates = [annotation, *getattr(annotation, "__args__", ())]
        candidates += [argument for part in candidates for argument in getattr(part, "__args__", ())]
        model = next(c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel))
    return [field.alias or name for name, field in model.model_fields.items()]


def _shown(value: object) -> str:
    text = toml_value(value) if isinstance(value, str | int | float | list | dict) else repr(value)
    return text if len(text) <= 60 else text[:57] + "…"
