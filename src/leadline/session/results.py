"""What a finished training is worth: predictions, measured errors, diagnosis and report of a run."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from leadline.data import Dataset
from leadline.errors import LeadlineError
from leadline.measure import Measured, Metric, as_error, chosen_metric, evaluate, metric, root_mean_square
from leadline.measure.multilabel import wrong_labels
from leadline.report import Confusion, Mistake, Report, Residuals, write_report
from leadline.report.quantities import number
from leadline.runs.criteria import judge
from leadline.runs.folder import RunFolder
from leadline.runs.goals import as_needed, goal_metrics, optimized_metric
from leadline.runs.index import RunIndex
from leadline.runs.metrics import write_metrics
from leadline.runs.predictions import predictions_table, read_answers, read_table, write_table
from leadline.runs.reviews import load_mistakes
from leadline.runs.run import Run
from leadline.runs.soundings import load_soundings
from leadline.runs.store import RunStore
from leadline.runs.trained import TrainedNetwork
from leadline.session.inside import run_pictures
from leadline.session.mismatch import load_mismatch
from leadline.session.plan import Plan, read_data
from leadline.strategy import Diagnosis, ErrorAnalysis, Evidence, diagnose

MULTITASK = "multitask.json"
GATHERED = "gathered.json"
SHOWN_MISTAKES = 24
SHOWN_FIELDS = 8


@dataclass(frozen=True, eq=False)
class Predicted:
    """One set's predictions: row numbers (m,), labels, outputs (m, …) and segments, for `predictions_table`.

    ``metrics`` are those of the user's own numbers, by name.
    """

    rows: np.ndarray
    labels: np.ndarray
    outputs: np.ndarray
    segments: Mapping[str, np.ndarray] = field(default_factory=dict)
    metrics: Mapping[str, Metric] = field(default_factory=dict)


def predict_set(trained: TrainedNetwork, plan: Plan, part: str) -> Predicted:
    """The trained network's outputs for one set, probabilities or values in the target's units."""
    rows = plan.split.sets[part]
    outputs = np.concatenate([trained.outputs(block) for block in plan.blocks(part)])
    return predicted_rows(plan, rows, outputs, plan.data.segments(rows))


def predicted_rows(plan: Plan, rows: np.ndarray, outputs: np.ndarray, segments: Mapping[str, np.ndarray]) -> Predicted:
    """Outputs (m, …) for rows of the plan's data, with their labels."""
    data = plan.data
    return Predicted(
        rows, data.target[rows], outputs, segments, goal_metrics(plan.experiment.goal, data.task, data.classes)
    )


def save_predictions(folder: RunFolder, plan: Plan, part: str, predicted: Predicted) -> Path:
    """Write one set's predictions into the run's folder."""
    data, p = plan.data, predicted
    table = predictions_table(data.task, data.classes, p.outputs, p.labels, p.rows, data.target_name, p.segments)
    if data.row_numbers is not None:
        table = table.append_column("row_in_source", pa.array(data.row_numbers[p.rows]))
    return write_table(table, folder / "predictions" / f"{part}.parquet")


def measure_error(task: str, name: str, predicted: Predicted) -> Measured:
    """A set's error in the metric `name`: less is better and 0 is perfect, with its 95 % interval."""
    if task == "regression" and name == "rmse":
        return root_mean_square(predicted.outputs - predicted.labels)
    found = metric(chosen_metric(name, predicted.metrics), task)
    return as_error(found, evaluate(found, predicted.labels, as_needed(task, found, predicted.outputs), task=task))


def diagnose_run(
    plan: Plan, errors: Mapping[str, Measured], history: list[dict[str, Any]], facts: Mapping[str, Any]
) -> Diagnosis:
    """The error ladder of a run: `errors` by set, and the evidence that its remedies rest on."""
    found = optimized_metric(plan.experiment.goal, plan.data.task, plan.data.classes)
    title = (
        "error" if found.name == "accuracy" else found.title if found.direction == "minimize" else f"1 − {found.title}"
    )
    evidence = Evidence.from_run(
        plan.experiment.to_dict(),
        history,
        n_train=plan.n_train,
        n_dev=len(plan.split.dev) or None,
        n_parameters=plan.n_trained,
        n_outputs=plan.network.shapes(plan.input_shape)[-1][0],
        image_shape=plan.data.image_shape,
        **facts,
    )
    closed = ("test",) if len(plan.split.test) else ()
    regression = plan.data.task == "regression"
    spread = float(plan.data.target[plan.split.train].std()) if regression else None
    human = plan.experiment.goal.human_error
    return diagnose(errors, human, evidence=evidence, metric=title, closed=closed, spread=spread)


def write_run_report(run: Run, data: Dataset | None = None) -> Path:
    """Write the run's report from what its folder holds, as `run_report` says; with `data`, pictures as well."""
    pictures = () if data is None else run_pictures(run, data)
    return write_report(replace(run_report(run, data), pictures=pictures), run.folder / "report.html")


def run_report(run: Run, data: Dataset | None = None) -> Report:
    """What there is to say about a finished run, from what its folder holds.

    With `data` the worst mistakes are drawn or shown with their columns; without them, by row number only.
    """
    summary, diagnosis = run.summary, run.diagnosis
    dev = run.folder / "predictions" / ("dev.parquet" if run.data["split"]["dev"] else "train.parquet")
    predicted = read_table(dev).to_pydict() if dev.exists() else {}
    return Report(
        name=run.name,
        created=summary["started"],
        task=summary["task"],
        metric=diagnosis.ladder.metric,
        conclusion=diagnosis.conclusion,
        next_step=diagnosis.next_step,
        ladder=diagnosis.ladder,
        parameters=summary["parameters"],
        seconds=summary["seconds"],
        remedies=[remedy.to_json() for remedy in diagnosis.remedies],
        history=run.history,
        best_epoch=summary["best_epoch"],
        confusion=_confusion(summary["task"], list(run.data.get("classes") or ()), predicted),
        residuals=_residuals(summary["task"], predicted),
        mistakes=_worst(run, summary["task"], dev, predicted, data),
        breakdowns=run.metrics,
        gathered=run.folder.read_json(GATHERED) if (run.folder / GATHERED).exists() else (),
        causes=_causes(run),
        mismatch=load_mismatch(run.folder),
        multitask=run.folder.read_json(MULTITASK) if (run.folder / MULTITASK).exists() else None,
        soundings=load_soundings(run.folder),
        experiment_toml=run.experiment.to_toml(),
        data=run.data["fingerprint"] | {"split": run.data["split"]},
        environment=run.environment,
        notices=[*run.data["notices"], *diagnosis.notes],
    )


def _causes(run: Run) -> ErrorAnalysis | None:
    """What the causes come to that people ticked; None where nobody has, or not as the run's mistakes are now."""
    table, path = load_mistakes(run.folder), run.folder / "predictions" / "dev.parquet"
    if table is None or not table.causes or not table.rows or not path.exists():
        return None
    task, classes = run.summary["task"], tuple(run.data.get("classes") or ())
    answers = read_answers(path, task, classes)
    if not np.isin(table.rows, answers.rows).any():
        return None
    return judge(task, answers, classes, run.experiment.goal.optimizing).analyse(table)


def renew_report(run: Run, output: Path | None = None) -> Path:
    """Write the report of a run anew and copy it to `output`; returns the path to look at."""
    path = write_run_report(run, _data_of(run))
    if output is None:
        return path
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, output)
    except OSError as error:
        raise LeadlineError(f"{output} cannot be written: {error.strerror}.") from None
    return output


def _data_of(run: Run) -> Dataset | None:
    """The run's data, if they can still be read and are the same."""
    if run.experiment.data.source is None:
        return None
    try:
        data = read_data(run.experiment)
    except LeadlineError:
        return None
    return data if data.fingerprint()["sha256"] == run.data["fingerprint"]["sha256"] else None


def _confusion(task: str, classes: list[str], predicted: Mapping[str, list[Any]]) -> Confusion | None:
    if task not in ("binary", "multiclass") or not predicted:
        return None
    index = {name: k for k, name in enumerate(classes)}
    pairs = [(index[t], index[p]) for t, p in zip(predicted["label"], predicted["prediction"], strict=True)]
    matrix = np.zeros((len(classes), len(classes)), dtype=int)
    np.add.at(matrix, tuple(np.asarray(pairs).T), 1)
    return Confusion(matrix, classes)


def _residuals(task: str, predicted: Mapping[str, list[Any]]) -> Residuals | None:
    if task != "regression" or "label" not in predicted:
        return None
    return Residuals(np.asarray(predicted["label"]), np.asarray(predicted["prediction"]))


def _mistakes(task: str, predicted: Mapping[str, list[Any]], data: Dataset | None) -> list[Mistake]:
    """The surest wrong answers, or the largest residuals, worst first."""
    if "label" not in predicted:
        return []  # several values: tables and slices tell more than single examples
    labels, answers = predicted["label"], predicted["prediction"]
    if task == "regression":
        badness = np.abs(np.asarray(labels) - np.asarray(answers))
        order, surety = np.argsort(-badness), [None] * len(labels)
    else:
        surety = [predicted[f"probability_{name}"][i] for i, name in enumerate(answers)]
        wrong = np.asarray([label != answer for label, answer in zip(labels, answers, strict=True)])
        order = np.argsort(-np.where(wrong, np.asarray(surety), -1.0))[: int(wrong.sum())]
    chosen = [int(i) for i in order[:SHOWN_MISTAKES]]
    rows = [predicted["row"][i] for i in chosen]
    images, fields = _shown(data, rows)
    return [
        Mistake(row, _text(labels[i]), _text(answers[i]), surety[i], images[k], fields[k])
        for k, (i, row) in enumerate(zip(chosen, rows, strict=True))
    ]


def _worst(run: Run, task: str, path: Path, predicted: Mapping[str, list[Any]], data: Dataset | None) -> list[Mistake]:
    if task == "multilabel" and path.exists():
        return _several(run, path, data)
    return _mistakes(task, predicted, data)


def _several(run: Run, path: Path, data: Dataset | None) -> list[Mistake]:
    """Examples with wrong labels, the one with the surest wrong label first."""
    classes = tuple(run.data.get("classes") or ())
    answers = read_answers(path, "multilabel", classes)
    judged = judge("multilabel", answers, classes)
    surety = np.where(wrong_labels(answers.truth, answers.labels), np.abs(answers.scores - 0.5) + 0.5, 0.0).max(1)
    chosen = np.argsort(-surety, kind="stable")[: min(SHOWN_MISTAKES, int(judged.wrong.sum()))].tolist()
    rows = [int(judged.rows[i]) for i in chosen]
    images, fields = _shown(data, rows)
    return [
        Mistake(row, judged.labels[i], judged.predictions[i], float(surety[i]), images[k], fields[k])
        for k, (i, row) in enumerate(zip(chosen, rows, strict=True))
    ]


def _shown(data: Dataset | None, rows: list[int]) -> tuple[list[Any], list[dict[str, Any]]]:
    """What a person can judge an example by: the image, or the columns as they were read."""
    if data is None or not rows:
        return [None] * len(rows), [{} for _ in rows]
    images = list(data.images(np.asarray(rows))) if data.image_shape else [None] * len(rows)
    fields = [
        dict([(key, value) for key, value in row.items() if key not in data.target_names][:SHOWN_FIELDS])
        for row in data.rows(rows)
    ]
    return images, fields


def _text(value: Any) -> str:
    return number(value) if isinstance(value, float) else str(value)


def diagnose_again(run: Run, plan: Plan, errors: dict[str, Measured]) -> Run:
    """Diagnose a finished run anew from these errors, and write its summary, its report and its line in the index."""
    summary: dict[str, Any] = run.summary
    facts = {key: summary[key] for key in ("best_epoch", "stopped")}
    diagnosis = diagnose_run(plan, errors, run.history, facts)
    run.folder.write_json("diagnosis.json", diagnosis.to_json())
    measured = {rung: error.to_json() for rung, error in errors.items()}
    run.folder.write_json("run.json", summary | {"errors": measured, "conclusion": diagnosis.conclusion})
    run.refresh()
    write_metrics(run)
    write_run_report(run, plan.data)
    RunIndex(RunStore(run.folder.path.parent)).add(run.folder)
    return run
