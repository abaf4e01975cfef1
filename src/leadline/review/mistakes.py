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
from leadline.files import plain
from leadline.measure import Estimate, Task
from leadline.review import edits
from leadline.review.store import ReviewStore
from leadline.runs.criteria import Judged, judge_run
from leadline.runs.reviews import load_mistakes
from leadline.runs.run import Run
from leadline.runs.trained import TrainedNetwork
from leadline.session.plan import Plan
from leadline.session.results import GATHERED, renew_report
from leadline.session.test_set import same_plan
from leadline.strategy import (
    Cluster,
    ErrorAnalysis,
    MistakeTable,
    Slice,
    find_clusters,
    sample_mistakes,
    sample_size,
)

CHUNK = 4096


@dataclass(frozen=True, eq=False)
class RunMistakes:
    """The mistakes of a run's dev set.

    Attributes:
        task: of the run.
        judged: the answers on the dev set, judged.
        table: mistakes that were looked through; None if nobody has.
        analysis: what their causes come to; None without causes.
        slices: parts of the dev set, by the columns of the data, where mistakes gather.
        clusters: of images, by what the network makes of them.

    """

    task: Task
    judged: Judged
    table: MistakeTable | None = None
    analysis: ErrorAnalysis | None = None
    slices: tuple[Slice, ...] = ()
    clusters: tuple[Cluster, ...] = ()

    @property
    def rows(self) -> np.ndarray:
        """Numbers of all dev examples in the data, int (m,)."""
        return self.judged.rows

    @property
    def wrong(self) -> np.ndarray:
        """Whether each is a mistake, boolean (m,)."""
        return self.judged.wrong

    @property
    def labels(self) -> tuple[str, ...]:
        """What each should be, as text (m,)."""
        return self.judged.labels

    @property
    def predictions(self) -> tuple[str, ...]:
        """What was predicted, as text (m,)."""
        return self.judged.predictions

    @property
    def weights(self) -> np.ndarray:
        """What each adds to the error, (m,)."""
        return self.judged.weights

    @property
    def error(self) -> Estimate:
        """Of the dev set."""
        return self.judged.error

    @property
    def suggested_sample(self) -> int:
        """How many mistakes to look through."""
        return sample_size(int(self.wrong.sum()))

    @property
    def heading(self) -> str:
        """How many mistakes there are, and the error."""
        return self.judged.summary

    def to_look_through(self, size: int | None = None, causes: Sequence[str] = (), seed: int = 0) -> MistakeTable:
        """The looked-through mistakes, or else a random sample of all, with the cause columns asked for.

        Of a regression the largest residuals come first, for a sample would miss what the error is made of.
        """
        if self.table is not None:
            missing = {name: np.zeros(len(self.table.rows), bool) for name in causes if name not in self.table.causes}
            table = self.table
            kept = {**table.causes, **missing}
            return MistakeTable(table.rows, kept, table.labels, table.predictions, table.comments)
        size = size or self.suggested_sample
        if self.judged.largest_first:
            chosen = np.argsort(-self.weights, kind="stable")[:size]
        else:
            chosen = sample_mistakes(self.wrong, size, seed)
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
            "task": self.task,
            "mistakes": int(self.wrong.sum()),
            "error": self.error.to_json(),
            "suggested_sample": self.suggested_sample,
            "looked_through": 0 if self.table is None else len(self.table.rows),
            "causes": [] if self.analysis is None else plain(self.analysis.causes),
            "unexplained": None if self.analysis is None else plain(self.analysis.unexplained),
            "rest": None if self.analysis is None else plain(self.analysis.rest),
            "slices": [each.to_json() for each in self.slices],
            "clusters": clusters,
        }


def find_mistakes(run: Run, data: Dataset | None = None, suggest: bool = True) -> RunMistakes:
    """The dev mistakes of a run, the causes people ticked, and with `suggest` slices and clusters.

    A mistake is a wrong class, an example with wrong labels, or one of the largest residuals, which hold half of a
    regression's error. Slices and clusters need the data; where those have changed or are gone, there are none.

    Raises:
        LeadlineError: the run has no dev predictions.

    """
    judged = judge_run(run)
    table = load_mistakes(run.folder)
    analysis = judged.analyse(table) if table is not None and table.causes and table.rows else None
    slices, clusters = _suggestions(run, data, judged) if suggest else ((), ())
    return RunMistakes(run.task, judged, table, analysis, slices, clusters)


def keep_findings(run: Run, mistakes: RunMistakes) -> None:
    """Keep the slices and clusters with the run, and write its report anew where that changes it."""
    parts = [part.to_json() for part in mistakes.slices] + [
        {key: value for key, value in cluster.to_json().items() if key != "mistakes"} for cluster in mistakes.clusters
    ]
    before = run.folder.read_json(GATHERED) if (run.folder / GATHERED).exists() else []
    if parts != before or mistakes.table is not None:
        run.folder.write_json(GATHERED, parts)
        renew_report(run)


def import_causes(run: Run, path: str | Path) -> MistakeTable:
    """Read a table that people filled, and keep it with the run: its ticks as they are there, and all others as before.

    Raises:
        LeadlineError: for a damaged table, or a row that is no dev mistake of the run.

    """
    table = MistakeTable.from_csv(path)
    run_mistakes = find_mistakes(run, suggest=False)
    any_example = run_mistakes.task.graded  # any residual may be looked at
    allowed = {int(row) for row in (run_mistakes.rows if any_example else run_mistakes.rows[run_mistakes.wrong])}
    what = "example" if any_example else "mistake"
    for row in table.rows:
        if row not in allowed:
            raise LeadlineError(f"{path}: row {row} is no dev {what} of {run.name}: it is another run's table?")
    if not table.rows:
        raise LeadlineError(f"{path} has no mistakes in it.")
    ReviewStore(run.folder).act("mistakes", f"import of {Path(path).name}", edits.import_table(table))
    return table


def hidden_features(trained: TrainedNetwork, inputs: np.ndarray) -> np.ndarray:
    """Activations of the last hidden layer for prepared inputs (m, …): (m, d); without one, the inputs themselves."""
    parameters, hidden = trained.parameters, len(trained.network) - 1
    memories = trained.network.memories(parameters)
    blocks = []
    for start in range(0, len(inputs), CHUNK):
        output = torch.as_tensor(inputs[start : start + CHUNK]).to(parameters.theta)
        for i in range(hidden):
            output = trained.network.forward_layer(i, parameters, output, memories)
        blocks.append(output.reshape(len(output), -1).cpu().numpy().copy())
    return np.concatenate(blocks)


def _suggestions(run: Run, data: Dataset | None, judged: Judged) -> tuple[tuple[Slice, ...], tuple[Cluster, ...]]:
    try:
        plan = same_plan(run, data)
    except LeadlineError:
        return (), ()
    if plan.data.table is not None:
        return judged.find_slices(_columns(plan, judged.rows)), ()
    if plan.data.image_shape is None:
        return (), ()
    inputs = plan.preparation.inputs(plan.data, judged.rows, dtype=plan.training.precision)
    return (), find_clusters(hidden_features(run.trained_network(), inputs), judged.wrong)


def _columns(plan: Plan, rows: np.ndarray) -> dict[str, np.ndarray]:
    """The columns as they were read, also those the network is not given, but not the target."""
    table = plan.data.table
    assert table is not None
    columns = {}
    for name in table.column_names:
        if name in plan.data.target_names:
            continue
        values = table[name].take(rows).to_pylist()
        numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in values if v is not None)
        column = [np.nan if v is None else v for v in values] if numbers else values
        columns[name] = np.array(column, float if numbers else object)
    return columns
