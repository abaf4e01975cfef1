"""The labels of a run with several per example, or with values: suspects, review queue, corrections."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from leadline.data import Dataset
from leadline.runs.predictions import read_answers
from leadline.runs.reviews import load_reviews, load_verdicts
from leadline.runs.run import Run
from leadline.session.corrected import row_contents
from leadline.session.features import frozen_features
from leadline.session.judging import judge
from leadline.session.label_audit import CACHE
from leadline.session.plan import Plan
from leadline.session.run_labels import AuditedLabels
from leadline.session.test_set import same_plan
from leadline.strategy import Corrections, LabelPattern, LabelShare, label_share
from leadline.strategy.folds import assign_folds, out_of_fold_outputs
from leadline.strategy.value_labels import ValueAudit, find_multilabel_errors, find_value_errors
from leadline.threads import limited_threads, threads_for
from leadline.training import Examples


@dataclass(frozen=True, eq=False)
class RunValueLabels(AuditedLabels):
    """The labels of all rows that a run uses; attributes as in `leadline.session.label_audit.RunLabels`.

    ``share`` is the part of the dev examples with a wrong label that wrong labels explain; None for values.
    """

    rows: np.ndarray
    sets: np.ndarray
    contents: tuple[str, ...]
    audit: ValueAudit
    reviews: Corrections
    waiting: Corrections
    share: LabelShare | None
    task: str

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

    Arguments and errors as `leadline.session.label_audit.audit_labels`.
    """
    plan = same_plan(run, data)
    rows = np.concatenate([indices for indices in plan.split.sets.values() if len(indices)])
    sets = np.concatenate([np.full(len(v), name, object) for name, v in plan.split.sets.items() if len(v)])
    columns = plan.data.segments(rows) | {name: plan.data.column(name, rows) for name in segments}
    given, found = plan.data.target[rows], _out_of_fold(run, plan, rows, k)
    if plan.data.task == "multilabel":
        audit = find_multilabel_errors(given, found, plan.data.classes, columns)
    else:
        audit = find_value_errors(given, found, columns)
    contents = tuple(np.array(row_contents(plan.data))[rows].tolist())
    reviews, waiting = load_reviews(run.folder), load_verdicts(run.folder)
    share = _share(run, plan, rows, audit, reviews) if plan.data.task == "multilabel" else None
    return RunValueLabels(rows, sets, contents, audit, reviews, waiting, share, plan.data.task)


def _out_of_fold(run: Run, plan: Plan, rows: np.ndarray, k: int) -> np.ndarray:
    """Probabilities of the labels, or values in the target's units, (m, k); kept in the run's folder."""
    path = run.folder / CACHE
    if path.exists():
        try:
            with np.load(path) as kept:
                if int(kept["k"]) == k and np.array_equal(kept["rows"], rows):
                    return kept["probabilities"]
        except (OSError, ValueError, KeyError):
            pass  # a damaged cache is made anew
    precision = plan.training.precision
    inputs = plan.preparation.inputs(plan.data, rows, dtype=precision)
    target = plan.preparation.targets(plan.data, rows, dtype=precision)
    epochs = run.summary["best_epoch"] or run.summary["epochs"] or plan.training.epochs
    settings = replace(plan.training, epochs=epochs)
    folds = assign_folds(np.zeros(len(rows)), k, settings.seed)
    with limited_threads(threads_for(plan.network, plan.input_shape, plan.batch_size)):
        rest, inputs = frozen_features(run, inputs)
        augment = plan.augmenter if rest is None else None  # what is computed once cannot vary
        examples = Examples.of(inputs, target, settings)
        found = out_of_fold_outputs(rest or plan.network, plan.loss, examples, settings, folds, augment)
    if plan.data.task == "regression":
        found = found * plan.preparation.target_scale + plan.preparation.target_mean
    np.savez(path, rows=rows, k=k, probabilities=found)
    return found


def _share(run: Run, plan: Plan, rows: np.ndarray, audit: ValueAudit, reviews: Corrections) -> LabelShare | None:
    """Of the dev examples that are predicted wrongly: those whose labels are wrong and whose prediction is not."""
    path = run.folder / "predictions" / "dev.parquet"
    if not path.exists():
        return None
    names = plan.data.classes
    judged = judge("multilabel", read_answers(path, "multilabel", names), names)
    said = dict(zip(rows.tolist(), audit.suggested, strict=True)) if not reviews else {}
    right = said | {review.row: review.new for review in reviews.changed}
    labels = dict(zip(rows.tolist(), audit.given, strict=True))
    explained = np.array(
        [right.get(row, labels[row]) == p for row, p in zip(judged.rows.tolist(), judged.predictions, strict=True)]
    )
    return label_share(judged.wrong, judged.wrong & explained)
