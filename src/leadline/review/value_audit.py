"""The labels of a run with several per example, or with values: suspects, review queue, corrections."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from leadline.data import Dataset
from leadline.measure import Task
from leadline.review.out_of_fold import out_of_fold
from leadline.review.run_labels import AuditedLabels
from leadline.runs.criteria import judge_run, residual_kind
from leadline.runs.reviews import load_reviews, load_verdicts
from leadline.runs.run import Run
from leadline.session.corrected import row_contents
from leadline.session.plan import Plan, corrected_plan
from leadline.session.test_set import same_plan
from leadline.strategy import Corrections, LabelPattern, LabelShare, label_share, value_share
from leadline.strategy.value_labels import ValueAudit, find_multilabel_errors, find_value_errors


@dataclass(frozen=True, eq=False)
class RunValueLabels(AuditedLabels):
    """The labels of all rows that a run uses; attributes as in `leadline.review.label_audit.RunLabels`.

    ``share`` is the part of the dev examples with a wrong label that wrong labels explain, of values the part of the
    RMSE (or MAE); None without dev predictions.
    """

    rows: np.ndarray
    sets: np.ndarray
    contents: tuple[str, ...]
    audit: ValueAudit
    reviews: Corrections
    waiting: Corrections
    share: LabelShare | None
    task: Task

    @property
    def pattern(self) -> LabelPattern:
        """Whether the suspects are random or systematic."""
        return self.audit.pattern

    @property
    def confirmed(self) -> bool:
        """Whether ``share`` counts confirmed wrong labels."""
        return bool(len(self.reviews))

    def _parts(self) -> tuple[ValueAudit, LabelPattern, bool]:
        return self.audit, self.pattern, self.confirmed


def audit_values(run: Run, data: Dataset | None = None, k: int = 5, segments: Sequence[str] = ()) -> RunValueLabels:
    """Look for wrong labels among all rows of a multi-label run or a regression.

    Arguments and errors as `leadline.review.label_audit.audit_labels`.
    """
    plan = same_plan(run, data)
    rows = np.concatenate([indices for indices in plan.split.sets.values() if len(indices)])
    sets = np.concatenate([np.full(len(v), name, object) for name, v in plan.split.sets.items() if len(v)])
    columns = plan.data.segments(rows) | {name: plan.data.column(name, rows) for name in segments}
    given, predicted = plan.data.target[rows], out_of_fold(run, plan, rows, k)
    if plan.data.task.named_outputs:
        audit = find_multilabel_errors(given, predicted, plan.data.classes, columns)
    else:
        audit = find_value_errors(given, predicted, columns)
    contents = tuple(np.array(row_contents(plan.data))[rows].tolist())
    reviews, waiting = load_reviews(run.folder), load_verdicts(run.folder)
    share_of = _share if plan.data.task.named_outputs else _share_of_values
    share = share_of(run, plan, rows, audit, reviews)
    return RunValueLabels(rows, sets, contents, audit, reviews, waiting, share, plan.data.task)


def _share(run: Run, plan: Plan, rows: np.ndarray, audit: ValueAudit, reviews: Corrections) -> LabelShare | None:
    """Of the dev examples that are predicted wrongly: those whose labels are wrong and whose prediction is not."""
    if not run.has_predictions():
        return None
    judged = judge_run(run)
    said = dict(zip(rows.tolist(), audit.suggested, strict=True)) if not reviews else {}
    right = said | {review.row: review.new for review in reviews.changed}
    labels = dict(zip(rows.tolist(), audit.given, strict=True))
    explained = np.array(
        [right.get(row, labels[row]) == p for row, p in zip(judged.rows.tolist(), judged.predictions, strict=True)]
    )
    return label_share(judged.wrong, judged.wrong & explained, groups=judged.groups)


def _share_of_values(
    run: Run, plan: Plan, rows: np.ndarray, audit: ValueAudit, reviews: Corrections
) -> LabelShare | None:
    """Of the dev error: what suspects add to it; once people have spoken, what the values add that they corrected."""
    if not run.has_predictions():
        return None
    answers, kind = run.answers(), residual_kind(run.experiment.goal.optimizing)
    given = np.asarray(plan.data.target, float)[answers.rows]
    predicted = np.asarray(answers.labels, float).reshape(given.shape)
    if not reviews:
        suspect = np.isin(answers.rows, rows[audit.suspects])
        return None if suspect.all() else value_share(predicted - given, suspect, kind)
    right = np.asarray(corrected_plan(plan, reviews).data.target, float)[answers.rows]
    changed = (right != given).reshape(len(given), -1).any(1)
    return value_share(predicted - given, changed, kind, predicted - right)
