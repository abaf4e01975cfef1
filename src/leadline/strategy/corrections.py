"""Corrections of labels: a layer over the data, which stay as they are; applied, taken back, and exported as a file.

The same corrections go to dev and test alike, so that both stay from one distribution (course 3).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.errors import LeadlineError, nearest
from leadline.files import write_rows
from leadline.strategy.label_text import label_text
from leadline.strategy.review_files import read_lines

Array = NDArray[Any]
VERDICTS = ("right", "wrong", "unclear")


@dataclass(frozen=True)
class Review:
    """What a person said about one label.

    Attributes:
        row: number of the example in its data set.
        content: hash of its inputs (`leadline.session.corrected.row_contents`); empty if not known.
        old: the label as it is in the data.
        new: the label as it should be; ``old`` unless the verdict is ``"wrong"``.
        verdict: ``"right"``, ``"wrong"`` or ``"unclear"``.
        when: time of the review, ISO 8601.

    """

    row: int
    content: str
    old: str
    new: str
    verdict: str
    when: str = ""

    @property
    def changes(self) -> bool:
        """Whether it replaces the label."""
        return self.verdict == "wrong" and self.new != self.old


@dataclass(frozen=True)
class Corrections:
    """The reviews of a data set's labels, at most one per row."""

    reviews: tuple[Review, ...] = ()

    def __len__(self) -> int:
        return len(self.reviews)

    def __iter__(self) -> Iterator[Review]:
        return iter(self.reviews)

    @property
    def changed(self) -> tuple[Review, ...]:
        """The reviews that replace a label."""
        return tuple(review for review in self.reviews if review.changes)

    def merged(self, later: Corrections) -> Corrections:
        """Both together; a later review of a row takes the place of the earlier one."""
        by_row = {review.row: review for review in (*self.reviews, *later.reviews)}
        return Corrections(tuple(by_row[row] for row in sorted(by_row)))

    def apply(self, labels: Array, classes: Sequence[str], contents: Sequence[str] | None = None) -> Array:
        """A copy of the labels with the corrections made: class indices (m,), labels (m, k), or values (m, k).

        Several labels and values read as in `leadline.strategy.label_text`; for values there are no ``classes``.
        ``contents`` are the examples' hashes (m,): a row that moved is found by its own.

        Raises:
            LeadlineError: for a row that is not there any more, whose label is neither the old nor the new one, or a
                class that does not exist.

        """
        return self._replace(labels, classes, contents, back=False)

    def undo(self, labels: Array, classes: Sequence[str], contents: Sequence[str] | None = None) -> Array:
        """The inverse of ``apply``."""
        return self._replace(labels, classes, contents, back=True)

    def _replace(self, labels: Array, classes: Sequence[str], contents: Sequence[str] | None, back: bool) -> Array:
        code = label_text(labels, classes)
        places = _Places(contents, len(labels))
        found = np.array(labels, copy=True)
        for review in self.changed:
            at = places.of(review)
            old, new = (code.value(text, review.row) for text in (review.old, review.new))
            if not (code.same(found[at], old) or code.same(found[at], new)):
                raise LeadlineError(
                    f"Row {review.row} is labelled {code.text(found[at])} by now, but the correction is about "
                    f"{review.old}: review it again."
                )
            found[at] = old if back else new
        return found

    def to_csv(self, path: str | os.PathLike[str]) -> Path:
        """Write one line per review: row, content, old, new, verdict, when."""
        names = [field.name for field in fields(Review)]
        return write_rows(path, [names, *([getattr(review, name) for name in names] for review in self.reviews)])

    @classmethod
    def from_csv(cls, path: str | os.PathLike[str], classes: Sequence[str] | None = None) -> Corrections:
        """Read what ``to_csv`` wrote, or a review queue in which people filled the column ``verdict``.

        A queue has the columns row, label and suggestion; a verdict ``wrong`` takes the suggestion, or the class in
        the column ``correction`` where that is filled. Lines without a verdict are not reviewed yet.

        Raises:
            LeadlineError: for a file that cannot be read, a verdict that is none, or an unknown class.

        """
        lines = _lines(path)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        reviews = [
            _review(line, f"{path}, line {k + 2}", classes, now)
            for k, line in enumerate(lines)
            if (line.get("verdict") or "").strip()
        ]
        return cls().merged(cls(tuple(reviews)))


class _Places:
    """Where each reviewed example lies now."""

    def __init__(self, contents: Sequence[str] | None, m: int) -> None:
        self.contents, self.m = contents, m
        self._by_content: dict[str, int] = {}
        if contents is not None:
            self._by_content = {content: k for k, content in reversed(list(enumerate(contents)))}

    def of(self, review: Review) -> int:
        same = 0 <= review.row < self.m
        if same and (self.contents is None or not review.content or self.contents[review.row] == review.content):
            return review.row
        if review.content in self._by_content:
            return self._by_content[review.content]
        raise LeadlineError(f"The example that was row {review.row} is not in the data any more: review it again.")


def _lines(path: str | os.PathLike[str]) -> list[dict[str, str]]:
    names, lines = read_lines(path)
    for needed in ("row", "verdict"):
        if needed not in names:
            raise LeadlineError(f"{path} has no column '{needed}': export a review queue and fill its verdicts.")
    if not ({"old", "label"} & set(names)):
        raise LeadlineError(f"{path} has no column 'label', which says which label each verdict is about.")
    return lines


def _review(line: Mapping[str, str], where: str, classes: Sequence[str] | None, now: str) -> Review:
    verdict = line["verdict"].strip().lower()
    if verdict not in VERDICTS:
        raise LeadlineError(f"{where}: got the verdict {line['verdict']!r}.{nearest(verdict, VERDICTS)}")
    try:
        row = int(line["row"])
    except (TypeError, ValueError):
        raise LeadlineError(f"{where}: row must be a whole number, got {line['row']!r}.") from None
    old = line.get("old") or line.get("label") or ""
    if not old:
        raise LeadlineError(f"{where}: the label that the verdict is about is missing.")
    new = (line.get("correction") or "").strip() or line.get("new") or line.get("suggestion") or ""
    if verdict != "wrong":
        new = old
    if verdict == "wrong" and (not new or new == old):
        raise LeadlineError(
            f"{where}: the label {old!r} is wrong, but the column 'correction' does not say the right one."
        )
    for name in (old, new):
        if classes is not None and name not in classes:
            raise LeadlineError(f"{where}: unknown class {name!r}.{nearest(name, classes)}")
    return Review(row, line.get("content") or "", old, new, verdict, line.get("when") or now)
