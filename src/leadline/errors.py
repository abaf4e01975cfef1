"""Errors that the user can fix: one or two lines that say what, where and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class LeadlineError(Exception):
    """Something went wrong that the user can fix; the command line prints the message and exits with 1."""

    exit_code = 1


class UsageError(LeadlineError):
    """A wrong option, key or value: the command line prints the message and exits with 2."""

    exit_code = 2


class LeadlineWarning(UserWarning):
    """Something was done that the user may not expect; the command line prints it as a note."""


def nearest(name: str, allowed: Iterable[str]) -> str:
    """A hint such as ``" Did you mean 'relu'?"``, or the list of allowed names when none is close."""
    names = [str(candidate) for candidate in allowed]
    close = get_close_matches(name.lower(), [candidate.lower() for candidate in names], n=3, cutoff=0.6)
    if close:
        original = {candidate.lower(): candidate for candidate in names}
        return " Did you mean " + " or ".join(f"'{original[candidate]}'" for candidate in close) + "?"
    shown = ", ".join(names[:12]) + (", …" if len(names) > 12 else "")
    return f" Allowed: {shown}."
