"""What readers hand over: a table or arrays before types and the task are inferred."""

from __future__ import annotations

import struct
import tokenize
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from leadline.data.arrow import plain
from leadline.data.columns import Where
from leadline.data.threads import in_threads
from leadline.errors import LeadlineError


@dataclass(frozen=True, eq=False)
class RawTable:
    """Rows and named columns. ``where`` tells where a row is in the source, for error messages.

    ``has_types``: whether the source says the types of its columns; in a text file they are inferred.
    """

    name: str
    source: str
    data: pa.Table
    where: Where
    header: bool = True
    notices: tuple[str, ...] = ()
    has_types: bool = True


@dataclass(frozen=True, eq=False)
class RawArrays:
    """Inputs (n, …) and, where the source has them, targets (n,) or (n, k) and names of classes.

    ``names`` are the names of the examples, such as files in a folder. ``series``: inputs are (n, steps, channels),
    with NaN past the end of those that are shorter.
    """

    name: str
    source: str
    inputs: np.ndarray
    target: np.ndarray | None
    inputs_name: str = "inputs"
    target_name: str = "target"
    classes: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    series: bool = False


Raw = RawTable | RawArrays

MAIN, DEV, TEST, EXTRA = range(4)
"""Where rows come from: the source itself, a dev or test set of its own, or an extra source for training alone."""


@dataclass(frozen=True, eq=False)
class SourcePart:
    """One source among several, with its role (MAIN, DEV, TEST or EXTRA) and the weight of its examples."""

    raw: Raw
    role: int = MAIN
    weight: float = 1.0


READ_ERRORS = (
    OSError,
    ValueError,  # also NumPy's, Arrow's and Unicode's
    TypeError,
    EOFError,
    SyntaxError,  # the header of an .npy array is Python text
    tokenize.TokenError,
    KeyError,
    MemoryError,
    OverflowError,
    RuntimeError,  # also NotImplementedError: a compression that is not built in
    zlib.error,
    zipfile.BadZipFile,
    struct.error,
    pa.ArrowException,
)


COMPLETE = " Is the file complete, and is it what its name says?"


@contextmanager
def reading(source: str, what: str, advice: str = COMPLETE) -> Iterator[None]:
    """Turn whatever a library raises over a damaged ``source`` into one LeadlineError of one line."""
    try:
        yield
    except LeadlineError:
        raise
    except READ_ERRORS as error:
        parts = error.args if isinstance(error, pa.ArrowException) else (error,)
        reason = " ".join(str(part) for part in parts).strip() or type(error).__name__
        if "allow_pickle" in reason:
            reason = "it holds Python objects, which are never loaded; save arrays of numbers or text"
        reason = reason.splitlines()[0][:200].rstrip(".")
        raise LeadlineError(f"{source} cannot be read as {what}: {reason}.{advice}") from error


def as_raw_table(name: str, source: str, table: pa.Table, where: Where | None = None) -> RawTable:
    """A `RawTable` with plain columns; rows are called "row 1", "row 2" … unless ``where`` knows better."""
    names = table.column_names
    doubled = next((name for name in names if names.count(name) > 1), None) if len(set(names)) < len(names) else None
    if doubled is not None:
        raise LeadlineError(f"{source}: the column name '{doubled}' appears twice; rename one of them.")
    with reading(source, "a table", advice=""):
        columns = in_threads(lambda name: plain(table.column(name)), names, table.num_rows)
        data = pa.table(dict(zip(names, columns, strict=True)))
    if data.num_rows == 0:
        raise LeadlineError(f"{source} has no rows: give a table with at least a few examples.")
    return RawTable(name, source, data, where or (lambda row: f"{source}, row {row + 1}"))


def named_by_position(raw: RawTable, *choices: Sequence[str]) -> RawTable:
    """Rows without a header under the first of the ``choices`` of names that has as many as there are columns."""
    names = next((names for names in choices if len(names) == raw.data.num_columns), None)
    if raw.header or names is None:
        return raw
    return replace(raw, data=raw.data.rename_columns(list(names)))
