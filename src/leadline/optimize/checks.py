"""Checks of hyper-parameters, each an error of one line that names the key, the rule and the value."""

from __future__ import annotations

import math
from collections.abc import Callable
from numbers import Real
from typing import Any

from torch import Tensor

from leadline.errors import UsageError


def positive(name: str, value: Any) -> None:
    """Raise `UsageError` unless the number, or every member's number, is finite and greater than 0."""
    _check(name, value, lambda number: 0 < number < math.inf, "must be greater than 0")


def not_negative(name: str, value: Any) -> None:
    """Raise `UsageError` unless the number, or every member's number, is finite and at least 0."""
    _check(name, value, lambda number: 0 <= number < math.inf, "must be at least 0")


def fraction(name: str, value: Any) -> None:
    """Raise `UsageError` unless the number, or every member's number, is in [0, 1)."""
    _check(name, value, lambda number: 0 <= number < 1, "must be at least 0 and less than 1")


def whole(name: str, value: Any, least: int) -> None:
    """Raise `UsageError` unless the value is an integer of at least ``least``."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise UsageError(f"{name} must be a whole number of at least {least}, got {value!r}")


def switch(name: str, value: Any) -> None:
    """Raise `UsageError` unless the value is True or False."""
    if not isinstance(value, bool):
        raise UsageError(f"{name} must be true or false, got {value!r}")


def _check(name: str, value: Any, valid: Callable[[float], bool], rule: str) -> None:
    if isinstance(value, Tensor):
        if value.dim() != 2 or value.shape[1] != 1:
            raise UsageError(f"{name} for a population must have shape (P, 1), got {tuple(value.shape)}")
        for number in value.flatten().tolist():
            _check(name, number, valid, rule)
        return
    if isinstance(value, bool) or not isinstance(value, Real):
        raise UsageError(f"{name} must be a number, got {value!r}")
    if not valid(float(value)):
        raise UsageError(f"{name} {rule}, got {value}")
