"""What every kind of task says of itself, and the tasks by name."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from leadline.errors import UsageError, nearest
from leadline.extensions import Extension, Registry, registry
from leadline.measure.intervals import Estimate

Array = NDArray[Any]
ReadColumn = Callable[[str], Array]


class Task(str, Extension, ABC, kind="task"):
    """A kind of target: what its labels are, what a network computes for it, and how answers are measured and shown.

    A task is its name as well, as the members of an `enum.StrEnum` are: it compares with, hashes as and is written to
    files as ``"binary"``, and `task_named` gives the task of a name that was read. The same arrays are meant
    everywhere: *labels* are targets as a data set holds them (class indices (m,), 0 or 1 (m, k) with NaN where a label
    is missing, or values (m, k)); *outputs* are what people read (probabilities of classes or labels (m, k), or
    values in the target's units); *answers* are outputs turned into labels.

    A new kind is a subclass with a ``name``, known by it once it is defined. It subclasses `ClassTask` (with
    ``abstract=True`` for a family), `MultilabelTask` or `RegressionTask` where it differs from one of them in details;
    else it also registers how its mistakes are judged (`leadline.runs.criteria.judge`) and, to be exported, its outputs
    in ONNX (`leadline.export.onnx_outputs.write_outputs`).

    Attributes:
        name: in experiment files, run files and error messages.
        loss: the usual loss, a name of `leadline.equations.losses.LOSSES`.
        usual_metric: what ``[goal] optimizing`` is where nobody says.
        error_metric: the metric that is its error: less is better, 0 is perfect.
        headline_metrics: those of the first table of a report.
        segment_metrics: those that every segment is measured by.
        metrics_of: names of other tasks whose metrics apply as well.
        subject: what a metric by class is by: "class", "label", "target".
        cost_unit: the unit of the loss, for the axis of a figure.
        one_class: whether each example has exactly one of several classes.
        named_outputs: whether its outputs are those of named classes or labels.
        graded: whether an answer is off by a distance in the target's units, and not just right or wrong.
        standardized: whether targets are brought to mean 0 and deviation 1 for training.
        partial_labels: whether an example may lack some of its labels.

    """

    name: ClassVar[str]
    loss: ClassVar[str]
    usual_metric: ClassVar[str] = "accuracy"
    error_metric: ClassVar[str] = "error"
    headline_metrics: ClassVar[tuple[str, ...]]
    segment_metrics: ClassVar[tuple[str, ...]]
    metrics_of: ClassVar[tuple[str, ...]] = ()
    subject: ClassVar[str] = "class"
    cost_unit: ClassVar[str] = "nats per example"
    one_class: ClassVar[bool] = False
    named_outputs: ClassVar[bool] = True
    graded: ClassVar[bool] = False
    standardized: ClassVar[bool] = False
    partial_labels: ClassVar[bool] = False

    def __new__(cls, *_: object) -> Self:
        """A task is the string that is its name; what a copy or a pickle gives is left aside."""
        return super().__new__(cls, cls.name)

    # --- the network --------------------------------------------------------------------------------------------

    @abstractmethod
    def n_outputs(self, n_classes: int, n_targets: int) -> int:
        """How many numbers the network computes for one example, of so many classes and columns of the target."""

    @abstractmethod
    def output_reason(self, n_outputs: int) -> str:
        """Why it needs ``n_outputs``, as the end of an error message."""

    def loss_for(self, output_shape: tuple[int, ...], n_outputs: int) -> str | None:
        """The loss that goes with a network's output shape; None where no loss does."""
        return self.loss if output_shape == (n_outputs,) else None

    @abstractmethod
    def encode_labels(self, labels: Array, dtype: Any) -> Array:
        """Labels as the loss takes them; values are standardized already."""

    @abstractmethod
    def decode_labels(self, targets: Array) -> Array:
        """The inverse of `encode_labels`."""

    def outputs(self, predictions: Array) -> Array:
        """What the loss calls the network's prediction, (m, k), as outputs; values are still standardized."""
        return predictions

    # --- answers ------------------------------------------------------------------------------------------------

    @abstractmethod
    def answers(self, outputs: Array) -> Array:
        """Outputs (m, k) as labels."""

    def scores(self, outputs: Array, metric: str) -> Array:
        """Outputs as a metric of this name takes them."""
        return outputs

    @abstractmethod
    def shown_answers(self, outputs: Array, classes: Sequence[str]) -> Array:
        """Outputs (m, k) as a user of the network gets them: names of classes, labels of 0 and 1, or values."""

    # --- tables of predictions ----------------------------------------------------------------------------------

    @abstractmethod
    def columns(self, outputs: Array, labels: Array | None, classes: Sequence[str]) -> dict[str, Array]:
        """The columns ``label``, ``prediction`` and ``probability``, (m,) each; without labels none of ``label``."""

    @abstractmethod
    def read_columns(self, names: Sequence[str], column: ReadColumn, classes: Sequence[str]) -> tuple[Array, ...]:
        """Labels, answers and outputs from the columns that `columns` gave; ``names`` are all names."""

    # --- what is measured and shown -----------------------------------------------------------------------------

    def subtasks(self, classes: Sequence[str], targets: Sequence[str]) -> tuple[str, ...]:
        """Names of the tasks that one network learns together: labels, or numbers to predict; () where it is one."""
        return ()

    def as_measured(self, labels: Array) -> Array:
        """Labels or answers in the shape that metrics take."""
        return labels

    @abstractmethod
    def by_class(
        self, labels: Array, answers: Array, names: Sequence[str], groups: Array | None = None
    ) -> dict[str, Mapping[str, Estimate]]:
        """Metrics of each class, label or target by its name (by default its number); {} where there is one.

        ``groups`` (m,) say which examples go together; None where each stands for itself.
        """

    @property
    def cost_title(self) -> str:
        """What the axis of a cost is called."""
        return f"cost ({self.cost_unit})"


CLASSIFICATION = "classification"
"""What users may ask for in place of a task: one class for each example, be they two or more."""

TASKS: Registry[Task] = registry("task")
"""Every task by its name."""


def task_named(name: str) -> Task:
    """The task of that name; a task stands for itself. `UsageError`: there is none."""
    return name if isinstance(name, Task) else TASKS.lookup(name, capital=True)


def check_asked(name: str, key: str) -> None:
    """`UsageError`, beginning with ``key``: no task has this name, which users give or `CLASSIFICATION`."""
    if name != CLASSIFICATION and name not in TASKS:
        raise UsageError(f"{key}: got {name!r}.{nearest(name, [*TASKS, CLASSIFICATION])}")


def column_numbers(count: int) -> list[str]:
    """Names of so many columns that have none."""
    return [str(number) for number in range(count)]


def finite_row(row: Mapping[str, Estimate]) -> dict[str, Estimate]:
    """Those metrics of a row that the examples define."""
    return {name: estimate for name, estimate in row.items() if np.isfinite([estimate.value, *estimate.interval]).all()}
