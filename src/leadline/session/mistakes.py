"""A run's dev mistakes: a table for people to tick causes in, what the causes come to, and where mistakes gather."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from leadline.data import Dataset
from leadline.errors import LeadlineError
from leadline.measure import Measured, proportion
from leadline.runs import reviewing
from leadline.runs.review_store import ReviewStore
from leadline.runs.reviews import load_mistakes
from leadline.runs.run import Run
from leadline.session.plan import Plan
from leadline.session.test_set import same_plan
from leadline.session.trained import TrainedNetwork
from leadline.strategy import (
    Cluster,
    ErrorAnalysis,
    MistakeTable,
    Slice,
    analyse,
    find_clusters,
    find_slices,
    sample_mistakes,
    sample_size,
)
from leadline.strategy.plain import plain

CHUNK = 4096


@dataclass(frozen=True, eq=False)
class RunMistakes:
    """The mistakes of a run's dev set.

    Attributes:
        rows: numbers of all dev examples in the data, int (m,).
        wrong: whether each is predicted wrongly, boolean (m,).
        labels: names (m,).
        predictions: names (m,).
        error: of the dev set.
        suggested_sample: how many mistakes to look through.
        table: those that were looked through; None if nobody has.
        analysis: what their causes come to; None without causes.
        slices: parts of the dev set, by the columns of the data, where mistakes gather.
        clusters: of images, by what the network makes of them.

    """

    rows: np.ndarray
    wrong: np.ndarray
    labels: tuple[str, ...]
    predictions: tuple[str, ...]
    error: Measured
    suggested_sample: int
    table: MistakeTable | None = None
    analysis: ErrorAnalysis | None = None
    slices: tuple[Slice, ...] = ()
    clusters: tuple[Cluster, ...] = ()

    def to_look_through(self, size: int | None = None, causes: Sequence[str] = (), seed: int = 0) -> MistakeTable:
        """The looked-through mistakes, or else a random sample of all, with the cause columns asked for."""
        if self.table is not None:
            missing = {name: np.zeros(len(self.table.rows), bool) for name in causes if name not in self.table.causes}
            table = self.table
            kept = {**table.causes, **missing}
            return MistakeTable(table.rows, kept, table.labels, table.predictions, table.comments)
        chosen = sample_mistakes(self.wrong, size or self.suggested_sample, seed)
        return MistakeTable(
            tuple(int(row) for row in self.rows[chosen]),
            {name: np.zeros(len(chosen), bool) for name in causes},
            tuple(self.labels[k] for k in chosen),
            tuple(self.predictions[k] for k in chosen),
        )

    def to_json(self) -> dict[str, Any]:
        """Plain values; clusters name their mistakes by row."""
        clusters = [c.to_json() | {"mistakes": self.rows[c.mistakes].tolist()} for c in self.clusters]
        return {
            "mistakes": int(self.wrong.sum()),
            "error": self.error.to_json(),
            "suggested_sample": self.suggested_sample,
            "looked_through": 0 if self.table is None else len(self.table.rows),
            "causes": [] if self.analysis is None else plain(self.analysis.causes),
            "unexplained": None if self.analysis is None else plain(self.analysis.unexplained),
            "slices": [found.to_json() for found in self.slices],
            "clusters": clusters,
        }


def find_mistakes(run: Run, data: Dataset | None = None, suggest: bool = True) -> RunMistakes:
    """The dev mistakes of a run, the causes people ticked, and with `suggest` slices and clusters.

    Slices and clusters need the data; where those have changed or are gone, there are none.

    Raises:
        LeadlineError: the run has no classes, or no dev predictions.

    """
    if run.summary["task"] not in ("binary", "multiclass"):
        raise LeadlineError(f"Mistakes are told apart where examples have one class each; {run.name} has not.")
    predicted = run.predictions("dev").to_pydict()
    labels, predictions = tuple(predicted["label"]), tuple(predicted["prediction"])
    wrong = np.array([label != answer for label, answer in zip(labels, predictions, strict=True)], bool)
    error, table = proportion(int(wrong.sum()), len(wrong)), load_mistakes(run.folder)
    analysis = analyse(table.causes, error) if table is not None and table.causes and table.rows else None
    rows = np.array(predicted["row"], np.int64)
    slices, clusters = _suggestions(run, data, rows, wrong) if suggest else ((), ())
    size = sample_size(int(wrong.sum()))
    return RunMistakes(rows, wrong, labels, predictions, error, size, table, analysis, slices, clusters)


def import_causes(run: Run, path: str | Path) -> MistakeTable:
    """Read a table that people filled, and keep it with the run: its ticks as they are there, and all others as before.

    Raises:
        LeadlineError: for a damaged table, or a row that is no dev mistake of the run.

    """
    table = MistakeTable.from_csv(path)
    found = find_mistakes(run, suggest=False)
    mistakes = {int(row) for row in found.rows[found.wrong]}
    for row in table.rows:
        if row not in mistakes:
            raise LeadlineError(f"{path}: row {row} is no dev mistake of {run.name}: it is another run's table?")
    if not table.rows:
        raise LeadlineError(f"{path} has no mistakes in it.")
    ReviewStore(run.folder).act("mistakes", f"import of {Path(path).name}", reviewing.import_table(table))
    return table


def hidden_features(trained: TrainedNetwork, inputs: np.ndarray) -> np.ndarray:
    """Activations of the last hidden layer for prepared inputs (m, …): (m, d); without one, the inputs themselves."""
    parameters, hidden = trained.parameters, trained.network.layers[:-1]
    memories = trained.network.memories(parameters)
    found = []
    for start in range(0, len(inputs), CHUNK):
        output = torch.as_tensor(inputs[start : start + CHUNK]).to(parameters.theta)
        for layer, own, memory in zip(hidden, parameters.layers, memories, strict=False):
            output = layer.forward(own, output, memory)
        found.append(output.reshape(len(output), -1).cpu().numpy().copy())
    return np.concatenate(found)


def _suggestions(
    run: Run, data: Dataset | None, rows: np.ndarray, wrong: np.ndarray
) -> tuple[tuple[Slice, ...], tuple[Cluster, ...]]:
    try:
        plan = same_plan(run, data)
    except LeadlineError:
        return (), ()
    if plan.data.table is not None:
        return find_slices(_columns(plan, rows), wrong), ()
    if plan.data.image_shape is None:
        return (), ()
    inputs = plan.preparation.inputs(plan.data, rows, dtype=plan.training.precision)
    return (), find_clusters(hidden_features(run.trained_network(), inputs), wrong)


def _columns(plan: Plan, rows: np.ndarray) -> dict[str, np.ndarray]:
    """The columns as they were read, also those the network is not given, but not the target."""
    table = plan.data.table
    assert table is not None
    found = {}
    for name in table.column_names:
        if name in plan.data.target_names:
            continue
        values = table[name].take(rows).to_pylist()
        numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in values if v is not None)
        column = [np.nan if v is None else v for v in values] if numbers else values
        found[name] = np.array(column, float if numbers else object)
    return found
