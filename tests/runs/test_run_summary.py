"""What ``run.json`` says: it comes back as it was written, from older folders as well, and damage names the file."""

import json
from pathlib import Path
from typing import Any

import pytest

from leadline.errors import LeadlineError
from leadline.measure import Estimate
from leadline.measure.tasks import REGRESSION
from leadline.runs import Run, RunFolder
from leadline.runs.summary import RunSummary, read_summary, write_summary

WHOLE: dict[str, Any] = {
    "name": "digits",
    "status": "done",
    "started": "2026-11-20T21:30:15+00:00",
    "seconds": 2.5,
    "source": "digits",
    "task": "regression",
    "metric": "rmse",
    "parameters": 85,
    "epochs": 7,
    "best_epoch": 5,
    "kept_epoch": 5,
    "stopped": "early stopping",
    "errors": {"dev": {"value": 1.5, "low": 1.25, "high": 1.75, "n": 40, "level": 0.95, "unit": ""}},
    "conclusion": "No gap is present.",
    "learning_rates_by_hand": {"3": 0.0625},
    "of_a_later_version": [1, 2],
}


def run_with(folder: Path, text: str) -> Run:
    folder.mkdir()
    (folder / "run.json").write_text(text)
    return Run(RunFolder(folder))


def test_a_summary_comes_back_key_by_key(tmp_path: Path) -> None:
    summary = RunSummary.from_json(WHOLE)
    assert summary.errors["dev"] == Estimate(1.5, 1.25, 1.75, 40, unit="")
    assert summary.learning_rates_by_hand == {3: 0.0625}
    assert summary.to_json() == WHOLE and list(summary.to_json()) == list(WHOLE)
    folder = RunFolder(tmp_path)
    write_summary(folder, summary)
    assert read_summary(folder) == summary
    run = Run(folder)
    assert (run.task, run.best_epoch, run.n_parameters, run.errors["dev"].n) == (REGRESSION, 5, 85, 40)
    assert type(run.task) is type(REGRESSION)


def test_what_an_older_or_unfinished_run_does_not_say_is_none(tmp_path: Path) -> None:
    run = run_with(tmp_path / "a", '{"name": "a", "status": "running", "errors": {}}')
    assert (run.status, run.best_epoch, run.n_parameters, run.summary.seconds) == ("running", None, None, None)
    assert run.errors == {} and run.predicted_sets == () and not run.has_diagnosis


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "cannot be read"),
        ("[]", "is damaged"),
        ('{"name": "a"}', "it lacks 'status'"),
        ('{"status": 7}', "status is 7"),
        ('{"status": "done", "errors": {"dev": {"valu": 0.1}}}', "is damaged"),
        ('{"status": "done", "errors": [0.1]}', "is damaged"),
        ('{"status": "done", "learning_rates_by_hand": {"x": 1}}', "is damaged"),
    ],
)
def test_a_damaged_summary_is_one_line_that_names_the_file(tmp_path: Path, text: str, complaint: str) -> None:
    run = run_with(tmp_path / "a", text)
    with pytest.raises(LeadlineError, match=complaint) as raised:
        _ = run.status
    assert str(tmp_path / "a" / "run.json") in str(raised.value) and "\n" not in str(raised.value)


def test_a_task_or_part_that_is_missing_names_the_file(tmp_path: Path) -> None:
    run = run_with(tmp_path / "a", '{"status": "done"}')
    (run.folder / "data.json").write_text(json.dumps({"classes": ["x", "y"]}))
    with pytest.raises(LeadlineError, match=r"run\.json is damaged: it lacks 'task'"):
        _ = run.task
    with pytest.raises(LeadlineError, match=r"data\.json is damaged: it lacks 'split'"):
        _ = run.set_sizes
    assert run.classes == ("x", "y") and run.target == "value"
    with pytest.raises(LeadlineError, match=r"predictions.dev\.parquet"):
        run.predictions("dev")
