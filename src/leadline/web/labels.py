"""A run's labels under review as their page shows them: one label at a time, progress, what verdicts come to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from leadline.errors import LeadlineError
from leadline.review.label_audit import audit_labels
from leadline.review.label_review import CorrectionEffect, LabelQueue, Questioned, apply_verdicts, effects, take_back
from leadline.review.out_of_fold import CACHE
from leadline.runs.reviews import load_reviews, load_verdicts
from leadline.runs.run import Run
from leadline.strategy import Corrections, Review
from leadline.web.memory import Background, BackgroundTask, RecentValues, signature

FOLDS = 5
CLASS_KEYS = "1234567890"


@dataclass(frozen=True)
class ReviewStep:
    """A label of the round in the strip: its row and what was said about it, empty for nothing yet."""

    row: int
    verdict: str


@dataclass(frozen=True)
class LabelState:
    """A page's view on the review of a run's labels.

    Attributes:
        steps: the labels of this round in their order.
        asked: the label that is looked at; None when every label of the run is reviewed.
        review: what was said about it.
        opinion: class and credibility by networks that have not seen it; only once it is reviewed.
        effects: what all reviews, waiting ones and those in force, come to for dev and test.
        waiting: verdicts that are not applied yet.
        in_force: reviews that are.
        counts: how often each verdict was given, applied or not.
        pattern: whether wrong labels look random or systematic, in one sentence; empty where nothing tells.
        upcoming: rows that are asked next, whose images may be loaded now.

    """

    steps: list[ReviewStep]
    asked: Questioned | None
    review: Review | None
    opinion: tuple[str, float] | None
    effects: list[CorrectionEffect]
    waiting: int
    in_force: int
    counts: dict[str, int]
    pattern: str
    upcoming: list[int]

    @property
    def done(self) -> int:
        """How many labels of the round are reviewed."""
        return sum(bool(step.verdict) for step in self.steps)


class Labels:
    """What pages on labels ask for, over all runs."""

    def __init__(self, background: Background) -> None:
        self.background = background
        self._effects: RecentValues[list[CorrectionEffect]] = RecentValues(16)

    def audit(self, run: Run, start: bool = False) -> BackgroundTask | None:
        """The search for wrong labels, whose result is a `LabelQueue` of dev and test and one of every set.

        It starts by itself where its networks are trained: then only the data are read again.
        """
        key = ("audit", str(run.folder.path), run.data_hash)
        task = self.background.find(key)
        failed = task is not None and task.done.is_set() and bool(task.error)
        if start or (task is None and (run.folder / CACHE).exists()):
            return self.background.start(key, lambda: _queues(run), again=failed)
        return task

    def queue(self, run: Run, every: bool = False) -> LabelQueue:
        """The review queue of dev and test, or of `every` set. LeadlineError: wrong labels were not looked for yet."""
        task = self.audit(run)
        if task is None or not task.result:
            raise LeadlineError(f"Wrong labels of {run.name} were not looked for yet, or are being looked for.")
        queues: dict[bool, LabelQueue] = task.result
        return queues[every or not len(queues[False])]

    def change(self, run: Run, what: str = "") -> BackgroundTask | None:
        """Applying the verdicts ("apply") or taking all corrections back ("back"), started or under way."""
        key = ("labels change", str(run.folder.path))
        if not what:
            return self.background.find(key)
        work = apply_verdicts if what == "apply" else take_back
        return self.background.start(key, lambda: work(run), again=True)

    def settled(self, run: Run) -> str | None:
        """The error of the latest change, empty for none, told once; None while there is nothing to tell."""
        task = self.change(run)
        if task is None or not task.done.is_set():
            return None
        self.background.forget(("labels change", str(run.folder.path)))
        return task.error

    def state(self, run: Run, row: int | None = None, every: bool = False) -> LabelState:
        """The page on a row; without one, on the first label of the round that nobody has reviewed."""
        queue = self.queue(run, every)
        applied, waiting = load_reviews(run.folder), load_verdicts(run.folder)
        said = {review.row: review for review in (*applied, *waiting)}
        rows = queue.round(set(said))
        steps = [ReviewStep(k, _spoken(said.get(k))) for k in rows]
        asked = row if row is not None else next_open(rows, said, rows[-1] if rows else None)
        if asked is None and rows:
            asked = rows[0]
        review = None if asked is None else said.get(asked)
        merged = applied.merged(waiting)
        return LabelState(
            steps,
            None if asked is None else queue.question(asked),
            review,
            queue.suggestion(asked) if asked is not None and review is not None else None,
            self._effects_of(run, merged),
            len(waiting),
            len(applied),
            dict(Counter(_spoken(review) for review in merged)),
            _pattern(queue),
            _after(rows, said, asked)[:4],
        )

    def _effects_of(self, run: Run, reviews: Corrections) -> list[CorrectionEffect]:
        files = [signature(run.predictions_path(part)) for part in ("dev", "test")]
        return self._effects.get((*files, reviews.changed), lambda: effects(run, reviews))


def _queues(run: Run) -> dict[bool, LabelQueue]:
    """By whether they hold every set."""
    labels = audit_labels(run, k=FOLDS)
    return {False: LabelQueue(labels, ("dev", "test")), True: LabelQueue(labels)}


def next_open(rows: Sequence[int], said: dict[int, Review], after: int | None) -> int | None:
    """The first row after this one, round to the beginning, that nobody has reviewed."""
    open_rows = _after(rows, said, after)
    return open_rows[0] if open_rows else None


def _after(rows: Sequence[int], said: dict[int, Review], after: int | None) -> list[int]:
    start = rows.index(after) + 1 if after in rows else 0
    return [row for row in (*rows[start:], *rows[:start]) if row not in said and row != after]


def _spoken(review: Review | None) -> str:
    """The verdict in the page's words."""
    return "" if review is None else {"right": "kept", "wrong": "changed", "unclear": "unsure"}[review.verdict]


def _pattern(queue: LabelQueue) -> str:
    pattern = queue.labels.pattern
    confirmed = pattern is not queue.labels.audit.pattern
    return pattern.sentence("confirmed wrong labels" if confirmed else "the suspects") if pattern.n else ""


def class_keys(classes: Sequence[str]) -> dict[str, str]:
    """A key for each class: its own digit where classes are digits, else 1, 2, …; none beyond ten classes."""
    if all(len(name) == 1 and name in CLASS_KEYS for name in classes):
        return {name: name for name in classes}
    if len(classes) > len(CLASS_KEYS):
        return {}
    return dict(zip(classes, CLASS_KEYS, strict=False))
