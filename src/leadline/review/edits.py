"""What people do while they look through mistakes and labels, as edits of a run's `ReviewSheet`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from leadline.review.sheet import ReviewSheet, SheetCell, Value
from leadline.review.store import Edit, cause_name
from leadline.strategy.corrections import Review
from leadline.strategy.error_analysis import MistakeTable

Edits = Iterator[tuple[SheetCell, Value]]


def tag(row: int, cause: str, on: bool, label: str = "", prediction: str = "") -> Edit:
    """Tick a cause for a mistake, or take the tick away; a new cause is made, the mistake is looked through then."""

    def edit(sheet: ReviewSheet) -> Edits:
        name = cause_name(cause, sheet.causes)
        if name not in sheet.causes:
            if not on:
                return
            yield SheetCell("cause", name=name), len(sheet.causes)
        yield from examined(row, label, prediction)(sheet)
        yield SheetCell("tag", row, name), 1 if on else None

    return edit


def examined(row: int, label: str = "", prediction: str = "") -> Edit:
    """A mistake was looked through, with or without a cause."""

    def edit(sheet: ReviewSheet) -> Edits:
        if row not in sheet.examined:
            yield SheetCell("examined", row), [label, prediction, ""]

    return edit


def forget(row: int) -> Edit:
    """A mistake was not looked through after all: its causes go, too."""

    def edit(sheet: ReviewSheet) -> Edits:
        for name in sheet.tags_of(row):
            yield SheetCell("tag", row, name), None
        yield SheetCell("examined", row), None

    return edit


def unexplained(row: int, label: str = "", prediction: str = "") -> Edit:
    """A mistake was looked through and has none of the causes."""

    def edit(sheet: ReviewSheet) -> Edits:
        yield from examined(row, label, prediction)(sheet)
        for name in sheet.tags_of(row):
            yield SheetCell("tag", row, name), None

    return edit


def add_cause(cause: str) -> Edit:
    """A cause that no mistake has yet."""

    def edit(sheet: ReviewSheet) -> Edits:
        name = cause_name(cause, sheet.causes)
        if name not in sheet.causes:
            yield SheetCell("cause", name=name), len(sheet.causes)

    return edit


def remove_cause(cause: str) -> Edit:
    """A cause and its ticks go; the mistakes that had it stay looked through."""

    def edit(sheet: ReviewSheet) -> Edits:
        if cause in sheet.causes:
            for row in sorted(sheet.tags[cause]):
                yield SheetCell("tag", row, cause), None
            yield SheetCell("cause", name=cause), None

    return edit


def import_table(table: MistakeTable) -> Edit:
    """A table that people filled: its cells as they are there; what it does not speak of stays."""

    def edit(sheet: ReviewSheet) -> Edits:
        names = {}
        for given in table.causes:
            names[given] = cause_name(given, sheet.causes)
            yield from add_cause(given)(sheet)
        blank = ("",) * len(table.rows)
        columns = (table.labels or blank, table.predictions or blank, table.comments or blank)
        for k, row in enumerate(table.rows):
            yield SheetCell("examined", row), [column[k] for column in columns]
            for given, ticks in table.causes.items():
                yield SheetCell("tag", row, names[given]), 1 if ticks[k] else None

    return edit


def verdict(review: Review) -> Edit:
    """What a person says about a label: right, wrong, or unclear."""

    def edit(sheet: ReviewSheet) -> Edits:
        yield SheetCell("verdict", review.row), [review.content, review.old, review.new, review.verdict, review.when]

    return edit


def clear_verdicts(reviews: Iterable[Review]) -> Edit:
    """These verdicts do not wait any more; where another was given since, that one stays."""

    def edit(sheet: ReviewSheet) -> Edits:
        for review in reviews:
            if sheet.verdicts.get(review.row) == review:
                yield SheetCell("verdict", review.row), None

    return edit


def restore_verdicts(reviews: Iterable[Review]) -> Edit:
    """These verdicts wait again, but for labels on which there is a later one."""

    def edit(sheet: ReviewSheet) -> Edits:
        for review in reviews:
            if review.row not in sheet.verdicts:
                yield from verdict(review)(sheet)

    return edit
