"""The task with several labels for each example, any number of which may hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from typing_extensions import override

from leadline.measure import classification as c
from leadline.measure.groups import rate
from leadline.measure.intervals import Estimate
from leadline.measure.tasks.base import Array, ReadColumn, Task, column_numbers


class MultilabelTask(Task):
    """Labels are 0 or 1, (m, k) with NaN where one is missing; outputs are the probability of each (m, k)."""

    name = "multilabel"
    loss = "multi_label_cross_entropy"
    headline_metrics = ("error", "exact_match", "macro_f1", "micro_f1")
    segment_metrics = ("error", "macro_f1")
    subject = "label"
    partial_labels = True

    def n_outputs(self, n_classes: int, n_targets: int) -> int:
        """One for each label."""
        return n_classes

    @override
    def output_reason(self, n_outputs: int) -> str:
        return f"a target of {n_outputs} labels takes one for each"

    def encode_labels(self, labels: Array, dtype: Any) -> Array:
        """0, 1 or NaN, (m, k)."""
        return labels.astype(dtype)

    def decode_labels(self, targets: Array) -> Array:
        """As they are."""
        return targets

    def answers(self, outputs: Array) -> Array:
        """1 where a label is more probable than not, (m, k)."""
        return (outputs > 0.5).astype(int)

    def shown_answers(self, outputs: Array, classes: Sequence[str]) -> Array:
        """0 or 1, int8 (m, k)."""
        return (outputs > 0.5).astype(np.int8)

    def columns(self, outputs: Array, labels: Array | None, classes: Sequence[str]) -> dict[str, Array]:
        """``label_NAME``, ``prediction_NAME`` and ``probability_NAME`` for each label."""
        columns, answers = dict[str, Array](), self.shown_answers(outputs, classes)
        for k, name in enumerate(classes):
            if labels is not None:
                columns[f"label_{name}"] = labels[:, k]
            columns |= {f"prediction_{name}": answers[:, k], f"probability_{name}": outputs[:, k]}
        return columns

    def read_columns(self, names: Sequence[str], column: ReadColumn, classes: Sequence[str]) -> tuple[Array, ...]:
        """Labels, predicted labels and probabilities, (m, k) each."""
        kinds = ("label", "prediction", "probability")
        return tuple(np.stack([column(f"{kind}_{name}") for name in classes], axis=1) for kind in kinds)

    def subtasks(self, classes: Sequence[str], targets: Sequence[str]) -> tuple[str, ...]:
        """The labels."""
        return tuple(classes)

    def by_class(
        self, labels: Array, answers: Array, names: Sequence[str], groups: Array | None = None
    ) -> dict[str, Mapping[str, Estimate]]:
        """Error, precision, recall and F1 of each label, on the examples where it is known."""
        if labels.ndim == 1:
            return {}
        rows = ((name, _label_row(labels[:, k], answers[:, k], groups)) for k, name in enumerate(_names(names, labels)))
        return {name: row for name, row in rows if row}


def _names(names: Sequence[str], labels: Array) -> Sequence[str]:
    return list(names) or column_numbers(labels.shape[1])


def _label_row(labels: Array, answers: Array, groups: Array | None) -> dict[str, Estimate]:
    known = ~np.isnan(np.asarray(labels, float))
    if not known.any():
        return {}
    truth, given, own = labels[known], answers[known], None if groups is None else groups[known]
    error = {"error": rate(truth != given, groups=own)}
    if own is None:
        return error | c.class_metrics(c.confusion_matrix(truth, given, 2))[1]
    return error | c.grouped_class_metrics(truth, given, [1], own)[0]


MULTILABEL = MultilabelTask()
