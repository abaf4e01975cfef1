"""Training from a Parquet table larger than memory allows: peak memory, and how busy the training loop is kept."""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from leadline.data.streaming import stream
from leadline.network import Dense, Network
from leadline.session.streams import TableStream
from leadline.training import Trainer, Training

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


def run(rows: int = ROWS, folder: str | None = None) -> list[str]:
    """Lines of a Markdown table: one epoch of a 64-64 network with batches of 512."""
    with tempfile.TemporaryDirectory(dir=folder) as place:
        path = Path(place) / "rows.parquet"
        write(path, rows)
        started = time.perf_counter()
        table = stream(path, "label")
        opened = time.perf_counter() - started
        settings = Training(epochs=1, batch_size=512)
        streamed = TableStream(table, settings)
        network = Network([Dense(64, "relu"), Dense(64, "relu"), Dense(1)])
        parameters = network.initialize(tuple(streamed.sample.x.shape[1:]))
        trainer = Trainer(network, "binary_cross_entropy", streamed, streamed.held_out("dev"), settings, parameters)
        epoch = trainer.run_epoch()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20 if sys.platform != "darwin" else 1 << 30)
    busy = 1 - table.waited / epoch.seconds
    lines = [
        "| rows | opening, s | epoch, s | rows per second | loop busy, asked for 90 % | peak memory, asked for 2 GiB |",
        "|---|---|---|---|---|---|",
    ]
    speed = len(table) / epoch.seconds
    cells = (f"{rows:,}", f"{opened:.0f}", f"{epoch.seconds:.0f}", f"{speed:,.0f}", f"{100 * busy:.1f} %")
    lines.append(f"| {' | '.join(cells)} | {peak:.2f} GiB |")
    print("\n".join(lines), flush=True)
    return lines


if __name__ == "__main__":
    run()
