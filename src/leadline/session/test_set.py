"""Opening the test set: once, on purpose, and on record."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from leadline.data import Dataset
from leadline.errors import LeadlineError
from leadline.runs.final import write_final
from leadline.runs.reviews import load_reviews
from leadline.runs.run import Run
from leadline.session.final import final_test_error
from leadline.session.plan import corrected_plan
from leadline.session.results import diagnose_again, measure_error, predict_set, save_predictions
from leadline.session.run_data import same_plan

RECORD = "test_opened.json"


def openings(run: Run) -> list[str]:
    """When the run's test set was opened, oldest first."""
    return list(run.folder.read_json(RECORD)["opened"]) if (run.folder / RECORD).exists() else []


def open_test_set(run: Run, data: Dataset | None = None) -> Run:
    """Predict and measure the test set, record when, and write diagnosis and report anew.

    The data are read again from their source; `data` takes their place where they came from Python.

    Raises:
        LeadlineError: the run has no test set, or the data are not those it was trained on.

    """
    if run.status == "running":
        raise LeadlineError(f"The run {run.name} is still training: its test set stays closed until that is done.")
    if not run.set_sizes["test"]:
        raise LeadlineError(f"The run {run.name} has no test set: its split left it empty.")
    plan = corrected_plan(same_plan(run, data), load_reviews(run.folder))
    run.folder.write_json(RECORD, {"opened": [*openings(run), datetime.now(UTC).isoformat(timespec="seconds")]})
    trained = run.trained_network()
    predicted = predict_set(trained, plan, "test")
    save_predictions(run.folder, plan, "test", predicted)
    errors = {**run.errors, "test": measure_error(plan.data.task, plan.optimizing, predicted)}
    if run.final is not None:
        write_final(run.folder, replace(run.final, test=final_test_error(plan, run.final_network())))
    return diagnose_again(run, plan, errors)


def probe_again(run: Run, seconds: float) -> Run:
    """Make the probes of a run again, in so many seconds, and write diagnosis and report anew.

    Raises:
        LeadlineError: the data cannot be read any more, or are not those it was trained on.

    """
    plan = corrected_plan(same_plan(run), load_reviews(run.folder))
    return diagnose_again(run, plan, run.summary.errors, seconds)
