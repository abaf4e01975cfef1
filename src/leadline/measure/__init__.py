"""Metrics and their uncertainty, on plain arrays."""

from leadline.measure.bootstrap import bootstrap, bootstrap_confusion, bootstrap_weights
from leadline.measure.breakdown import Breakdown, CalibrationBin, break_down, scores_for, segment_names
from leadline.measure.classification import (
    calibration_curve,
    class_metrics,
    confusion_matrix,
    false_alarms_per_day,
    mean_cost,
    multilabel_error,
)
from leadline.measure.costs import ErrorCost, chosen_metric, configured_metrics, cost_metric, false_alarm_metric
from leadline.measure.intervals import (
    Estimate,
    combination,
    difference,
    examples_for_precision,
    examples_to_tell,
    newcombe,
    paired_difference,
    paired_newcombe,
    proportion,
    weighted_average,
    wilson,
)
from leadline.measure.latency import latency
from leadline.measure.means import mean_interval
from leadline.measure.metric import METRICS, Metric
from leadline.measure.metrics import as_error, by_segment, evaluate, metric, metric_names
from leadline.measure.regression import mean_absolute, root_mean_square
from leadline.measure.tasks import TASKS, Task, task_named

__all__ = [
    "METRICS",
    "TASKS",
    "Breakdown",
    "CalibrationBin",
    "ErrorCost",
    "Estimate",
    "Metric",
    "Task",
    "as_error",
    "bootstrap",
    "bootstrap_confusion",
    "bootstrap_weights",
    "break_down",
    "by_segment",
    "calibration_curve",
    "chosen_metric",
    "class_metrics",
    "combination",
    "configured_metrics",
    "confusion_matrix",
    "cost_metric",
    "difference",
    "evaluate",
    "examples_for_precision",
    "examples_to_tell",
    "false_alarm_metric",
    "false_alarms_per_day",
    "latency",
    "mean_absolute",
    "mean_cost",
    "mean_interval",
    "metric",
    "metric_names",
    "multilabel_error",
    "newcombe",
    "paired_difference",
    "paired_newcombe",
    "proportion",
    "root_mean_square",
    "scores_for",
    "segment_names",
    "task_named",
    "weighted_average",
    "wilson",
]
