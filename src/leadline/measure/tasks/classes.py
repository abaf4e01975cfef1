"""Tasks with one class for each example: binary and multiclass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from typing_extensions import override

from leadline.measure import classification as c
from leadline.measure.intervals import Estimate
from leadline.measure.tasks.base import Array, ReadColumn, Task, column_numbers


def task_of_classes(n_classes: int) -> ClassTask:
    """The task of telling so many classes apart, where nobody asks for another."""
    return MULTICLASS if n_classes > 2 else BINARY


class ClassTask(Task, abstract=True):
    """Each example has exactly one class: labels are its index (m,), outputs probabilities of the classes (m, K)."""

    one_class = True

    def answers(self, outputs: Array) -> Array:
        """The most probable class of each example, (m,)."""
        return outputs.argmax(1)

    def shown_answers(self, outputs: Array, classes: Sequence[str]) -> Array:
        """Names of the most probable classes, (m,)."""
        return np.asarray(classes, dtype=object)[self.answers(outputs)]

    def columns(self, outputs: Array, labels: Array | None, classes: Sequence[str]) -> dict[str, Array]:
        """``label`` and ``prediction`` by name, and one ``probability_CLASS`` for each class."""
        names, columns = np.asarray(classes, dtype=object), dict[str, Array]()
        if labels is not None:
            columns["label"] = names[labels.astype(int)]
        columns["prediction"] = self.shown_answers(outputs, classes)
        return columns | {f"probability_{name}": outputs[:, k] for k, name in enumerate(classes)}

    def read_columns(self, names: Sequence[str], column: ReadColumn, classes: Sequence[str]) -> tuple[Array, ...]:
        """Class indices (m,) of labels and predictions, and probabilities (m, K)."""
        index = {name: k for k, name in enumerate(classes)}
        labels, answers = (np.array([index[n] for n in column(kind).tolist()]) for kind in ("label", "prediction"))
        return labels, answers, np.stack([column(f"probability_{name}") for name in classes], axis=1)

    def by_class(
        self, labels: Array, answers: Array, names: Sequence[str], groups: Array | None = None
    ) -> dict[str, Mapping[str, Estimate]]:
        """Precision, recall and F1 of each class."""
        k = len(names) or int(max(labels.max(), answers.max())) + 1
        if groups is None:
            rows = c.class_metrics(c.confusion_matrix(labels, answers, k))
        else:
            rows = c.grouped_class_metrics(labels, answers, range(k), groups)
        return dict(zip(list(names) or column_numbers(k), rows, strict=True))


class Binary(ClassTask):
    """One of two classes, which one output tells apart: the logit of the second."""

    name = "binary"
    loss = "binary_cross_entropy"
    headline_metrics = ("error", "precision", "recall", "f1", "roc_auc", "pr_auc", "log_loss", "ece")
    segment_metrics = ("error", "precision", "recall", "f1")

    def n_outputs(self, n_classes: int, n_targets: int) -> int:
        """One logit."""
        return 1

    @override
    def output_reason(self, n_outputs: int) -> str:
        return "a binary target takes 1 (a logit)"

    def loss_for(self, output_shape: tuple[int, ...], n_outputs: int) -> str | None:
        """Of two outputs, softmax's."""
        return MULTICLASS.loss if output_shape == (2,) else super().loss_for(output_shape, n_outputs)

    def encode_labels(self, labels: Array, dtype: Any) -> Array:
        """0 or 1, (m, 1)."""
        return labels.astype(dtype)[:, None]

    def decode_labels(self, targets: Array) -> Array:
        """Class indices (m,)."""
        return targets.reshape(-1).astype(np.int64)

    def outputs(self, predictions: Array) -> Array:
        """The probabilities of both classes (m, 2), where the network gives that of the second (m, 1)."""
        return np.hstack([1 - predictions, predictions]) if predictions.shape[1] == 1 else predictions

    def scores(self, outputs: Array, metric: str) -> Array:
        """Areas under curves want the second class's probabilities alone, (m,)."""
        chosen = metric in ("roc_auc", "pr_auc") and outputs.ndim == 2 and outputs.shape[1] == 2
        return outputs[:, 1] if chosen else outputs


class Multiclass(ClassTask):
    """One of three classes or more, one output for each."""

    name = "multiclass"
    loss = "softmax_cross_entropy"
    headline_metrics = ("error", "macro_f1", "balanced_accuracy", "roc_auc", "log_loss", "ece")
    segment_metrics = ("error",)

    def n_outputs(self, n_classes: int, n_targets: int) -> int:
        """One for each class."""
        return n_classes

    @override
    def output_reason(self, n_outputs: int) -> str:
        return f"a target of {n_outputs} classes takes one for each"

    def encode_labels(self, labels: Array, dtype: Any) -> Array:
        """Class indices (m,), as they are."""
        return labels

    def decode_labels(self, targets: Array) -> Array:
        """Class indices (m,)."""
        return targets.reshape(-1).astype(np.int64)


BINARY, MULTICLASS = Binary(), Multiclass()
