"""How different two sets are: of two sources, or of a run's own sets (see `leadline.strategy.mismatch`)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from leadline.data import Dataset, SplitSettings
from leadline.data.sources.comparable import comparable, comparable_sources
from leadline.data.splitting.dependence import dependent_groups
from leadline.errors import LeadlineError, UsageError, nearest
from leadline.runs.folder import RunFolder
from leadline.runs.run import Run
from leadline.session.plan import Plan, read_data
from leadline.session.run_data import experiment_with_data
from leadline.strategy.mismatch import LEAST_EXAMPLES, Mismatch, compare_sets

MISMATCH = "mismatch.json"
SETS = ("train", "train_dev", "dev", "test")


def mismatch(first: Any, second: Any, seed: int = 0) -> Mismatch:
    """Compare two sources, whatever `leadline.read` takes; targets, where tables have them, are compared, too."""
    names = (_name(first, "the first set"), _name(second, "the second set"))
    if names[0] == names[1] and not isinstance(first, str | os.PathLike):
        names = ("the first set", "the second set")
    return compare_sets(*comparable_sources(first, second), names=names, seed=seed)


def run_mismatch(run: Run, first: str = "train", second: str = "dev", data: Dataset | None = None) -> Mismatch:
    """Compare the inputs of two of a run's sets: train, train-dev, dev or test.

    The data are read again; ``data`` takes their place where they came from Python.
    """
    experiment = experiment_with_data(run, data)
    data = read_data(experiment) if data is None else data
    columns, groups, settings = [], [], SplitSettings(**run.experiment.split.model_dump(exclude_none=True))
    for name in (first, second):
        part = name.replace("-", "_")
        if part not in SETS:
            raise UsageError(f"'{name}' is no set of a run.{nearest(name, ['train', 'train-dev', 'dev', 'test'])}")
        if len(run.split[part]) == 0:
            raise LeadlineError(f"The run {run.name} has no {name} set.")
        columns.append(comparable(data, run.split[part]))
        groups.append(dependent_groups(data, settings, run.split[part]))
    return compare_sets(columns[0], columns[1], names=(first, second), groups=(groups[0], groups[1]))


def write_mismatch(folder: RunFolder, plan: Plan) -> None:
    """Compare train-dev, which training's distribution gave, with dev, the target's, where a run has both."""
    sets = (plan.split.train_dev, plan.split.dev)
    if min(map(len, sets)) < LEAST_EXAMPLES:
        return
    (first, second), groups = (comparable(plan.data, rows) for rows in sets), [plan.groups(rows) for rows in sets]
    if all(own is None or len(np.unique(own)) >= LEAST_EXAMPLES for own in groups):
        mismatch = compare_sets(first, second, names=("train-dev", "dev"), groups=(groups[0], groups[1]))
        folder.write_json(MISMATCH, mismatch.to_json())


def load_mismatch(folder: RunFolder) -> Mismatch | None:
    """What `write_mismatch` wrote, if it did."""
    return Mismatch.from_json(folder.read_json(MISMATCH)) if (folder / MISMATCH).exists() else None


def _name(source: Any, otherwise: str) -> str:
    return Path(source).name if isinstance(source, str | os.PathLike) else otherwise
