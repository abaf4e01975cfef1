"""Run folders, which outlive the program, and the database that indexes them."""

from leadline.runs.folder import RunFolder
from leadline.runs.run import Run, load_run
from leadline.runs.store import RunStore

__all__ = ["Run", "RunFolder", "RunStore", "load_run"]
