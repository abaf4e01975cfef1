"""Spreadsheets (.xlsx, .xls, .ods): one sheet as text in columns, so that header and types are inferred as in CSV."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Any

from python_calamine import CalamineError, CalamineWorkbook, PasswordError

from leadline.data.sources.delimited import read_delimited
from leadline.data.sources.limits import check_archive
from leadline.data.sources.raw import RawTable
from leadline.errors import LeadlineError, UsageError, nearest

MIDNIGHT = time()


def read_spreadsheet(
    name: str,
    source: str,
    raw: bytes,
    sheet: str | None,
    expected: Collection[str] = (),
    as_text: Collection[str] = (),
    given_names: Sequence[str] = (),
) -> RawTable:
    """The table in the ``sheet`` of that name, else in the first that holds any cells; which one is noticed.

    The other arguments are those of `read_delimited`. Formulas count by the values that the program saved with them.
    `LeadlineError`: the file is damaged, locked by a password, or empty; `UsageError`: it has no such sheet.
    """
    workbook = _opened(source, raw)
    names = list(workbook.sheet_names)
    if sheet is not None and sheet not in names:
        raise UsageError(f"{source} has no sheet '{sheet}'.{nearest(sheet, names).replace('Allowed', 'It has')}")
    chosen, rows = _first_with_cells(workbook, [sheet] if sheet is not None else names)
    if not rows:
        raise LeadlineError(f"{source} is empty: no sheet holds any cells.")
    table = read_delimited(name, source, _as_csv(rows), expected, as_text, given_names)
    notices = table.notices
    if len(names) > 1 and sheet is None:
        others = ", ".join(f"'{each}'" for each in names if each != chosen)
        notices = (*notices, f"{source}: the sheet '{chosen}' is read, not {others}; data.inputs names another.")
    return replace(table, notices=notices, where=lambda row: f"{source}, sheet {chosen}, row {row + 1 + table.header}")


def _opened(source: str, raw: bytes) -> CalamineWorkbook:
    if zipfile.is_zipfile(io.BytesIO(raw)):
        check_archive(source, raw)
    try:
        return CalamineWorkbook.from_filelike(io.BytesIO(raw))
    except PasswordError:
        raise LeadlineError(f"{source} is locked by a password; save it without one.") from None
    except CalamineError as error:
        raise LeadlineError(f"{source} is not a spreadsheet that can be read: {error}.") from None


def _first_with_cells(workbook: CalamineWorkbook, names: Sequence[str]) -> tuple[str, list[list[Any]]]:
    for name in names:
        rows = workbook.get_sheet_by_name(name).to_python(skip_empty_area=True)
        if any(cell != "" for row in rows for cell in row):
            return name, rows
    return "", []


def _as_csv(rows: Iterable[Sequence[Any]]) -> bytes:
    """The cells as quoted text; rows without any are left out."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([_text(cell) for cell in row] for row in rows if any(cell != "" for cell in row))
    return text.getvalue().encode()


def _text(cell: Any) -> str:
    """A cell as a CSV file would have it: whole numbers without a point, dates as ISO 8601 has them."""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 2**53 else repr(cell)
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == MIDNIGHT else cell.isoformat(sep=" ")
    if isinstance(cell, timedelta):
        return repr(cell.total_seconds())
    if isinstance(cell, date | time):
        return cell.isoformat()
    return str(cell)
