"""What a finished training is worth: predictions, measured errors, diagnosis and report of a run."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from leadline.data import Dataset
from leadline.errors import LeadlineError, LeadlineWarning
from leadline.files import reason
from leadline.measure import Estimate, Metric, Task, as_error, chosen_metric, confusion_matrix, evaluate, metric
from leadline.report import Confusion, Mistake, Report, Residuals, write_report
from leadline.report.quantities import number
from leadline.runs.criteria import Judged, judge_run
from leadline.runs.decision import Decision
from leadline.runs.folder import RunFolder
from leadline.runs.goals import as_needed, goal_metrics, optimized_metric
from leadline.runs.index import RunIndex
from leadline.runs.metrics import write_metrics
from leadline.runs.predictions import Answers, predictions_path, predictions_table, write_table
from leadline.runs.repeated import Evaluation, load_evaluation
from leadline.runs.reviews import load_mistakes
from leadline.runs.run import DIAGNOSIS, Run
from leadline.runs.soundings import load_soundings
from leadline.runs.store import RunStore
from leadline.runs.summary import write_summary
from leadline.runs.trained import TrainedNetwork
from leadline.runs.verification import write_checksums
from leadline.session.deciding import decide, given_threshold
from leadline.session.evaluation_text import evaluation_levels, evaluation_notes
from leadline.session.importance import load_importance
from leadline.session.inside import run_pictures
from leadline.session.mismatch import load_mismatch
from leadline.session.plan import Plan
from leadline.session.probing import LONGEST, probed, seconds_allowed
from leadline.session.run_data import data_of
from leadline.session.training_probes import probed_training
from leadline.strategy import Diagnosis, ErrorAnalysis, Evidence, diagnose
from leadline.strategy.probes import Budget
from leadline.strategy.probes.data import Probed
from leadline.strategy.probes.retraining import ProbedTraining
from leadline.training import Epoch

MULTITASK = "multitask.json"
GATHERED = "gathered.json"
SHOWN_MISTAKES = 24
SHOWN_FIELDS = 8


@dataclass(frozen=True, eq=False)
class Predicted:
    """One set's predictions: row numbers (m,), labels, outputs (m, …) and segments, for `predictions_table`.

    ``metrics`` are those of the user's own numbers, by name; ``groups`` (m,) say which examples go together.
    ``answers`` (m,) are the predicted classes where a threshold decided; None: the most probable ones.
    """

    rows: np.ndarray
    labels: np.ndarray
    outputs: np.ndarray
    segments: Mapping[str, np.ndarray] = field(default_factory=dict)
    metrics: Mapping[str, Metric] = field(default_factory=dict)
    groups: np.ndarray | None = None
    answers: np.ndarray | None = None

    def decided(self, decision: Decision, task: Task) -> Predicted:
        """The same with the outputs calibrated and the answers that the decision gives."""
        outputs = decision.outputs(self.outputs)
        answers = None if decision.threshold is None else decision.answers(task, outputs)
        return replace(self, outputs=outputs, answers=answers)

    def needed(self, task: Task, metric: Metric) -> np.ndarray:
        """Answers, probabilities or values: what the metric takes."""
        if self.answers is not None and metric.needs == "labels":
            return self.answers
        return as_needed(task, metric, self.outputs)


def predict_set(trained: TrainedNetwork, plan: Plan, part: str) -> Predicted:
    """The trained network's outputs for one set, probabilities or values in the target's units."""
    rows = plan.split.sets[part]
    outputs = np.concatenate([trained.outputs(block) for block in plan.blocks(part)])
    threshold = Decision(None, trained.decision.threshold)  # the outputs are calibrated already
    return predicted_rows(plan, rows, outputs, plan.data.segments(rows)).decided(threshold, plan.data.task)


def predict_sets(trained: TrainedNetwork, plan: Plan, sets: Sequence[str]) -> tuple[dict[str, Predicted], Decision]:
    """The sets' predictions by a network that was just trained, and how it answers: that is chosen on its dev set.

    Where an output is not a finite number nothing is chosen.
    """
    goal, data = plan.experiment.goal, plan.data
    raw = {part: predict_set(trained, plan, part) for part in sets}
    dev, decision = raw.get("dev"), given_threshold(goal) if goal.threshold is not None else Decision()
    if dev is not None:
        finite = all(np.isfinite(each.outputs).all() for each in raw.values())
        known = dev.labels, dev.outputs, dev.groups
        decision = decide(plan.experiment, data.task, data.classes, *known) if finite else Decision()
    return {part: each.decided(decision, data.task) for part, each in raw.items()}, decision


def predicted_rows(plan: Plan, rows: np.ndarray, outputs: np.ndarray, segments: Mapping[str, np.ndarray]) -> Predicted:
    """Outputs (m, …) for rows of the plan's data, with their labels."""
    data, own = plan.data, goal_metrics(plan.experiment.goal, plan.data.task, plan.data.classes)
    return Predicted(rows, data.target[rows], outputs, segments, own, plan.groups(rows))


def save_predictions(folder: RunFolder, plan: Plan, part: str, predicted: Predicted) -> Path:
    """Write one set's predictions into the run's folder, under the name `part`."""
    data, p = plan.data, predicted
    table = predictions_table(
        data.task, data.classes, p.outputs, p.labels, p.rows, data.target_name, p.segments, p.groups, p.answers
    )
    if data.row_numbers is not None:
        table = table.append_column("row_in_source", pa.array(data.row_numbers[p.rows]))
    return write_table(table, predictions_path(folder, part))


def measure_error(task: Task, name: str, predicted: Predicted) -> Estimate:
    """A set's error in the metric `name`: less is better and 0 is perfect, with its 95 % interval."""
    error_metric = metric(chosen_metric(name, predicted.metrics), task)
    answers = predicted.needed(task, error_metric)
    return as_error(error_metric, evaluate(error_metric, predicted.labels, answers, task=task, groups=predicted.groups))


def diagnose_run(
    plan: Plan,
    errors: Mapping[str, Estimate],
    history: list[dict[str, Any]],
    facts: Mapping[str, Any],
    predicted: Mapping[str, Predicted],
    training: Callable[[], ProbedTraining | None],
    seconds: float,
    decision: Decision,
    evaluation: Evaluation | None = None,
) -> Diagnosis:
    """The error ladder of a run and what probes beside it show.

    `errors` and predictions are by set; `facts` are evidence that neither experiment nor history hold; `training` makes
    what probes of the training repeat; `seconds` is what all probes may take, 0 to leave them out. `decision` is how
    the network's probabilities become answers; `evaluation` are other seeds and folds.
    """
    optimizing = optimized_metric(plan.experiment.goal, plan.data.task, plan.data.classes)
    title = (
        "error"
        if optimizing.name == "accuracy"
        else optimizing.title
        if optimizing.direction == "minimize"
        else f"1 − {optimizing.title}"
    )
    metrics = goal_metrics(plan.experiment.goal, plan.data.task, plan.data.classes)

    def error(y: np.ndarray, outputs: np.ndarray) -> Estimate:
        predicted = Predicted(np.arange(len(y)), y, outputs, {}, metrics)
        threshold = Decision(None, decision.threshold)
        return measure_error(plan.data.task, plan.optimizing, predicted.decided(threshold, plan.data.task))

    budget = Budget(seconds, longest=max(LONGEST, 2 * seconds))
    shown = Probed()
    if seconds > 0:
        try:
            shown = probed(plan, predicted, title, error, training, budget)
        except KeyboardInterrupt:  # the training is done: who does not want to wait for more gets what there is
            budget.skip("all probes", "they were interrupted")
        except Exception as fault:  # a fault of a probe is no reason to lose a training
            budget.skip("all probes", f"one failed: {reason(fault)}")
            warnings.warn(f"A probe beside the run failed: {reason(fault)}.", LeadlineWarning, stacklevel=2)
    evaluation = evaluation or Evaluation()
    diagnosis = diagnose(
        errors,
        plan.experiment.goal.human_error,
        evidence=_evidence(plan, history, facts),
        metric=title,
        closed=("test",) if len(plan.split.test) and "test" not in errors else (),
        spread=float(plan.data.target[plan.split.train].std()) if plan.data.task.graded else None,
        findings=shown.findings,
        about_gaps=shown.about_gaps,
        levels=(*shown.levels, *evaluation_levels(evaluation)),
        probing=budget.probing(),
    )
    return replace(diagnosis, notes=(*diagnosis.notes, *evaluation_notes(evaluation, diagnosis.ladder.unit)))


def _evidence(plan: Plan, history: list[dict[str, Any]], facts: Mapping[str, Any]) -> Evidence:
    return Evidence.from_run(
        plan.experiment.to_dict(),
        history,
        n_train=plan.n_train,
        n_dev=len(plan.split.dev) or None,
        n_parameters=plan.n_trained,
        n_outputs=plan.network.shapes(plan.input_shape)[-1][0],
        image_shape=plan.data.image_shape,
        input_shape=plan.input_shape,
        **facts,
    )


def write_run_report(run: Run, data: Dataset | None = None) -> Path:
    """Write the run's report from what its folder holds, as `run_report` says; with `data`, pictures as well."""
    pictures = () if data is None else run_pictures(run, data)
    return write_report(replace(run_report(run, data), pictures=pictures), run.report_path)


def run_report(run: Run, data: Dataset | None = None) -> Report:
    """What there is to say about a finished run, from what its folder holds.

    With `data` the worst mistakes are drawn or shown with their columns; without them, by row number only.
    """
    summary, diagnosis = run.summary, run.diagnosis
    part, importance = "dev" if run.set_sizes["dev"] else "train", load_importance(run)
    answers = run.answers(part) if run.has_predictions(part) else None
    return Report(
        name=run.name,
        created=summary.started or "",
        task=run.task,
        metric=diagnosis.ladder.metric,
        conclusion=diagnosis.conclusion,
        next_step=diagnosis.next_step,
        ladder=diagnosis.ladder,
        parameters=run.n_parameters or 0,
        seconds=summary.seconds or 0.0,
        remedies=[remedy.to_json() for remedy in diagnosis.remedies],
        history=run.history,
        best_epoch=run.best_epoch,
        confusion=_confusion(run, answers),
        residuals=_residuals(run, answers),
        mistakes=[] if answers is None else _worst(answers, judge_run(run, part), data),
        breakdowns=run.metrics,
        gathered=run.folder.read_json(GATHERED) if (run.folder / GATHERED).exists() else (),
        causes=_causes(run),
        importance=importance,
        mismatch=load_mismatch(run.folder),
        multitask=run.folder.read_json(MULTITASK) if (run.folder / MULTITASK).exists() else None,
        soundings=load_soundings(run.folder),
        reliability_before=() if run.decision.calibration is None else run.decision.calibration.reliability,
        experiment_toml=run.experiment.to_toml(),
        data={**run.fingerprint, "split": run.set_sizes},
        environment=run.environment,
        notices=[*run.notices, *run.remarks, *([] if importance is None else importance.lines), *diagnosis.notes],
    )


def _causes(run: Run) -> ErrorAnalysis | None:
    """What the causes come to that people ticked; None where nobody has, or not as the run's mistakes are now."""
    table = load_mistakes(run.folder)
    if table is None or not table.causes or not table.rows or not run.has_predictions("dev"):
        return None
    judged = judge_run(run, "dev")
    return judged.analyse(table) if np.isin(table.rows, judged.rows).any() else None


def renew_report(run: Run, output: Path | None = None) -> Path:
    """Write the report of a run anew and copy it to `output`; returns the path to look at."""
    path = write_run_report(run, data_of(run))
    if output is None:
        return path
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, output)
    except OSError as error:
        raise LeadlineError(f"{output} cannot be written: {error.strerror}.") from None
    return output


def _confusion(run: Run, answers: Answers | None) -> Confusion | None:
    if answers is None or not run.task.one_class:
        return None
    k = len(run.classes)
    return Confusion(confusion_matrix(answers.truth, answers.labels, k).astype(int), list(run.classes))


def _residuals(run: Run, answers: Answers | None) -> Residuals | None:
    if answers is None or not run.task.graded or answers.truth.shape[1] > 1:
        return None
    return Residuals(answers.truth[:, 0], answers.labels[:, 0])


def _worst(answers: Answers, judged: Judged, data: Dataset | None) -> list[Mistake]:
    """The surest wrong answers, or the largest residuals, worst first."""
    chosen = judged.worst(SHOWN_MISTAKES).tolist()
    rows = [int(judged.rows[i]) for i in chosen]
    images, fields = _shown(data, rows)
    mistakes = []
    for k, i in enumerate(chosen):
        surety = None if judged.surety is None else float(judged.surety[i])
        label, prediction = judged.labels[i], judged.predictions[i]
        if surety is None:  # values, to six digits
            label, prediction = (number(float(values[i, 0])) for values in (answers.truth, answers.labels))
        mistakes.append(Mistake(rows[k], label, prediction, surety, images[k], fields[k]))
    return mistakes


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


def diagnose_again(run: Run, plan: Plan, errors: Mapping[str, Estimate], seconds: float | None = None) -> Run:
    """Diagnose a finished run anew from these errors, and write its summary, its report and its line in the index.

    Probes may take `seconds`; by default as many as after the training, and none where they were left out then.
    """
    summary = run.summary
    facts = {"best_epoch": summary.best_epoch, "stopped": summary.stopped}
    if seconds is None:
        before = run.diagnosis.probing
        seconds = before.allowed if before else seconds_allowed(summary.seconds or 0.0)
    trained = run.trained_network()
    predicted = {part: predict_set(trained, plan, part) for part in ("train", "dev") if len(plan.split.sets[part])}

    def training() -> ProbedTraining | None:
        names = {each.name for each in fields(Epoch)}
        epochs = [Epoch(**{key: value for key, value in line.items() if key in names}) for line in run.history]
        return probed_training(plan, trained.parameters, epochs, summary.stopped or "epochs")

    evaluation, decision = load_evaluation(run.folder), trained.decision
    diagnosis = diagnose_run(plan, errors, run.history, facts, predicted, training, seconds, decision, evaluation)
    soundings = load_soundings(run.folder)
    if soundings is not None:
        diagnosis = diagnosis.after_sounding(soundings)
    run.folder.write_json(DIAGNOSIS, diagnosis.to_json())
    write_checksums(run.folder)
    write_summary(run.folder, replace(summary, errors=errors, conclusion=diagnosis.conclusion))
    run.refresh()
    write_metrics(run)
    write_run_report(run, plan.data)
    RunIndex(RunStore(run.folder.path.parent)).add(run.folder)
    return run
