"""Which pages there are: those of the application, and those of a run."""

from __future__ import annotations

from leadline.runs.run import Run

PAGES = (("/", "Runs"), ("/searches", "Searches"), ("/gallery", "Gallery"))
"""Address and name of each page in the masthead."""


def run_tabs(run: Run) -> list[tuple[str, str]]:
    """What comes after the run's address, and the name of each of its pages."""
    tabs = [("", "Overview")]
    if run.has_predictions("dev"):
        tabs.append(("/mistakes", "Mistakes"))
        if run.task.one_class:
            tabs.append(("/labels", "Labels"))
    return tabs
