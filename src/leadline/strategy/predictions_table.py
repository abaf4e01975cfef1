"""Predictions of any framework in a table, diagnosed without anything trained here.

The table has the columns ``set`` (train, train-dev, dev, test), ``label`` and ``prediction``, and ``probability_CLASS``
for metrics made of probabilities. Labels and predictions that are numbers with fractions are values of a regression;
texts and whole numbers are classes. Columns ``annotator_NAME`` hold what people answered, empty where they were not
asked: the human level is estimated from them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from leadline.errors import LeadlineError, UsageError, nearest
from leadline.measure.intervals import Measured, wilson
from leadline.measure.metrics import metric, metric_names
from leadline.strategy.diagnosis import Diagnosis, diagnose_predictions, diagnose_regression
from leadline.strategy.human_level import HumanLevel, human_level
from leadline.strategy.ladder import RUNGS

if TYPE_CHECKING:
    import pyarrow as pa

Array = NDArray[Any]
SETS = tuple(name for name in RUNGS if name != "human")
ENDINGS = (".csv", ".tsv", ".parquet")
NEEDED = ("set", "label", "prediction")
ANNOTATOR = "annotator_"


def diagnose_table(
    path: str | os.PathLike[str],
    human: float | None = None,
    n_human: int | None = None,
    metric_name: str | None = None,
) -> Diagnosis:
    """Diagnose the predictions in a table.

    Args:
        path: .csv, .tsv or .parquet.
        human: error of the human level in percent, or for a regression in the target's unit; it overrules annotators.
        n_human: examples it was measured on, for its interval.
        metric_name: one of `leadline.measure.METRICS`; by default the error rate, or RMSE for a regression.

    Raises:
        LeadlineError: the file cannot be read, or a column is missing or damaged.
        UsageError: for a metric that does not apply.

    """
    table = _read(Path(path))
    for name in NEEDED:
        if name not in table.column_names:
            raise LeadlineError(f"{path} has no column '{name}'.{nearest(name, table.column_names)}")
    if not table.num_rows:
        raise LeadlineError(f"{path} has no rows.")
    for name in NEEDED:
        if table[name].null_count:
            raise LeadlineError(f"{path}: {table[name].null_count} rows have no {name}; leave them out or fill them.")
    parts = _parts(table, path)
    labels, predictions = (_values(table, name) for name in ("label", "prediction"))
    regression = _is_regression(labels, predictions, metric_name)
    if regression:
        if labels.dtype.kind == "U" or predictions.dtype.kind == "U":
            raise LeadlineError(f"{path}: '{metric_name}' needs numbers, but label or prediction holds texts.")
        return _regression(parts, labels, predictions, human, metric_name)
    metric_name = metric_name or "error"
    people = _annotators(table) if human is None and metric_name in ("error", "accuracy") else None
    level = _human(human, n_human) if people is None else people.level
    found = _classification(table, parts, (labels, predictions), level, metric_name, path)
    if people is None:
        return found
    return replace(found, notes=(*found.notes, f"Human level: {people.source}.", *people.notes))


def _is_regression(labels: Array, predictions: Array, metric_name: str | None) -> bool:
    if metric_name is not None:
        return metric(metric_name).tasks == ("regression",)
    return "f" in (labels.dtype.kind, predictions.dtype.kind) and "U" not in (labels.dtype.kind, predictions.dtype.kind)


def _regression(
    parts: Mapping[str, Array], labels: Array, predictions: Array, human: float | None, metric_name: str | None
) -> Diagnosis:
    base = parts.get("train", next(iter(parts.values())))
    spread = float(labels[base].std())
    if metric_name in (None, "rmse"):
        residuals = {name: predictions[rows] - labels[rows] for name, rows in parts.items()}
        return diagnose_regression(residuals, human, spread=spread)
    sets = {name: (labels[rows], predictions[rows]) for name, rows in parts.items()}
    return diagnose_predictions(sets, human, metric_name or "rmse")


def _classification(
    table: pa.Table,
    parts: Mapping[str, Array],
    columns: tuple[Array, Array],
    human: Measured | None,
    metric_name: str,
    path: str | os.PathLike[str],
) -> Diagnosis:
    texts = [column.astype(str) for column in columns]
    classes = np.unique(np.concatenate(texts))
    labels, predictions = (np.searchsorted(classes, column) for column in texts)
    task = "binary" if len(classes) <= 2 else "multiclass"
    needed = metric(metric_name, task)
    answers: Callable[[Array], Array] = predictions.__getitem__
    if needed.needs == "scores":
        scores = _scores(table, classes, path)
        chosen = scores[:, 1] if task == "binary" and metric_name in ("roc_auc", "pr_auc") else scores
        answers = chosen.__getitem__
    sets = {name: (labels[rows], answers(rows)) for name, rows in parts.items()}
    return diagnose_predictions(sets, human, metric_name)


def _scores(table: pa.Table, classes: Array, path: str | os.PathLike[str]) -> Array:
    missing = [name for name in classes if f"probability_{name}" not in table.column_names]
    if missing:
        raise UsageError(
            f"{path}: this metric is made of probabilities; there is no column 'probability_{missing[0]}'. "
            f"Without them: {', '.join(name for name in metric_names('multiclass') if metric(name).needs == 'labels')}."
        )
    return np.stack([np.asarray(table[f"probability_{name}"].to_numpy(), float) for name in classes], axis=1)


def _annotators(table: pa.Table) -> HumanLevel | None:
    """The human level by the annotators' columns, against the labels; None without such columns."""
    names = [name for name in table.column_names if name.startswith(ANNOTATOR)]
    if not names:
        return None
    answers = {name.removeprefix(ANNOTATOR): np.array(table[name].to_pylist(), object) for name in names}
    return human_level(answers, np.array(table["label"].to_pylist(), object))


def _human(percent: float | None, n: int | None) -> Measured | None:
    if percent is None:
        return None
    if not 0 <= percent <= 100:
        raise UsageError(f"The human error must lie between 0 and 100 percent, got {percent:g}.")
    rate = percent / 100
    if n is None:
        return Measured(rate)
    low, high = wilson(rate * n, n)
    return Measured(rate, float(low), float(high), n)


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


def _read(path: Path) -> pa.Table:
    from pyarrow import csv, parquet

    if path.suffix.lower() not in ENDINGS:
        raise UsageError(f"{path}: predictions are read from {', '.join(ENDINGS)}, by the file's ending.")
    try:
        if path.suffix.lower() == ".parquet":
            return parquet.read_table(path)
        delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
        # Read as texts and numbers; an empty prediction is a gap, not a class of its own.
        options = csv.ConvertOptions(strings_can_be_null=True, null_values=["", "NA", "NaN", "nan", "null"])
        table = csv.read_csv(path, parse_options=csv.ParseOptions(delimiter=delimiter), convert_options=options)
        return table.rename_columns(table.column_names)  # decodes the names while errors are looked for
    except FileNotFoundError:
        raise LeadlineError(f"{path}: no such file.") from None
    except (OSError, ValueError) as error:
        raise LeadlineError(f"{path} cannot be read: {str(error).splitlines()[0][:120]}") from None
