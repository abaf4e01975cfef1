"""Tables in text files: CSV, TSV and their kin, with delimiter, header and encoding inferred from their content."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence

import numpy as np
import pyarrow as pa
from pyarrow import csv as arrow_csv

from leadline.data.arrow import compute
from leadline.data.sources.raw import RawTable, as_raw_table, reading
from leadline.errors import LeadlineError, UsageError

DELIMITERS = (",", ";", "\t", "|")
MISSING = ("", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "-nan", "-NaN", "NULL", "null", "None", "?")
"""Cells that count as missing values."""

SAMPLE = 1 << 18
"""Bytes at the head of a file from which delimiter and header are guessed."""

CONTROL = bytes(set(range(32)) - set(b"\t\n\r\f"))
NUMBER = re.compile(r"\s*[-+]?(\d+[.,]?\d*|[.,]\d+)([eE][-+]?\d+)?\s*$")


def read_delimited(
    name: str,
    source: str,
    raw: bytes,
    expected: Collection[str] = (),
    as_text: Collection[str] = (),
    given_names: Sequence[str] = (),
) -> RawTable:
    """Read the bytes of a delimited text file.

    ``expected`` are column names the user spoke of: a first row with one of them is a header. The columns
    ``as_text`` are kept as the text they are. ``given_names`` name the columns of a file without a header, or in the
    place of its header. Raises LeadlineError with the line for what cannot be read.
    """
    content, notices = _as_utf8(source, raw)
    head = _head(content)
    if not head.strip():
        raise LeadlineError(f"{source} is empty: give a table with a header line and rows.")
    delimiter = _delimiter(head, source)
    first, *body = _rows(head, delimiter)
    header = _has_header(first, body, given_names or expected)
    names = _column_names(source, first, header, given_names, notices)
    if header and not body and len(content) <= SAMPLE:
        raise LeadlineError(f"{source} holds a header but no rows: add examples below line 1.")
    quoted = b'"' in content
    if quoted:
        _check_quotes(source, content, delimiter)
    lines_in_quotes = quoted and _has_quoted_line_end(content)
    comma = _decimal_comma(delimiter, body)
    table = _parsed(source, content, delimiter, names, header, as_text, comma, lines_in_quotes)

    def where(row: int) -> str:
        return f"{source}, line {_line_of_row(content, delimiter, row + header)}"

    result = as_raw_table(name, source, table, where)
    return RawTable(name, source, result.data, where, header, tuple(notices), has_types=False)


def _as_utf8(source: str, raw: bytes) -> tuple[bytes, list[str]]:
    """The content as UTF-8 without a byte-order mark, and a notice where another encoding was taken."""
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        with reading(source, "UTF-16 text"):
            return raw.decode("utf-16").encode(), []
    raw = raw.removeprefix(b"\xef\xbb\xbf")
    sample = raw[:SAMPLE]
    controls = len(sample) - len(sample.translate(None, CONTROL))
    nul = raw.find(b"\0")
    if nul >= 0 or controls:
        line = raw[: max(nul, 0)].count(b"\n") + 1
        at = f"a NUL byte in line {line}" if nul >= 0 else "control characters"
        raise LeadlineError(
            f"{source} is not a text table ({at}). Give a CSV, TSV, Parquet, Arrow, JSON lines, .npz, .npy, "
            "HDF5 or IDX file, with the ending that tells which."
        )
    if raw.isascii():
        return raw, []
    try:
        raw.decode()
        return raw, []
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        if not re.search(rb"[\xc3-\xf4][\x80-\xbf]", raw):
            try:
                text = raw.decode("cp1252").encode()
                return text, [f"{source} is not UTF-8 (line {line}); it was read as Windows-1252."]
            except UnicodeDecodeError:
                pass
    raise LeadlineError(
        f"{source}, line {line}: this is not UTF-8, and the encodings seem mixed. Save the file as UTF-8."
    )


def _head(content: bytes) -> str:
    """Whole lines from the head of the file: at least one, at most about SAMPLE bytes."""
    if len(content) <= SAMPLE:
        return content.decode()
    end = content.rfind(b"\n", 0, SAMPLE)
    if end < 0:
        end = content.find(b"\n", SAMPLE)
    return content[: end if end >= 0 else len(content)].decode()


def _rows(text: str, delimiter: str, limit: int = 200) -> list[list[str]]:
    rows = []
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
            if row:
                rows.append(row)
            if len(rows) == limit:
                break
    except csv.Error:  # a cell longer than the limit: what came before will do
        pass
    return rows or [[text]]


def _delimiter(head: str, source: str) -> str:
    """The delimiter that cuts the first row like most others, most rows alike, into most cells."""

    def merit(delimiter: str) -> tuple[bool, bool, float, int]:
        widths = [len(row) for row in _rows(head, delimiter)]
        width, count = Counter(widths).most_common(1)[0]
        preferred = delimiter == "\t" and ".tsv" in source.lower()
        return max(width, widths[0]) > 1, width == widths[0], count / len(widths) + preferred, width

    best = max(DELIMITERS, key=merit)
    return best if merit(best)[0] else ","


def _has_header(first: list[str], body: list[list[str]], expected: Collection[str]) -> bool:
    """Whether the first row names the columns: no number where the rows below have numbers."""
    cells = [cell.strip() for cell in first]
    if any(cell in expected and not _is_place(cell, len(cells)) for cell in cells):
        return True
    for_header = against = repeated = False
    for position, cell in enumerate(cells):
        below = [row[position].strip() for row in body if position < len(row)]
        below = [value for value in below if value not in MISSING]
        if cell in MISSING:
            continue
        numeric = bool(below) and all(NUMBER.match(value) for value in below)
        for_header |= numeric and not NUMBER.match(cell)
        against |= bool(NUMBER.match(cell)) and (numeric or not below)
        repeated |= cell in below
    if for_header or against:
        return for_header
    return not repeated and all(not NUMBER.match(cell) for cell in cells)


def _is_place(cell: str, n_columns: int) -> bool:
    """Whether a cell may be meant as the number of a column: then a row with it is no header for that."""
    return bool(re.fullmatch(r"-?\d{1,9}", cell)) and -1 <= int(cell) <= n_columns


def _column_names(source: str, first: list[str], header: bool, given: Sequence[str], notices: list[str]) -> list[str]:
    """The names of the columns: those that were given, those of the header, or column_1, column_2, …"""
    if given:
        if len(given) != len(first):
            raise UsageError(
                f"data.names: {len(given)} names for the {len(first)} columns of {source}, whose first line is "
                f"{_shown(first)}."
            )
        if header and [cell.strip() for cell in first] != list(given):
            notices.append(f"{source}: the names given take the place of its header line, {_shown(first)}.")
        return list(given)
    if not header:
        notices.append(
            f"{source} has no header line: the columns are called column_1 … column_{len(first)}; "
            "--names or [data] names give them names."
        )
        return [f"column_{i + 1}" for i in range(len(first))]
    names = _checked_names(source, first)
    if first[0].strip() == "":
        notices.append(f"{source}: the first column has no name; it is called '{names[0]}'.")
    return names


def _shown(cells: Sequence[str]) -> str:
    text = ", ".join(cell.strip() for cell in cells)
    return text if len(text) <= 60 else f"{text[:60]}…"


def _checked_names(source: str, first: list[str]) -> list[str]:
    """Column names without blanks around them; only a first one may be empty, as row numbers' often is."""
    names = [cell.strip() for cell in first]
    if names[0] == "" and len(names) > 1:
        names[0] = "index" if "index" not in names else "column_1"
    for position, name in enumerate(names):
        if name == "":
            raise LeadlineError(
                f"{source}, line 1: column {position + 1} of {len(names)} has no name; write one there."
            )
        if name in names[:position]:
            raise LeadlineError(
                f"{source}, line 1: the column name '{name}' appears twice (columns "
                f"{names.index(name) + 1} and {position + 1}); rename one of them."
            )
    return names


def _decimal_comma(delimiter: str, body: list[list[str]]) -> bool:
    """Whether numbers are written 1,5: cells with such commas, and none with a decimal point."""
    if delimiter == ",":
        return False
    cells = [cell for row in body[:50] for cell in row]
    return any(re.fullmatch(r"\s*-?\d+,\d+\s*", cell) for cell in cells) and not any(
        re.fullmatch(r"\s*-?\d+\.\d+\s*", cell) for cell in cells
    )


def _check_quotes(source: str, content: bytes, delimiter: str) -> None:
    """A quote that is never closed would swallow the rest of the file silently."""
    if content.count(b'"') % 2 == 0:
        return
    start = 1
    try:
        reader = csv.reader(io.StringIO(content.decode(), newline=""), delimiter=delimiter, strict=True)
        for _ in reader:
            start = reader.line_num + 1
    except csv.Error as error:
        if "unexpected end" in str(error):
            raise LeadlineError(
                f'{source}, line {start}: a quote (") is opened here and never closed; close or remove it.'
            ) from error


def _parsed(
    source: str,
    content: bytes,
    delimiter: str,
    names: list[str],
    header: bool,
    as_text: Collection[str],
    decimal_comma: bool,
    lines_in_quotes: bool,
) -> pa.Table:
    options = arrow_csv.ConvertOptions(
        null_values=MISSING,
        strings_can_be_null=True,
        column_types={name: pa.string() for name in names if name in as_text},
        decimal_point="," if decimal_comma else ".",
    )
    parse = arrow_csv.ParseOptions(delimiter=delimiter, newlines_in_values=lines_in_quotes)
    skipped = _header_lines(content, delimiter) if header else 0
    for block_size in (1 << 20, min(max(len(content), 1 << 20), (1 << 31) - 1)):
        read = arrow_csv.ReadOptions(column_names=names, skip_rows=skipped, block_size=block_size)
        try:
            table = arrow_csv.read_csv(pa.BufferReader(content), read, parse, options)
            return _trimmed(table) if re.search(rb'" |[,;\t|] [^ ]', content[:SAMPLE]) else table
        except pa.ArrowInvalid as error:
            _check_ragged(source, content, delimiter, len(names))
            if "straddl" not in str(error) or block_size >= len(content):
                with reading(source, "a table"):
                    raise
    raise AssertionError("unreachable: the last block size holds the whole file")


def _has_quoted_line_end(content: bytes) -> bool:
    """Whether an odd number of quotes precedes a line end; Arrow reads twice as fast where none does."""
    before = 0
    for start in range(0, len(content), 1 << 24):
        block = np.frombuffer(content, np.uint8, min(1 << 24, len(content) - start), start)
        quotes = np.flatnonzero(block == ord('"'))
        ends = np.flatnonzero((block == ord("\n")) | (block == ord("\r")))
        if ((before + np.searchsorted(quotes, ends)) % 2).any():
            return True
        before += len(quotes)
    return False


def _header_lines(content: bytes, delimiter: str) -> int:
    """Physical lines up to the end of the header row."""
    reader = csv.reader(io.StringIO(_head(content), newline=""), delimiter=delimiter)
    for row in reader:
        if row:
            return reader.line_num
    return 0


def _trimmed(table: pa.Table) -> pa.Table:
    """Text cells without blanks around them, as in files that write ``a, b, c``."""
    for position, name in enumerate(table.column_names):
        values = table.column(position)
        if pa.types.is_string(values.type):
            values = compute.utf8_trim_whitespace(values)
            missing = compute.is_in(values, value_set=pa.array(MISSING))
            values = compute.if_else(missing, pa.scalar(None, pa.string()), values)
            table = table.set_column(position, name, values)
    return table


def _numbered_rows(content: bytes, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Each row that is not an empty line, with the number of the line on which it starts."""
    reader = csv.reader(io.StringIO(content.decode(), newline=""), delimiter=delimiter)
    start = 1
    try:
        for row in reader:
            if row:
                yield start, row
            start = reader.line_num + 1
    except csv.Error:
        return


def _check_ragged(source: str, content: bytes, delimiter: str, width: int) -> None:
    for line, row in _numbered_rows(content, delimiter):
        if len(row) != width:
            raise LeadlineError(
                f"{source}, line {line}: {len(row)} cells where the first line has {width}. "
                "Mend the line; text that holds the delimiter goes in quotes."
            )


def _line_of_row(content: bytes, delimiter: str, row: int) -> int:
    for position, (line, _) in enumerate(_numbered_rows(content, delimiter)):
        if position == row:
            return line
    return row + 1
