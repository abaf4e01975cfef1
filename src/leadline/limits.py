"""What settings may be, said once, for the sections of an experiment (pydantic) and the values that use them.

Nothing here is slow to import, since every command reads an experiment.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from numbers import Integral, Real
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from annotated_types import Ge, Gt, Le, Lt

from leadline.errors import UsageError, nearest

NotNegative = Annotated[float, Ge(0)]
Positive = Annotated[float, Gt(0)]
Share = Annotated[float, Ge(0), Le(1)]
BelowOne = Annotated[float, Ge(0), Lt(1)]
ErrorRate = Annotated[float, Gt(0), Lt(0.5)]
HueShare = Annotated[float, Ge(0), Le(0.5)]
Pixels = Annotated[float, Gt(0), Le(1000)]
Count = Annotated[int, Ge(1)]
CountOrNone = Annotated[int, Ge(0)]
Epochs = Annotated[int, Ge(1), Le(10**9)]
EpochsOrNone = Annotated[int, Ge(0), Le(10**9)]
Penalty = Annotated[float, Ge(0), Le(1e30)]  # beyond it, penalties leave the numbers of float32
Tiers = Annotated[int, Ge(1), Le(3)]
Members = Annotated[int, Ge(1), Le(1000)]
Repeats = Annotated[int, Ge(2)]  # one alone has no spread
Seed = Annotated[int, Ge(0), Lt(2**32)]

Kind = Literal["number", "category", "boolean", "date", "text", "identifier"]
Normalization = Literal["auto", "standardize", "robust", "quantile", "unit", "none"]
Duplicates = Literal["report", "together", "ignore"]
BrokenImages = Literal["fatal", "skip"]
TextEncoding = Literal["auto", "tfidf", "lsa", "tokens"]
Stream = bool | Literal["auto"]
Flip = Literal["horizontal", "vertical", "both"]
Padding = Literal["edge", "reflect", "mean", "zero"]
Precision = Literal["float32", "float64"]
Generator = Literal["torch", "numpy"]
Calibration = Literal["auto", "temperature", "vector", "none"]
FinalTraining = Literal["none", "train+dev"]
Monitor = Literal["goal", "dev_error", "dev_cost"]

SIZE = 'a fraction from 0 to 1, a whole number of examples, or "auto"'


def is_size(value: object) -> bool:
    """Whether a value is the size of a set: a fraction, a count (0 for none), or "auto"."""
    if value == "auto":
        return True
    return is_number(value) and value >= 0 and (value <= 1 or float(value).is_integer())  # type: ignore[operator,arg-type]


def is_number(value: object) -> bool:
    """Whether a value is a finite number; true and false are none."""
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


@dataclass(frozen=True)
class Span:
    """A range of random draws: [low, high], or one number b that stands for ``around`` − b to ``around`` + b."""

    low: float
    high: float
    around: float = 0.0

    @property
    def widest(self) -> float:
        """The largest number that may stand for a range."""
        return min(self.around - self.low, self.high - self.around)

    @property
    def words(self) -> str:
        """What is allowed."""
        return f"a number from 0 to {self.widest:g}, or [low, high] between {self.low:g} and {self.high:g}"

    def read(self, value: object) -> float | tuple[float, float] | None:
        """The number or the two ends; None for what is neither."""
        if is_number(value) and 0 <= value <= self.widest:  # type: ignore[operator]
            return float(value)  # type: ignore[arg-type]
        ends = tuple(value) if isinstance(value, list | tuple) else ()
        if len(ends) == 2 and all(is_number(end) for end in ends) and self.low <= ends[0] <= ends[1] <= self.high:
            return float(ends[0]), float(ends[1])
        return None

    def ends(self, value: float | tuple[float, float]) -> tuple[float, float]:
        """The lowest and the highest value of what `read` gave."""
        return value if isinstance(value, tuple) else (self.around - value, self.around + value)


FACTOR = Span(0.0, 10.0, 1.0)
SPANS = {
    "rotation": Span(-180.0, 180.0),
    "shear": Span(-60.0, 60.0),
    "zoom": Span(0.1, 10.0, 1.0),
    "brightness": FACTOR,
    "contrast": FACTOR,
    "saturation": FACTOR,
}
"""The ranges of ``[augment]`` by key: angles in degrees, and factors, which lie around 1."""


def check_fields(settings: Any, section: str = "", names: Iterable[str] | None = None) -> None:
    """Raise `UsageError` for the first field of a dataclass that is not what its annotation says.

    ``section`` is the table of the experiment file that errors name; ``names`` are the fields to check, all of those
    without them whose types are plain (numbers, texts, choices).
    """
    for name, hint in _plain_fields(type(settings)).items():
        value = getattr(settings, name)
        if (names is None or name in names) and not _fits(value, hint):
            raise UsageError(_complaint(f"{section}.{name}" if section else name, value, hint))


def check_value(key: str, value: object, hint: Any) -> None:
    """Raise `UsageError` unless the value is what the type says."""
    if not _fits(value, hint):
        raise UsageError(_complaint(key, value, hint))


@cache
def _plain_fields(cls: type) -> dict[str, Any]:
    hints = get_type_hints(cls, include_extras=True)
    return {name: hint for name, hint in hints.items() if name in cls.__dataclass_fields__ and _is_plain(hint)}  # type: ignore[attr-defined]


def _is_plain(hint: Any) -> bool:
    if get_origin(hint) in (Union, UnionType):
        return all(_is_plain(part) for part in get_args(hint))
    return get_origin(hint) in (Annotated, Literal) or hint in (int, float, bool, str, type(None))


def _fits(value: object, hint: Any) -> bool:
    if get_origin(hint) in (Union, UnionType):
        return any(_fits(value, part) for part in get_args(hint))
    if get_origin(hint) is Literal:
        return isinstance(value, str) and value in get_args(hint)
    if get_origin(hint) is Annotated:
        kind, *bounds = get_args(hint)
        return _fits(value, kind) and all(_within(value, bound) for bound in bounds)
    if hint is float:
        return is_number(value)
    if hint is int:
        return isinstance(value, Integral) and not isinstance(value, bool)
    return isinstance(value, hint)


def _within(value: Any, bound: object) -> bool:
    if isinstance(bound, Ge):
        return bool(value >= bound.ge)
    if isinstance(bound, Gt):
        return bool(value > bound.gt)
    if isinstance(bound, Le):
        return bool(value <= bound.le)
    return not isinstance(bound, Lt) or bool(value < bound.lt)


def _complaint(key: str, value: object, hint: Any) -> str:
    choices = [choice for part in (hint, *get_args(hint)) if get_origin(part) is Literal for choice in get_args(part)]
    if choices and isinstance(value, str):
        beginning = f"{key}: got {value!r}." if "." in key else f"unknown {key} '{value}'."
        return f"{beginning}{nearest(value, choices)}"
    words = _words(hint)
    return f"{key}: got {value!r}, needs to be {words}." if "." in key else f"{key} must be {words}, got {value!r}"


def _words(hint: Any) -> str:
    """The type as a user says it."""
    if get_origin(hint) in (Union, UnionType):
        return " or ".join(_words(part) for part in get_args(hint) if part is not type(None))
    if get_origin(hint) is Literal:
        return " or ".join(f'"{choice}"' for choice in get_args(hint))
    if get_origin(hint) is Annotated:
        kind, *bounds = get_args(hint)
        limits = " and ".join(_bound_words(bound) for bound in bounds)
        return f"a whole number of {limits}" if kind is int else limits
    return {int: "a whole number", float: "a number", bool: "true or false", str: "text"}[hint]


def _bound_words(bound: Any) -> str:
    names = {Ge: ("at least", "ge"), Gt: ("greater than", "gt"), Le: ("at most", "le"), Lt: ("less than", "lt")}
    words, attribute = names[type(bound)]
    return f"{words} {getattr(bound, attribute):g}"
