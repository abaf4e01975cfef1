"""Predictions of any framework in a table, diagnosed without anything trained here.

The table has the columns ``set`` (train, train-dev, dev, test), ``label`` and ``prediction``, and ``probability_CLASS``
for metrics made of probabilities. Labels and predictions that are numbers with fractions are values of a regression;
texts and whole numbers are classes. Several labels per example, or several values, have ``label_NAME`` and
``prediction_NAME`` for each; a label that is not known is left empty. Columns ``annotator_NAME`` hold what people
answered, empty where they were not asked: the human level is estimated from them. A column ``group`` says which
examples go together, such as images of one patient: they are measured as groups. Any other column can be a segment.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv, parquet

from leadline.errors import LeadlineError, UsageError, nearest
from leadline.measure.breakdown import Breakdown, break_down, scores_for
from leadline.measure.costs import ErrorCost, chosen_metric, configured_metrics
from leadline.measure.intervals import Estimate, wilson
from leadline.measure.metrics import CONFIGURED, Metric, metric, metric_names
from leadline.measure.tasks import MULTILABEL, REGRESSION, Task, task_of_classes
from leadline.strategy.diagnosis import Diagnosis, diagnose_predictions, diagnose_regression
from leadline.strategy.human_level import HumanLevel, human_level
from leadline.strategy.ladder import RUNGS

Array = NDArray[Any]
SETS = tuple(name for name in RUNGS if name != "human")
ENDINGS = (".csv", ".tsv", ".parquet")
NEEDED = ("set", "label", "prediction")
ANNOTATOR, GROUP = "annotator_", "group"


def diagnose_table(
    path: str | os.PathLike[str],
    human: float | None = None,
    n_human: int | None = None,
    metric_name: str | None = None,
) -> Diagnosis:
    """Diagnose the predictions in a table.

    Args:
        path: .csv, .tsv or .parquet.
        human: error of the human level in percent, or in the metric's unit where that is none; it overrules annotators.
        n_human: examples it was measured on, for its interval.
        metric_name: one of `leadline.measure.METRICS`; by default the error rate, or RMSE for a regression.

    Raises:
        LeadlineError: the file cannot be read, or a column is missing or damaged.
        UsageError: for a metric that does not apply.

    """
    return read_predictions(path, metric_name).diagnose(human, n_human)


def read_predictions(
    path: str | os.PathLike[str],
    metric_name: str | None = None,
    costs: Sequence[ErrorCost] = (),
    seconds_per_example: float | None = None,
) -> PredictionsTable:
    """Read a table of predictions; arguments and errors as `diagnose_table` and `configured_metrics`."""
    found = _read_predictions(path, metric_name)
    own = configured_metrics(found.task, found.classes, costs, seconds_per_example)
    metric(chosen_metric(found.metric_name, own), found.task)
    return replace(found, configured=own)


def _read_predictions(path: str | os.PathLike[str], metric_name: str | None) -> PredictionsTable:
    return predictions_in(read_any_table(path), path, metric_name)


def predictions_in(table: pa.Table, path: str | os.PathLike[str], metric_name: str | None = None) -> PredictionsTable:
    """The predictions in a table that was read already; `path` says in errors where it is from."""
    names = _label_names(table)
    needed = NEEDED if not names else ("set", *(f"{kind}_{name}" for name in names for kind in NEEDED[1:]))
    missing = [name for name in needed if name not in table.column_names]
    if missing:
        hint = nearest(missing[0], table.column_names) if len(missing) == 1 else ""
        raise LeadlineError(
            f"{path} has no column '{missing[0]}'; a table of predictions has {', '.join(needed)}."
            f"{hint if 'Did you mean' in hint else ''}"
        )
    if not table.num_rows:
        raise LeadlineError(f"{path} has no rows.")
    for name in needed:
        if table[name].null_count and not name.startswith("label_"):
            raise LeadlineError(f"{path}: {table[name].null_count} rows have no {name}; leave them out or fill them.")
    parts = _parts(table, path)
    if names:
        return _several(path, table, parts, names, metric_name)
    labels, predictions = (_values(table, name) for name in ("label", "prediction"))
    if _is_regression(labels, predictions, metric_name):
        if labels.dtype.kind == "U" or predictions.dtype.kind == "U":
            raise LeadlineError(f"{path}: '{metric_name}' needs numbers, but label or prediction holds texts.")
        return PredictionsTable(str(path), table, REGRESSION, parts, labels, predictions, (), metric_name or "rmse")
    texts = [column.astype(str) for column in (labels, predictions)]
    classes = np.unique(np.concatenate(texts))
    labels, predictions = (np.searchsorted(classes, column) for column in texts)
    task = task_of_classes(len(classes))
    found = PredictionsTable(str(path), table, task, parts, labels, predictions, tuple(classes.tolist()))
    return replace(found, metric_name=metric_name or "error")


@dataclass(frozen=True, eq=False)
class PredictionsTable:
    """Predictions of one or more sets.

    Attributes:
        path: where they were read.
        table: all columns.
        task: what kind of answers these are.
        sets: by name in the order of the ladder, the positions of its rows.
        labels: class indices (m,), labels (m, k) with NaN where missing, or values (m,) or (m, k).
        predictions: of the same kind.
        classes: names of classes, labels or targets.
        metric_name: what the ladder is measured by.
        configured: metrics of the user's own numbers, by name.

    """

    path: str
    table: pa.Table
    task: Task
    sets: Mapping[str, Array]
    labels: Array
    predictions: Array
    classes: tuple[str, ...]
    metric_name: str = "error"
    configured: Mapping[str, Metric] = field(default_factory=dict)

    @property
    def metric(self) -> Metric:
        """What the ladder is measured by."""
        return metric(chosen_metric(self.metric_name, self.configured), self.task)

    @cached_property
    def groups(self) -> dict[str, Array]:
        """By set, the group of each example, (m,); empty where the table has no column ``group``."""
        if GROUP not in self.table.column_names:
            return {}
        names = [f"\0{row}" if name is None else str(name) for row, name in enumerate(self.table[GROUP].to_pylist())]
        codes = np.unique(np.array(names, object), return_inverse=True)[1].reshape(-1)
        return {name: codes[rows] for name, rows in self.sets.items()}

    @cached_property
    def scores(self) -> Array | None:
        """Probabilities of the classes (m, K); None where a class has no column of them."""
        names = [f"probability_{name}" for name in self.classes]
        if not self.task.one_class or not set(names) <= set(self.table.column_names):
            return None
        return np.stack([np.asarray(self.table[name].to_numpy(), float) for name in names], axis=1)

    @property
    def reference(self) -> str:
        """The set that stands for the task: dev, or the one nearest to it."""
        below_test = [name for name in self.sets if name != "test"]
        return below_test[-1] if below_test else "test"

    def diagnose(self, human: float | None = None, n_human: int | None = None) -> Diagnosis:
        """The ladder of the sets; the human level in percent, or in the metric's unit where that is none."""
        if self.task.graded:
            return self._regression(human)
        people = _annotators(self.table) if human is None and self._counts_errors else None
        rate = self.metric.unit == "%" or self.metric.direction == "maximize"
        given = _human(human, n_human) if rate else human
        found = diagnose_predictions(
            self._answers(), given if people is None else people.level, self.metric, self.groups
        )
        if people is None:
            return found
        return replace(found, notes=(*found.notes, f"Human level: {people.source}.", *people.notes))

    def breakdowns(self, segments: Sequence[str] = (), sets: Sequence[str] | None = None) -> dict[str, Breakdown]:
        """Metrics of each set over all examples, by class, and by the values of the segment columns.

        Raises:
            UsageError: for a segment that is no column.

        """
        for name in segments:
            if name not in self.table.column_names:
                raise UsageError(f"{self.path} has no column '{name}'.{nearest(name, self.table.column_names)}")
        columns = {name: np.array(self.table[name].to_pylist(), object) for name in segments}
        found = {}
        for name, rows in self.sets.items():
            if sets is None or name in sets:
                found[name] = break_down(
                    self.task,
                    self.labels[rows],
                    self.predictions[rows],
                    None if self.scores is None else self.scores[rows],
                    self.classes,
                    {column: values[rows] for column, values in columns.items()},
                    self.metric_name,
                    configured=self.configured,
                    groups=self.groups.get(name),
                )
        return found

    @property
    def _counts_errors(self) -> bool:
        return self.metric_name in ("error", "accuracy") and not self.task.partial_labels

    def _answers(self) -> dict[str, tuple[Array, Array]]:
        """Truth and what the metric needs, by set."""
        answers = self.predictions
        if self.metric.needs == "scores":
            if self.scores is None:
                missing = next(c for c in self.classes if f"probability_{c}" not in self.table.column_names)
                without = [name for name in metric_names(self.task) if metric(name).needs == "labels"]
                raise UsageError(
                    f"{self.path}: this metric is made of probabilities; there is no column "
                    f"'probability_{missing}'. Without them: {', '.join(without)}."
                )
            answers = scores_for(self.task, self.metric_name, self.scores)
        return {name: (self.labels[rows], answers[rows]) for name, rows in self.sets.items()}

    def _regression(self, human: float | None) -> Diagnosis:
        base = self.sets.get("train", next(iter(self.sets.values())))
        spread = float(self.labels[base].std()) if self.labels.ndim == 1 else None
        if self.metric_name == "rmse":
            residuals = {name: self.predictions[rows] - self.labels[rows] for name, rows in self.sets.items()}
            return diagnose_regression(residuals, human, spread=spread, groups=self.groups)
        return diagnose_predictions(self._answers(), human, self.metric_name, self.groups)


def _label_names(table: pa.Table) -> tuple[str, ...]:
    """Names of several labels or values per example; none where a column ``label`` holds the only one."""
    if "label" in table.column_names:
        return ()
    return tuple(name.removeprefix("label_") for name in table.column_names if name.startswith("label_"))


def _several(
    path: str | os.PathLike[str],
    table: pa.Table,
    parts: Mapping[str, Array],
    names: tuple[str, ...],
    metric_name: str | None,
) -> PredictionsTable:
    labels, predictions = (
        np.stack([_numeric(table, f"{kind}_{name}", path) for name in names], axis=1) for kind in NEEDED[1:]
    )
    if metric_name in CONFIGURED:
        raise UsageError(f"{path}: '{metric_name}' is about one class per example, not about several labels.")
    yes_or_no = all(np.isin(v[~np.isnan(v)], (0, 1)).all() for v in (labels, predictions))
    task = MULTILABEL if yes_or_no and (metric_name is None or metric(metric_name).applies(MULTILABEL)) else None
    if task is None and np.isnan(labels).any():
        raise LeadlineError(f"{path}: a label of several is 0 or 1, and values of a regression cannot be missing.")
    if task is not None:
        return PredictionsTable(str(path), table, task, parts, labels, predictions, names, metric_name or "error")
    name = metric_name or "rmse"
    metric(name, REGRESSION)
    return PredictionsTable(str(path), table, REGRESSION, parts, labels, predictions, names, name)


def _numeric(table: pa.Table, name: str, path: str | os.PathLike[str]) -> Array:
    """A column of numbers or booleans as floats, NaN where it is empty."""
    values = table[name].to_pylist()
    try:
        return np.array([np.nan if v is None else float(v) for v in values])
    except (TypeError, ValueError):
        raise LeadlineError(f"{path}: column '{name}' must hold 0 and 1, or numbers.") from None


def _is_regression(labels: Array, predictions: Array, metric_name: str | None) -> bool:
    if metric_name in CONFIGURED:
        return False
    if metric_name is not None:
        return metric(metric_name).tasks == (REGRESSION,)
    return "f" in (labels.dtype.kind, predictions.dtype.kind) and "U" not in (labels.dtype.kind, predictions.dtype.kind)


def _annotators(table: pa.Table) -> HumanLevel | None:
    """The human level by the annotators' columns, against the labels; None without such columns."""
    names = [name for name in table.column_names if name.startswith(ANNOTATOR)]
    if not names:
        return None
    answers = {name.removeprefix(ANNOTATOR): np.array(table[name].to_pylist(), object) for name in names}
    return human_level(answers, np.array(table["label"].to_pylist(), object))


def _human(percent: float | None, n: int | None) -> Estimate | None:
    if percent is None:
        return None
    if not 0 <= percent <= 100:
        raise UsageError(f"The human error must lie between 0 and 100 percent, got {percent:g}.")
    rate = percent / 100
    if n is None:
        return Estimate(rate)
    low, high = wilson(rate * n, n)
    return Estimate(rate, float(low), float(high), n)


def _parts(table: pa.Table, path: str | os.PathLike[str]) -> dict[str, Array]:
    """The rows of each set, in the order of the ladder."""
    names = np.array([str(name).strip().lower().replace("_", "-") for name in table["set"].to_pylist()])
    for name in np.unique(names):
        if name not in SETS:
            raise LeadlineError(f"{path}: unknown set '{name}'.{nearest(str(name), SETS)}")
    return {name: np.flatnonzero(names == name) for name in SETS if (names == name).any()}


def _values(table: pa.Table, name: str) -> Array:
    """A column as texts, whole numbers or floats; floats that are all whole are whole numbers."""
    values = np.array(table[name].to_pylist())
    if values.dtype.kind == "f":
        if not np.isfinite(values).all():
            raise LeadlineError(f"Column '{name}' holds values that are not finite.")
        return values.astype(np.int64) if (values % 1 == 0).all() else values
    return values if values.dtype.kind in "iu" else values.astype(str)


def read_any_table(path: str | os.PathLike[str]) -> pa.Table:
    """A table with all its columns, from .csv, .tsv or .parquet; empty cells are missing values.

    Raises:
        UsageError: for another ending.
        LeadlineError: the file cannot be read.

    """
    path = Path(path)
    if path.suffix.lower() not in ENDINGS:
        raise UsageError(f"{path}: tables are read from {', '.join(ENDINGS)}, by the file's ending.")
    try:
        if path.suffix.lower() == ".parquet":
            return parquet.read_table(path)
        delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
        # Read as texts and numbers; an empty prediction is a gap, not a class of its own.
        options = csv.ConvertOptions(strings_can_be_null=True, null_values=["", "NA", "NaN", "nan", "null"])
        table = csv.read_csv(path, parse_options=csv.ParseOptions(delimiter=delimiter), convert_options=options)
        binary = next((field.name for field in table.schema if pa.types.is_binary(field.type)), None)
        if binary is not None:
            raise ValueError(f"'{binary}' is no text in UTF-8")
        return table.rename_columns(table.column_names)  # decodes the names while errors are looked for
    except FileNotFoundError:
        raise LeadlineError(f"{path}: no such file.") from None
    except (OSError, ValueError) as error:
        raise LeadlineError(f"{path} cannot be read: {str(error).splitlines()[0][:120]}") from None
