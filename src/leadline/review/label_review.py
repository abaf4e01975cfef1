"""Reviewing a run's labels one by one: what comes next, what the verdicts come to, and applying them.

Verdicts wait in ``label_verdicts.csv`` until they are applied; then they are in force with those before them
(``label_reviews.csv``), and dev and test are measured by them. Taken back, they wait again.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np

from leadline.data import Dataset
from leadline.errors import LeadlineError, nearest
from leadline.measure import Estimate
from leadline.measure.groups import rate
from leadline.review import edits
from leadline.review.label_audit import RunLabels, apply_corrections, undo_corrections
from leadline.review.store import ReviewStore
from leadline.runs.reviews import load_reviews, load_verdicts
from leadline.runs.run import Run
from leadline.strategy import Corrections, LabelAudit, LabelShare, Review, label_share, review_queue

ROUND = 100
"""Labels that are reviewed before the next ones are drawn."""


@dataclass(frozen=True)
class Questioned:
    """A label to be reviewed: nothing here says whether anything speaks against it."""

    row: int
    part: str
    label: str
    content: str


class LabelQueue:
    """The labels of a run in the order in which they are to be reviewed.

    They come in rounds of `ROUND`: half wrongly and half rightly predicted, suspects and others mixed
    (`leadline.strategy.review_queue`). The order depends on the audit alone, so it stays when a page is loaded again.
    """

    def __init__(self, labels: RunLabels, parts: Collection[str] | None = None) -> None:
        """The queue of the sets `parts` (None: of all)."""
        self.labels = labels
        self.classes = labels.audit.classes
        self._positions = {int(row): k for k, row in enumerate(labels.rows.tolist())}
        chosen = np.ones(len(labels.rows), bool) if parts is None else np.isin(labels.sets.astype(str), list(parts))
        self._rows = labels.rows[chosen]
        self._audit = _part_of(labels.audit, chosen)
        self._wrong = self._audit.suggested != self._audit.given
        self._rounds: dict[int, list[int]] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def round(self, reviewed: set[int]) -> list[int]:
        """The rows of the first round that is not reviewed yet, or of the last, without those of earlier rounds."""
        before: set[int] = set()
        for number in range(1, -(-len(self) // ROUND) + 1):
            rows = self._round(number)
            if not reviewed.issuperset(rows) or number * ROUND >= len(self):
                return [row for row in rows if row not in before]
            before.update(rows)
        return []

    def has(self, row: int) -> bool:
        """Whether the run uses the row."""
        return row in self._positions

    def question(self, row: int) -> Questioned:
        """The label of a row. LeadlineError: the run does not use the row."""
        if row not in self._positions:
            raise LeadlineError(f"Row {row} is none of the run's examples.")
        at, labels = self._positions[row], self.labels
        return Questioned(row, str(labels.sets[at]), self.classes[labels.audit.given[at]], labels.contents[at])

    def suggestion(self, row: int) -> tuple[str, float]:
        """The class that networks which have not seen the example prefer, and how credible its label is, 0 to 1."""
        at, audit = self._positions[row], self.labels.audit
        return self.classes[audit.suggested[at]], float(audit.quality[at])

    def review(self, row: int, verdict: str, new: str | None = None) -> Review:
        """A verdict as it is kept. LeadlineError: for an unknown row or class, or a new label that is the old one."""
        asked = self.question(row)
        if verdict == "wrong" and new == asked.label:
            verdict = "right"
        if verdict == "wrong" and new not in self.classes:
            raise LeadlineError(f"{new!r} is no class.{nearest(str(new), self.classes)}")
        now = datetime.now(UTC).isoformat(timespec="seconds")
        right = new if verdict == "wrong" and new is not None else asked.label
        return Review(row, asked.content, asked.label, right, verdict, now)

    def _round(self, number: int) -> list[int]:
        if number not in self._rounds:
            order = review_queue(self._audit, self._wrong, min(number * ROUND, len(self)))
            self._rounds[number] = self._rows[order].tolist()
        return self._rounds[number]


def _part_of(audit: LabelAudit, chosen: np.ndarray) -> LabelAudit:
    """The audit of some of its examples alone; what it says of a pattern still is about all."""
    place = np.cumsum(chosen) - 1
    suspects = place[audit.suspects[chosen[audit.suspects]]]
    columns = {name: getattr(audit, name)[chosen] for name in ("given", "suggested", "quality")}
    return replace(audit, suspects=suspects, **columns)


@dataclass(frozen=True)
class CorrectionEffect:
    """What reviews come to for one set: its share of wrong answers with the labels as they were, and as they are now.

    ``changed`` counts labels of the set that were judged wrong; ``share`` is the part that wrong labels have in the
    error, labels that nobody has reviewed taken as right. Of the ``mistakes``, ``judged`` have a reviewed label.
    """

    part: str
    before: Estimate
    after: Estimate
    changed: int
    share: LabelShare
    mistakes: int
    judged: int

    @property
    def summary(self) -> str:
        """What is known by now, in a sentence or two; advice only where what is not reviewed yet cannot change it."""
        share, left = self.share, self.mistakes - self.judged
        known = f"{self.judged} of {self.mistakes} {self.part} mistakes are reviewed. " if left else ""
        so_far = " so far" if left else ""
        inside = f" ({share.share.range()} of the mistakes)" if share.share.range() else ""
        finding = f"Wrong labels explain {share.from_labels.plain()} of the {share.error.plain()} error{so_far}"
        if share.worth_fixing == "yes":
            return f"{known}{finding}{inside}: worth correcting now."
        return f"{known}{finding}." if left else f"{finding}{inside}: other causes come first."


def effects(run: Run, reviews: Corrections) -> list[CorrectionEffect]:
    """The effect of reviews on dev, and on test where it was opened; nothing is predicted again for it."""
    effects = []
    for part in ("dev", "test"):
        if run.has_predictions(part):
            table = run.predictions(part)
            rows, labels, predictions = (
                np.array(table[name].to_pylist(), object) for name in ("row", "label", "prediction")
            )
            effects.append(effect(part, rows, labels, predictions, reviews, run.answers(part).groups))
    return effects


def effect(
    part: str,
    rows: np.ndarray,
    labels: np.ndarray,
    predictions: np.ndarray,
    reviews: Corrections,
    groups: np.ndarray | None = None,
) -> CorrectionEffect:
    """The effect of reviews on one set: rows (m,), labels and predictions as names (m,).

    ``groups`` (m,) say which examples go together, such as copies.
    """
    place = {row: k for k, row in enumerate(rows.tolist())}
    old, new, seen = labels.copy(), labels.copy(), np.zeros(len(rows), bool)
    for review in reviews:
        if review.row in place:  # the table holds the labels in force when it was written, which may be either
            old[place[review.row]], new[place[review.row]] = review.old, review.new
            seen[place[review.row]] = True
    before, after = old != predictions, new != predictions
    share = label_share(before, (old != new) & ~after, groups=groups)
    changed, judged = int((old != new).sum()), int((before & seen).sum())
    rates = rate(before, groups=groups), rate(after, groups=groups)
    return CorrectionEffect(part, *rates, changed, share, int(before.sum()), judged)


def waiting(run: Run) -> Corrections:
    """The verdicts that are not applied yet."""
    return load_verdicts(run.folder)


def apply_verdicts(run: Run, data: Dataset | None = None) -> Run:
    """Put the waiting verdicts in force, and measure dev and test by them; LeadlineError: there are none."""
    verdicts = waiting(run)
    if not len(verdicts):
        raise LeadlineError(f"No verdicts on labels of {run.name} wait to be applied.")
    run = apply_corrections(run, verdicts, data)
    ReviewStore(run.folder).act("labels", "applied", edits.clear_verdicts(verdicts))
    return run


def take_back(run: Run, data: Dataset | None = None) -> Run:
    """Take all corrections back, and measure by the labels of the data again; the verdicts wait as before."""
    in_force = load_reviews(run.folder)
    run = undo_corrections(run, data)
    ReviewStore(run.folder).act("labels", "taken back", edits.restore_verdicts(in_force))
    return run
