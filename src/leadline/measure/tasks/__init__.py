"""Kinds of tasks: each a value that holds everything in which one kind of target differs from another."""

from leadline.measure.tasks.base import CLASSIFICATION, TASKS, Task, check_asked, task_named
from leadline.measure.tasks.classes import BINARY, MULTICLASS, ClassTask, task_of_classes
from leadline.measure.tasks.labels import MULTILABEL, MultilabelTask
from leadline.measure.tasks.values import REGRESSION, RegressionTask

__all__ = [
    "BINARY",
    "CLASSIFICATION",
    "MULTICLASS",
    "MULTILABEL",
    "REGRESSION",
    "TASKS",
    "ClassTask",
    "MultilabelTask",
    "RegressionTask",
    "Task",
    "check_asked",
    "task_named",
    "task_of_classes",
]
