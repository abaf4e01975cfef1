"""Targets as numbers a loss can use: class indices, numbers to predict, or several labels at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from leadline.data.arrow import compute, is_number, is_text
from leadline.data.class_values import ClassType, class_type_of
from leadline.data.columns import Where, categories, parsed_numbers, typed
from leadline.data.inference import kind_of, task_of
from leadline.errors import LeadlineError
from leadline.measure.tasks import (
    BINARY,
    CLASSIFICATION,
    MULTICLASS,
    MULTILABEL,
    REGRESSION,
    Task,
    task_named,
    task_of_classes,
)

FEW_EXAMPLES = 5
"""A class with fewer examples is mentioned: hardly anything can be learned or measured from them."""


@dataclass(frozen=True, eq=False)
class Target:
    """The task, the names of its classes, and the values as `Dataset.target` holds them."""

    task: Task
    classes: tuple[str, ...]
    values: np.ndarray
    notices: tuple[str, ...] = ()
    class_type: ClassType = "text"


def encode_target(
    name: str,
    values: pa.ChunkedArray,
    asked: str | None,
    where: Where,
    names: tuple[str, ...] = (),
    has_type: bool = True,
) -> Target:
    """Encode one column of targets without missing values; ``names`` are the classes of labels 0, 1, ….

    ``has_type`` says whether the column's type means anything; in a text file all is text.

    Raises LeadlineError for targets that do not fit the task ``asked`` for or no task at all.
    """
    task, wants_classes = _asked(asked)
    wants_values = task is not None and not task.named_outputs
    numbers = parsed_numbers(values) if is_text(values.type) else values
    if numbers is None and (asked is None or wants_values):
        kind_of(name, values, where)  # raises where a few cells among numbers are none
    numbers = values if numbers is None else numbers
    if names and is_number(numbers.type) and not wants_values:
        return _named_classes(name, numbers, names, where)
    kind = REGRESSION if wants_values else CLASSIFICATION if wants_classes else asked
    if task_of(name, numbers, kind) == REGRESSION:
        return Target(task or REGRESSION, (), typed(name, numbers, "number", where).values[:, None])
    same = numbers is values or compute.count_distinct(numbers) == compute.count_distinct(values)
    codes, classes = categories(name, values if same else numbers)  # names as given, but 1 and 1.0 are one class
    if task == BINARY and len(classes) != 2:
        raise LeadlineError(f"The target '{name}' has {len(classes)} classes; a binary task has two.")
    counted = asked is None and is_number(numbers.type)
    notices = _class_notices(name, codes, classes, counted)
    chosen = task if task is not None and task.one_class else task_of_classes(len(classes))
    return Target(chosen, classes, codes.astype(np.int64), notices, class_type_of(values.type, classes, has_type))


def _asked(asked: str | None) -> tuple[Task | None, bool]:
    """The task that is asked for, if it is a certain one; and whether one class for each example is."""
    if asked is None or asked == CLASSIFICATION:
        return None, asked is not None
    task = task_named(asked)
    return task, task.one_class


def encode_several(name: str, values: np.ndarray, asked: str | None, names: tuple[str, ...] = ()) -> Target:
    """Encode targets (n, k): numbers to predict, labels that are 0 or 1 (NaN: missing), or one-hot classes."""
    if values.dtype.kind not in "buif":
        raise LeadlineError(f"The target '{name}' holds {values.dtype}; several targets must be numbers.")
    task, wants_classes = _asked(asked)
    numbers = values.astype(np.float64)
    missing = np.isnan(numbers)
    labels = bool((missing | (numbers == 0) | (numbers == 1)).all())
    classes = names or tuple(str(label) for label in range(numbers.shape[1]))
    one_hot = labels and not missing.any() and len(classes) > 1 and bool((numbers.sum(axis=1) == 1).all())
    if one_hot and (asked is None or wants_classes):
        notice = f"The target '{name}' is one-hot: it was turned into {len(classes)} classes."
        if task is None or (task == BINARY and len(classes) != 2):
            task = task_of_classes(len(classes))
        return Target(task, classes, numbers.argmax(axis=1), (notice,))
    if labels and (asked is None or (task is not None and task.partial_labels)):
        return Target(task or MULTILABEL, classes, numbers)
    if asked is not None and (task is None or task.named_outputs):
        raise LeadlineError(f"The target '{name}' with {len(classes)} columns does not fit task = \"{asked}\".")
    if not np.isfinite(numbers).all():
        row, column = np.argwhere(~np.isfinite(numbers))[0]
        raise LeadlineError(
            f"The target '{name}' is {numbers[row, column]} at [{row}, {column}]; fix it or leave the row out."
        )
    return Target(task or REGRESSION, (), numbers)


def _named_classes(name: str, values: pa.ChunkedArray, names: tuple[str, ...], where: Where) -> Target:
    labels = typed(name, values, "number", where).values
    wrong = (labels != np.floor(labels)) | (labels < 0) | (labels >= len(names))
    if wrong.any():
        row = int(wrong.argmax())
        raise LeadlineError(
            f"{where(row)}: the label {labels[row]:g} has no name; the file names {len(names)} classes, from 0."
        )
    task_of(name, values, CLASSIFICATION)
    return Target(BINARY if len(names) == 2 else MULTICLASS, names, labels.astype(np.int64))


def _class_notices(name: str, codes: np.ndarray, classes: tuple[str, ...], counted: bool) -> tuple[str, ...]:
    """Notices about numbers that were taken for classes (if ``counted``), and about rare classes."""
    notices = []
    from_zero = classes == tuple(str(label) for label in range(len(classes)))
    if counted and len(classes) > 2 and not from_zero:
        notices.append(
            f"{name} has {len(classes)} different whole numbers, taken for classes; "
            'task = "regression" predicts it as a number.'
        )
    counts = np.bincount(codes, minlength=len(classes))
    rare = [f"'{label}' ({count})" for label, count in zip(classes, counts, strict=True) if count < FEW_EXAMPLES]
    if rare:
        shown = ", ".join(rare[:5]) + (", …" if len(rare) > 5 else "")
        notices.append(f"Classes with fewer than {FEW_EXAMPLES} examples: {shown}.")
    return tuple(notices)
