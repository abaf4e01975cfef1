"""The labels of a run's data: suspects, the review queue, and corrections that are measured and can be taken back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from leadline.data import Dataset
from leadline.errors import LeadlineError
from leadline.measure import Task
from leadline.review.out_of_fold import out_of_fold
from leadline.review.run_labels import AuditedLabels
from leadline.runs.reviews import LABEL_REVIEWS, load_reviews, load_verdicts
from leadline.runs.run import Run
from leadline.session.corrected import row_contents
from leadline.session.plan import Plan, corrected_plan
from leadline.session.results import Predicted, diagnose_again, measure_error, predicted_rows, save_predictions
from leadline.session.test_set import same_plan
from leadline.strategy import (
    Corrections,
    LabelAudit,
    LabelPattern,
    LabelShare,
    find_label_errors,
    label_pattern,
    label_share,
)
from leadline.strategy.label_text import label_text

UNDONE = "label_reviews.undone.csv"
# From so many confirmed wrong labels on, the pattern is judged by them and no longer by suspects.
ENOUGH_CONFIRMED = 20


@dataclass(frozen=True, eq=False)
class RunLabels(AuditedLabels):
    """The labels of all rows that a run uses.

    Attributes:
        rows: their numbers in the data, int (m,).
        sets: the set of each: ``"train"``, ``"dev"``, ``"test"``, ``"train_dev"``, (m,).
        contents: hash of each example's inputs.
        audit: the suspects, by their position among ``rows``.
        reviews: what people have said so far and is in force.
        waiting: what they have said since; it is not applied yet.
        pattern: random or systematic, by confirmed wrong labels where there are enough, else by the suspects.
        share: of the dev error that wrong labels explain; None without dev predictions.
        confirmed: whether ``share`` counts confirmed wrong labels; otherwise suspects that the network contradicts.
        task: of the run.

    """

    rows: np.ndarray
    sets: np.ndarray
    contents: tuple[str, ...]
    audit: LabelAudit
    reviews: Corrections
    waiting: Corrections
    pattern: LabelPattern
    share: LabelShare | None
    confirmed: bool
    task: Task

    def _parts(self) -> tuple[LabelAudit, LabelPattern, bool]:
        return self.audit, self.pattern, self.confirmed


def audit_labels(run: Run, data: Dataset | None = None, k: int = 5, segments: Sequence[str] = ()) -> RunLabels:
    """Look for wrong labels among all rows of a run.

    The run's network is trained anew without each fold, as long as its best epoch; this is done once and kept in the
    run's folder. `segments` are columns of the data in which wrong labels may concentrate, besides those of the
    experiment's ``data.segments``.

    Raises:
        LeadlineError: the data have changed, or have no classes.
        UsageError: for a segment that is no column.

    """
    plan = same_plan(run, data)
    if not plan.data.is_classification:
        raise LeadlineError(f"audit_labels takes examples with one class each; {run.name} has others: audit_values.")
    rows = np.concatenate([indices for indices in plan.split.sets.values() if len(indices)])
    sets = np.concatenate([np.full(len(v), name, object) for name, v in plan.split.sets.items() if len(v)])
    given, classes = plan.data.target[rows], plan.data.classes
    columns = plan.data.segments(rows) | {name: plan.data.column(name, rows) for name in segments}
    groups = plan.groups(rows)
    audit = find_label_errors(given, out_of_fold(run, plan, rows, k), classes, columns, groups=groups)
    reviews = load_reviews(run.folder)
    wrong, right = _confirmed(plan.data, reviews, rows)
    by_people = int(wrong.sum()) >= ENOUGH_CONFIRMED
    pattern = label_pattern(given, right, wrong, classes, columns, groups=groups) if by_people else audit.pattern
    share, confirmed = _share(run, rows, sets, audit, wrong, right, bool(len(reviews)), groups)
    contents = tuple(np.array(row_contents(plan.data))[rows].tolist())
    return RunLabels(
        rows, sets, contents, audit, reviews, load_verdicts(run.folder), pattern, share, confirmed, run.task
    )


def apply_corrections(run: Run, corrections: Corrections, data: Dataset | None = None) -> Run:
    """Lay corrections over the run's data, besides those there are, and measure all its sets anew.

    The data and the network stay as they are; `undo_corrections` takes the layer away.
    """
    plan = same_plan(run, data)
    _check_rows(run, plan, corrections)
    before = load_reviews(run.folder)
    before.merged(corrections).to_csv(run.folder / LABEL_REVIEWS)
    try:
        return _measure_again(run, plan)
    except LeadlineError:  # a correction that does not fit the data: nothing is kept of it
        if len(before):
            before.to_csv(run.folder / LABEL_REVIEWS)
        else:
            (run.folder / LABEL_REVIEWS).unlink()
        raise


def undo_corrections(run: Run, data: Dataset | None = None) -> Run:
    """Take all corrections back; the reviews are kept beside, as ``label_reviews.undone.csv``."""
    if not (run.folder / LABEL_REVIEWS).exists():
        raise LeadlineError(f"The run {run.name} has no corrections of labels to undo.")
    plan = same_plan(run, data)
    (run.folder / LABEL_REVIEWS).replace(run.folder / UNDONE)
    return _measure_again(run, plan)


def _measure_again(run: Run, plan: Plan) -> Run:
    """Errors, diagnosis and report by the labels that are now in force, from the predictions there are."""
    plan = corrected_plan(plan, load_reviews(run.folder))
    errors = dict(run.errors)
    for part in plan.split.sets:
        rung = part.replace("_", "-")
        if run.has_predictions(part) and rung in errors:
            predicted = _predicted(run, part, plan)
            errors[rung] = measure_error(plan.data.task, plan.optimizing, predicted)
            save_predictions(run.folder, plan, part, predicted)
    return diagnose_again(run, plan, errors)


def _predicted(run: Run, part: str, plan: Plan) -> Predicted:
    """The predictions that there are, with the labels now in force."""
    answers = run.answers(part)
    predicted = predicted_rows(plan, answers.rows, answers.scores, answers.segments)
    return replace(predicted, answers=answers.labels) if plan.data.task.one_class else predicted


def _confirmed(data: Dataset, reviews: Corrections, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which labels people judged wrong, and the right ones, (m,) each."""
    right = reviews.apply(data.target, data.classes, row_contents(data) if reviews.changed else None)
    return (right != data.target)[rows], right[rows]


def _share(
    run: Run,
    rows: np.ndarray,
    sets: np.ndarray,
    audit: LabelAudit,
    wrong_label: np.ndarray,
    right: np.ndarray,
    reviewed: bool,
    groups: np.ndarray | None,
) -> tuple[LabelShare | None, bool]:
    """Of the dev mistakes of the run's own network: those whose label is wrong and whose prediction is not."""
    if not run.has_predictions():
        return None, False
    table = run.predictions()
    index = {name: k for k, name in enumerate(audit.classes)}
    predicted = dict(zip(table["row"].to_pylist(), table["prediction"].to_pylist(), strict=True))
    dev = np.flatnonzero((sets == "dev") & np.isin(rows, list(predicted)))
    prediction = np.array([index[predicted[row]] for row in rows[dev].tolist()])
    mistake, own = prediction != audit.given[dev], None if groups is None else groups[dev]
    if reviewed:
        return label_share(mistake, wrong_label[dev] & (right[dev] == prediction), groups=own), True
    return label_share(mistake, audit.is_suspect[dev] & (audit.suggested[dev] == prediction), groups=own), False


def _check_rows(run: Run, plan: Plan, corrections: Corrections) -> None:
    if not len(corrections):
        raise LeadlineError("The file has no reviewed line: fill the column 'verdict' with right, wrong or unclear.")
    code = label_text(plan.data.target, plan.data.classes)
    for review in corrections:
        for text in (review.old, review.new):
            code.value(text, review.row)
