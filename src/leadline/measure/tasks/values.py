"""The task of predicting numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from typing_extensions import override

from leadline.measure import regression as r
from leadline.measure.intervals import Estimate
from leadline.measure.tasks.base import Array, ReadColumn, Task, column_numbers, finite_row


class RegressionTask(Task):
    """Labels and outputs are values in the target's units, (m, k)."""

    name = "regression"
    loss = "squared_error"
    usual_metric = error_metric = "rmse"
    headline_metrics = ("rmse", "mae", "r2")
    segment_metrics = ("rmse", "mae")
    subject = "target"
    cost_unit = "standardized"  # the squared error of a standardized target has no unit
    named_outputs = False
    graded = True
    standardized = True

    def n_outputs(self, n_classes: int, n_targets: int) -> int:
        """One for each number."""
        return n_targets

    @override
    def output_reason(self, n_outputs: int) -> str:
        return f"the target has {n_outputs}"

    def encode_labels(self, labels: Array, dtype: Any) -> Array:
        """Values (m, k)."""
        return labels.astype(dtype)

    def decode_labels(self, targets: Array) -> Array:
        """As they are."""
        return targets

    def answers(self, outputs: Array) -> Array:
        """The values themselves."""
        return outputs

    def shown_answers(self, outputs: Array, classes: Sequence[str]) -> Array:
        """Values (m,), or (m, k) of several."""
        return self.as_measured(outputs)

    def columns(self, outputs: Array, labels: Array | None, classes: Sequence[str]) -> dict[str, Array]:
        """``label`` and ``prediction``; of several values ``label_0``, ``prediction_0``, …"""
        several, columns = outputs.shape[1] > 1, dict[str, Array]()
        for k, name in enumerate(column_numbers(outputs.shape[1])):
            suffix = f"_{name}" if several else ""
            if labels is not None:
                columns[f"label{suffix}"] = labels[:, k]
            columns[f"prediction{suffix}"] = outputs[:, k]
        return columns

    def read_columns(self, names: Sequence[str], column: ReadColumn, classes: Sequence[str]) -> tuple[Array, ...]:
        """Values, and twice the predicted ones, (m, k) each."""
        labels, answers = (
            np.stack([column(name) for name in _value_columns(names, kind)], axis=1) for kind in ("label", "prediction")
        )
        return labels, answers, answers

    def subtasks(self, classes: Sequence[str], targets: Sequence[str]) -> tuple[str, ...]:
        """The numbers to predict."""
        return tuple(targets)

    def as_measured(self, labels: Array) -> Array:
        """(m,) where there is one value an example, else (m, k)."""
        return labels[:, 0] if labels.ndim == 2 and labels.shape[1] == 1 else labels

    def by_class(
        self, labels: Array, answers: Array, names: Sequence[str], groups: Array | None = None
    ) -> dict[str, Mapping[str, Estimate]]:
        """RMSE, MAE and R² of each of several values."""
        if labels.ndim == 1:
            return {}
        named = list(names) or column_numbers(labels.shape[1])
        return {name: _value_row(labels[:, k], answers[:, k], groups) for k, name in enumerate(named)}


def _value_columns(names: Sequence[str], kind: str) -> list[str]:
    if kind in names:
        return [kind]
    beginning = f"{kind}_"
    count = sum(name.removeprefix(beginning).isdigit() for name in names if name.startswith(beginning))
    return [f"{beginning}{number}" for number in range(count)]


def _value_row(labels: Array, answers: Array, groups: Array | None) -> dict[str, Estimate]:
    residuals = r.residuals(labels, answers)
    rmse, mae = r.root_mean_square(residuals, groups=groups), r.mean_absolute(residuals, groups=groups)
    return finite_row({"rmse": rmse, "mae": mae, "r2": r.r2_interval(labels, answers, groups=groups)})


REGRESSION = RegressionTask()
