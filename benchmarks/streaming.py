"""Training from a Parquet table larger than memory allows: peak memory, and how busy the training loop is kept.

The run is one that `leadline train rows.parquet --target label --stream` makes, with its split, predictions, diagnosis
and report.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from leadline.experiment import Experiment
from leadline.session.plan import Plan
from leadline.session.training import run_experiment

ROWS = 20_000_000
GROUP = 250_000


def write(path: Path, rows: int) -> None:
    """A table of 8 numbers, one with gaps, a category and a class, written group by group."""
    random = np.random.default_rng(0)
    writer: parquet.ParquetWriter | None = None
    for _ in range(0, rows, GROUP):
        x = random.normal(size=(GROUP, 8)).astype(np.float32)
        kind = random.integers(0, 5, GROUP)
        label = x[:, 0] * x[:, 1] + x[:, 2] + 0.5 * (kind == 1) > 0
        x[random.random(GROUP) < 0.02, 7] = np.nan
        columns: dict[str, object] = {f"x{j}": x[:, j] for j in range(8)}
        columns |= {"kind": pa.array(np.array(["a", "b", "c", "d", "e"])[kind]), "label": label}
        table = pa.table(columns)
        writer = writer or parquet.ParquetWriter(path, table.schema, compression="snappy")
        writer.write_table(table)
    if writer is not None:
        writer.close()


class Watch:
    """Listens to a training: when it began, and how long its loop waited for data."""

    def __init__(self) -> None:
        self.began = 0.0
        self.plan: Plan | None = None

    def planned(self, plan: Plan) -> None:
        """The table has been opened."""
        self.began, self.plan = time.perf_counter(), plan

    def evaluating(self, text: str) -> None:
        """There are no seeds and no folds."""

    def step(self, step: int, steps: int, cost: float) -> None:
        """Nothing."""

    def epoch(self, epoch: Mapping[str, Any]) -> None:
        """Nothing."""


def run(rows: int = ROWS, folder: str | None = None) -> list[str]:
    """Lines of a Markdown table: one epoch of a 64-64 network with batches of 512."""
    with tempfile.TemporaryDirectory(dir=folder) as place:
        path = Path(place) / "rows.parquet"
        write(path, rows)
        layers = [{"type": "dense", "units": units, "activation": "relu"} for units in (64, 64)]
        experiment = Experiment.from_dict(
            {
                "data": {"source": str(path), "target": "label", "stream": True},
                "network": {"layers": [*layers, {"type": "dense", "units": 1}]},
                "training": {"epochs": 1, "batch_size": 512},
            }
        )
        started, watch = time.perf_counter(), Watch()
        made = run_experiment(experiment, runs=Path(place) / "runs", listener=watch)
        whole = time.perf_counter() - started
        seconds = made.history[0]["seconds"]
    assert watch.plan is not None and watch.plan.table is not None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20 if sys.platform != "darwin" else 1 << 30)
    busy = 1 - watch.plan.table.ahead.waited / seconds
    lines = [
        "| rows | opening, s | epoch, s | whole run, s | rows per second | loop busy, of 90 % | peak, of 2 GiB |",
        "|---|---|---|---|---|---|---|",
    ]
    speed = watch.plan.n_train / seconds
    times = (f"{value:.0f}" for value in (watch.began - started, seconds, whole))
    cells = (f"{rows:,}", *times, f"{speed:,.0f}", f"{100 * busy:.1f} %", f"{peak:.2f} GiB")
    lines.append(f"| {' | '.join(cells)} |")
    print("\n".join(lines), flush=True)
    return lines


if __name__ == "__main__":
    run(int(sys.argv[1]) if len(sys.argv) > 1 else ROWS)
