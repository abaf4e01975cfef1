"""Predictions of any framework as a run: mistakes, labels, comparisons, pages and the report work with it.

The table is that of `leadline.strategy.predictions_table`. Its other columns are features: they are kept with the run,
shown with its examples, and searched for slices. There is no network, so nothing can be trained on from such a run.
"""

from __future__ import annotations

import hashlib
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from leadline.data import Dataset
from leadline.data.class_values import class_type_of
from leadline.data.dataset import level_order
from leadline.data.sources.columnar import table_of
from leadline.errors import LeadlineError, UsageError
from leadline.experiment import Experiment
from leadline.files import replacing
from leadline.runs.data_paths import write_paths
from leadline.runs.environment import environment
from leadline.runs.folder import IMPORTED, RunFolder
from leadline.runs.index import RunIndex
from leadline.runs.metrics import METRICS_FILE
from leadline.runs.predictions import predictions_path, predictions_table, write_table
from leadline.runs.run import DIAGNOSIS, SETS, Run
from leadline.runs.store import RunStore, published_name
from leadline.runs.summary import RunSummary, write_summary
from leadline.runs.verification import write_checksums
from leadline.session.plan import read_data
from leadline.session.results import write_run_report
from leadline.strategy import Diagnosis
from leadline.strategy.predictions_table import PredictionsTable, predictions_in, read_any_table

ROWS = "rows.parquet"
ANSWERS = ("prediction", "probability_", "annotator_")


def import_predictions(
    predictions: Any,
    *,
    name: str | None = None,
    human_error: float | None = None,
    runs: str | os.PathLike[str] = "runs",
) -> Run:
    """Make a run of the predictions of another program.

    Args:
        predictions: a table (.csv, .tsv, .parquet), a data frame, or a dictionary of columns: ``set`` (train, dev, …),
            ``label``, ``prediction``, ``probability_CLASS`` where there are, and features under any other name.
        name: of the run; by default the file's name with the time.
        human_error: the error of a human in percent, or in the target's units.
        runs: the folder of the runs.

    Raises:
        LeadlineError: a column is missing or damaged, or the name is taken.
        UsageError: several labels or values for each example.

    """
    is_path = isinstance(predictions, str | os.PathLike)
    table = read_any_table(predictions) if is_path else table_of(predictions)
    if table is None:
        raise UsageError("import_predictions takes a path, a data frame, or a dictionary of columns.")
    source = os.fspath(predictions) if is_path else "the table given"
    answers = predictions_in(table, source, None)
    if not answers.task.one_class and (answers.task.named_outputs or answers.labels.ndim > 1):
        raise UsageError(f"{source}: several labels for each example cannot be imported; leadline diagnose takes them.")
    store = RunStore(runs)
    folder = store.begin(Path(source).stem if is_path else "predictions", name)
    try:
        store.publish(folder)
        run = _written(folder, answers, answers.diagnose(human_error), source)
    except BaseException:
        store.discard(folder)
        folder.release(ended=True)
        raise
    folder.release(ended=True)
    RunIndex(store).add(run.folder)
    return run


def _written(folder: RunFolder, answers: PredictionsTable, diagnosis: Diagnosis, source: str) -> Run:
    """Write all files of the run."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    metric = answers.task.usual_metric
    folder.write_json(IMPORTED, {"source": source, "imported": now, "probabilities": answers.scores is not None})
    experiment, data = _experiment(folder, answers, metric)
    folder.write_text("experiment.toml", experiment.to_toml())
    write_paths(folder, experiment)
    folder.write_json("environment.json", environment())
    classes = tuple(sorted(answers.classes, key=level_order)) if answers.task.one_class else ()
    sets = {part: answers.sets.get(part.replace("_", "-"), np.zeros(0, np.int64)) for part in SETS}
    folder.write_json("data.json", _facts(answers, classes, sets, data, source))
    with replacing(folder / "split.npz") as draft, draft.open("wb") as file:
        np.savez(file, allow_pickle=False, **sets)
    for part, rows in sets.items():
        if len(rows):
            write_table(_answers(answers, classes, rows), predictions_path(folder, part))
    folder.write_json(DIAGNOSIS, diagnosis.to_json())
    measured = {part: each.to_json() for part, each in answers.breakdowns().items()}
    folder.write_json(METRICS_FILE, {"optimizing": metric, "sets": measured})
    errors = {rung.name: rung.error for rung in diagnosis.ladder.rungs if rung.name in answers.sets and rung.error}
    summary = RunSummary(
        "done",
        published_name(folder),
        now,
        source=source,
        task=str(answers.task),
        metric=metric,
        stopped="imported",
        errors=errors,
        conclusion=diagnosis.conclusion,
    )
    write_summary(folder, summary)
    write_checksums(folder)
    run = Run(folder)
    write_run_report(run, data)
    return run


def _experiment(folder: RunFolder, answers: PredictionsTable, metric: str) -> tuple[Experiment, Dataset | None]:
    """What can be said of the experiment, and the rows with their features, which lie beside it."""
    features = [name for name in answers.table.column_names if name not in ("set", "label") and not _is_answer(name)]
    bare = Experiment.from_dict({"goal": {"optimizing": metric}})
    if not features:
        return bare, None
    with replacing(folder / ROWS) as draft:
        parquet.write_table(answers.table.select([*features, "set", "label"]), draft)
    rows = {"source": str(folder / ROWS), "target": "label", "task": str(answers.task), "stream": False}
    experiment = bare.replace({"data": rows, "split.column": "set"})
    try:
        data = read_data(experiment)
    except LeadlineError:  # features of which nothing can be shown, such as texts alone
        return bare, None
    return experiment.replace({"data.source": ROWS}), data


def _is_answer(name: str) -> bool:
    return name.startswith(ANSWERS)


def _facts(
    answers: PredictionsTable, classes: tuple[str, ...], sets: dict[str, np.ndarray], data: Dataset | None, source: str
) -> dict[str, Any]:
    """What ``data.json`` holds."""
    digest = hashlib.sha256()
    for array in (answers.labels, *sets.values()):
        digest.update(np.ascontiguousarray(array).tobytes())
    fingerprint = {"sha256": digest.hexdigest(), "n": answers.table.num_rows, "name": Path(source).stem, "columns": {}}
    notices = [f"The predictions come from another program ({source}); there is no network to train on from here."]
    if answers.task.one_class and answers.scores is None:
        notices.append("Probabilities were not given: what is made of them (calibration, log loss) is not known.")
    return {
        "fingerprint": fingerprint if data is None else data.fingerprint(),
        "classes": list(classes),
        "class_type": class_type_of(answers.table["label"].type, classes) if classes else "text",
        "target": "label",
        "split": {part: len(rows) for part, rows in sets.items()} | {"sha256": digest.hexdigest()},
        "notices": notices,
    }


def _answers(answers: PredictionsTable, classes: tuple[str, ...], rows: np.ndarray) -> pa.Table:
    """The predictions of some rows as a run keeps them; without probabilities the answer has all of it."""
    if not answers.task.one_class:
        labels, outputs = answers.labels[rows][:, None], answers.predictions[rows][:, None]
        return predictions_table(answers.task, (), outputs, labels, rows, "label")
    place = np.array([classes.index(name) for name in answers.classes])
    labels, predicted = place[answers.labels[rows]], place[answers.predictions[rows]]
    if answers.scores is None:
        outputs = np.eye(len(classes))[predicted]
    else:
        outputs = np.empty((len(rows), len(classes)))
        outputs[:, place] = answers.scores[rows]
    return predictions_table(answers.task, classes, outputs, labels, rows, "label", answers=predicted)
