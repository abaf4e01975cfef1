"""The threshold of a finished run, chosen or given afterwards: answers, errors and report follow it."""

from __future__ import annotations

from dataclasses import replace

from leadline.data import Dataset
from leadline.errors import LeadlineError
from leadline.experiment import GoalSection
from leadline.measure.thresholds import Threshold
from leadline.runs.decision import read_decision, write_decision
from leadline.runs.reviews import load_reviews
from leadline.runs.run import Run
from leadline.session.deciding import check_decision, threshold_for
from leadline.session.plan import Plan, corrected_plan
from leadline.session.results import Predicted, diagnose_again, measure_error, predicted_rows, save_predictions
from leadline.session.run_data import same_plan


def set_threshold(run: Run, goal: GoalSection, data: Dataset | None = None) -> Threshold:
    """Choose the threshold that ``goal`` asks for on the dev set of a run, and answer by it in all its sets.

    ``goal`` says what is optimized and what has to hold, or gives the threshold as a number; what it leaves open is
    what the run's own goal says. Nothing is trained or predicted anew.

    Raises:
        LeadlineError: no threshold keeps the limits, or the data of the run cannot be read.
        UsageError: the target has no threshold, or a metric does not depend on one.

    """
    own = run.experiment.goal.model_dump(exclude_none=True) | {"threshold": "optimize", "satisficing": {}}
    asked = run.experiment.replace({"goal": own | goal.model_dump(exclude_none=True, exclude_defaults=True)})
    check_decision(asked, run.task, run.classes, run.has_predictions("dev"))
    if not run.has_predictions("dev"):
        raise LeadlineError(f"{run.name} has no dev predictions to choose a threshold by.")
    plan = corrected_plan(same_plan(run, data), load_reviews(run.folder))
    dev = _predicted(run, plan, "dev")
    chosen = threshold_for(asked.goal, run.task, run.classes, dev.labels, dev.outputs, dev.groups)
    assert chosen is not None
    decision = replace(read_decision(run.folder), threshold=chosen)
    write_decision(run.folder, decision)
    errors = dict(run.errors)
    for part in run.predicted_sets:
        predicted = _predicted(run, plan, part)
        predicted = replace(predicted, answers=decision.answers(run.task, predicted.outputs))
        save_predictions(run.folder, plan, part, predicted)
        rung = part.replace("_", "-")
        if rung in errors:
            errors[rung] = measure_error(plan.data.task, plan.optimizing, predicted)
    diagnose_again(run, plan, errors)
    return chosen


def _predicted(run: Run, plan: Plan, part: str) -> Predicted:
    """The predictions that there are, with the labels now in force."""
    answers = run.answers(part)
    return predicted_rows(plan, answers.rows, answers.scores, answers.segments)
