"""Tasks as values: their names, what they say of networks, answers and tables, and new kinds of them."""

import copy
import json
import pickle
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import leadline as ll
from leadline.data.targets import encode_target
from leadline.equations.losses import LOSSES
from leadline.errors import UsageError
from leadline.extensions import restored
from leadline.measure import METRICS, break_down, metric, metric_names
from leadline.measure.tasks import (
    BINARY,
    MULTICLASS,
    MULTILABEL,
    REGRESSION,
    TASKS,
    RegressionTask,
    Task,
    task_named,
    task_of_classes,
)
from leadline.runs.criteria import judge_run

CLASSES = ("ant", "bee", "cat")


def test_a_task_is_its_name() -> None:
    assert BINARY == "binary" and {"binary": 1}[BINARY] == 1 and f"{BINARY}" == "binary" and repr(BINARY) == "'binary'"
    assert json.loads(json.dumps({"task": REGRESSION})) == {"task": "regression"}
    assert task_named(MULTILABEL) is MULTILABEL and type(task_named("multilabel")) is type(MULTILABEL)
    for copied in (copy.deepcopy(MULTICLASS), pickle.loads(pickle.dumps(MULTICLASS))):
        assert copied == MULTICLASS and type(copied) is type(MULTICLASS)
    with pytest.raises(UsageError, match=r"Unknown task .multilable.\. Did you mean .multilabel."):
        task_named("multilable")


def test_each_task_names_losses_and_metrics_that_exist() -> None:
    for task in TASKS.values():
        assert task.loss in LOSSES
        for name in (task.usual_metric, task.error_metric, *task.headline_metrics, *task.segment_metrics):
            assert metric(name, task).name == name
        assert METRICS[task.error_metric].direction == "minimize"


def test_outputs_and_losses_of_networks() -> None:
    assert [task.n_outputs(3, 2) for task in (BINARY, MULTICLASS, MULTILABEL, REGRESSION)] == [1, 3, 3, 2]
    assert BINARY.loss_for((1,), 1) == "binary_cross_entropy" and BINARY.loss_for((2,), 1) == "softmax_cross_entropy"
    assert BINARY.loss_for((3,), 1) is None and MULTICLASS.loss_for((2,), 3) is None
    assert (task_of_classes(2), task_of_classes(3)) == (BINARY, MULTICLASS)
    both = BINARY.outputs(np.array([[0.25], [0.75]]))
    assert both.tolist() == [[0.75, 0.25], [0.25, 0.75]] and BINARY.outputs(both) is both
    assert BINARY.scores(both, "roc_auc").tolist() == [0.25, 0.75] and BINARY.scores(both, "log_loss") is both


@pytest.mark.parametrize(
    ("task", "labels", "outputs"),
    [
        (BINARY, np.array([0, 1]), np.array([[0.9, 0.1], [0.6, 0.4]])),
        (MULTICLASS, np.array([2, 0]), np.array([[0.1, 0.2, 0.7], [0.2, 0.5, 0.3]])),
        (MULTILABEL, np.array([[1, 0, np.nan], [0, 1, 1]]), np.array([[0.8, 0.6, 0.1], [0.2, 0.9, 0.4]])),
        (REGRESSION, np.array([[1.5], [-2.0]]), np.array([[1.0], [3.0]])),
        (REGRESSION, np.array([[1.5, 2.0], [-2.0, 0.0]]), np.array([[1.0, 2.5], [3.0, 1.0]])),
    ],
)
def test_columns_come_back_as_they_went(task: Task, labels: np.ndarray, outputs: np.ndarray) -> None:
    classes = CLASSES[: outputs.shape[1]] if task.named_outputs else ()
    columns = task.columns(outputs, labels, classes)
    read = task.read_columns(list(columns), lambda name: columns[name], classes)
    for got, expected in zip(read, (labels, task.answers(outputs), outputs), strict=True):
        np.testing.assert_array_equal(got, expected)
    assert not any(name.startswith("label") for name in task.columns(outputs, None, classes))
    encoded = task.encode_labels(labels, np.float64)
    np.testing.assert_array_equal(task.decode_labels(encoded), labels)


def test_only_some_tasks_have_parts() -> None:
    assert [task.subtasks(CLASSES, ("y", "z")) for task in (MULTICLASS, MULTILABEL, REGRESSION)] == [
        (),
        CLASSES,
        ("y", "z"),
    ]


def test_a_new_kind_of_task_is_one_subclass() -> None:
    with restored():

        class Count(RegressionTask):
            """Numbers of events, measured by the mean absolute error."""

            usual_metric = error_metric = "mae"
            headline_metrics = segment_metrics = ("mae",)
            metrics_of = ("regression",)

        assert task_named("count") == Count() and "rmse" in metric_names("count")
        found = break_down("count", [[1.0], [2.0], [4.0]], [[1.0], [3.0], [4.0]], segments={"s": ["a", "a", "a"]})
        assert found.overall["mae"].value == pytest.approx(1 / 3) and list(found.segments["s"]["a"]) == ["mae"]
        given = encode_target("y", pa.chunked_array([[1, 2, 2, 3] * 9]), "count", lambda row: "")
        assert type(given.task) is Count and given.values.shape == (36, 1)
    assert "count" not in TASKS


def test_a_task_that_leaves_something_out_is_refused() -> None:
    with restored():

        class Half(Task):
            """Says nothing."""

        with pytest.raises(UsageError, match="task 'half' needs the method answers"):
            task_named("half")


def test_an_experiment_may_name_a_task_of_its_modules(tmp_path: Path) -> None:
    module = tmp_path / "count.py"
    module.write_text(
        "from leadline.measure.tasks import RegressionTask\n\n\n"
        "class Count(RegressionTask):\n"
        "    usual_metric = error_metric = 'mae'\n"
        "    metrics_of = ('regression',)\n"
    )
    with pytest.raises(UsageError, match=r"^data\.task: got 'count'\. Allowed: binary, "):
        ll.Experiment().replace({"data.task": "count"})
    rows = tmp_path / "rows.csv"
    rows.write_text("x,y\n" + "".join(f"{i % 10},{2 * (i % 10)}\n" for i in range(60)))
    with restored():
        asked = {"extensions.modules": [str(module)], "data": {"source": str(rows), "target": "y", "task": "count"}}
        run = ll.train(experiment=ll.Experiment().replace(asked), epochs=3, runs=tmp_path)
        assert (run.summary.task, run.optimizing) == ("count", "mae") and "dev" in run.errors
    with restored():
        again = ll.load_run("last", tmp_path)
        assert type(again.task).__name__ == "Count" and again.trained_network().predict([{"x": 3}]).shape == (1,)
        assert np.isfinite(judge_run(again).error.value)
