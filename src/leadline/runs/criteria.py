"""What counts as a mistake in each task, how it reads, and what causes come to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from leadline.measure import Measured, multilabel_error, proportion, root_mean_square
from leadline.measure.classification import clustered_rate
from leadline.measure.multilabel import wrong_labels
from leadline.runs.predictions import Answers
from leadline.strategy import ErrorAnalysis, MistakeTable, Slice, analyse, find_slices
from leadline.strategy.label_text import CarriedLabels, Values
from leadline.strategy.residual_analysis import (
    Kind,
    analyse_residuals,
    contributions,
    error_of,
    largest_half,
)


@dataclass(frozen=True, eq=False)
class Judged:
    """A set's answers, judged.

    Attributes:
        rows: numbers of the examples in the data, (m,).
        wrong: which are mistakes, boolean (m,).
        labels: what each should be, as text (m,).
        predictions: what was predicted.
        error: of the set.
        weights: what each adds to the error: 1, its number of wrong labels, its squared or absolute residual.
        residuals: of a regression (m, k), else None.
        known: known labels of each example of a multi-label task, else None.
        kind: of a regression's error.

    """

    rows: np.ndarray
    wrong: np.ndarray
    labels: tuple[str, ...]
    predictions: tuple[str, ...]
    error: Measured
    weights: np.ndarray
    residuals: np.ndarray | None = None
    known: np.ndarray | None = None
    kind: Kind = "rmse"

    def analyse(self, table: MistakeTable) -> ErrorAnalysis:
        """What the causes come to."""
        place = {int(row): k for k, row in enumerate(self.rows)}
        positions = [place[row] for row in table.rows if row in place]
        kept = np.array([row in place for row in table.rows], bool)
        causes = {name: np.asarray(ticks)[kept] for name, ticks in table.causes.items()}
        if self.residuals is not None:
            return analyse_residuals(causes, positions, self.residuals, self.kind)
        if self.known is not None:
            return analyse(causes, self.error, self.weights[positions], "wrong labels")
        return analyse(causes, self.error)

    def find_slices(self, columns: Mapping[str, np.ndarray]) -> tuple[Slice, ...]:
        """Where in these columns the error is high."""
        if self.residuals is not None:
            size = np.sqrt(contributions(self.residuals))
            return find_slices(columns, size, measure=root_mean_square, metric="RMSE")
        if self.known is not None:
            share = self.weights / np.maximum(self.known, 1)
            return find_slices(columns, share, measure=lambda part: clustered_rate(part, np.ones(len(part))))
        return find_slices(columns, self.wrong)


def judge(task: str, answers: Answers, classes: Sequence[str], optimizing: str | None = None) -> Judged:
    """Judge one set's answers."""
    a = answers
    if task in ("binary", "multiclass"):
        wrong, names = a.truth != a.labels, np.asarray(classes, object)
        error = proportion(int(wrong.sum()), len(wrong))
        return Judged(a.rows, wrong, tuple(names[a.truth]), tuple(names[a.labels]), error, wrong.astype(float))
    if task == "multilabel":
        names = CarriedLabels(tuple(classes))
        count = wrong_labels(a.truth, a.labels).sum(1)
        known = (~np.isnan(np.asarray(a.truth, float))).sum(1)
        labels, predictions = (tuple(names.text(row) for row in np.asarray(v, float)) for v in (a.truth, a.labels))
        error = multilabel_error(a.truth, a.labels)
        return Judged(a.rows, count > 0, labels, predictions, error, count.astype(float), known=known)
    residuals, kind = a.labels - a.truth, "mae" if optimizing == "mae" else "rmse"
    labels, predictions = (tuple(Values().text(row) for row in values) for values in (a.truth, a.labels))
    error, parts = error_of(residuals, kind), contributions(residuals, kind)
    largest = largest_half(residuals, kind)
    return Judged(a.rows, largest, labels, predictions, error, parts, residuals, kind=kind)
