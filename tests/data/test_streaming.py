from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import feather, parquet

from leadline.data import SplitSettings
from leadline.data.streaming import set_of_rows, stream
from leadline.errors import LeadlineError, UsageError
from leadline.network import Dense, Network
from leadline.session.streams import TableStream
from leadline.training import DivergenceError, Examples, Trainer, Training, fit


def table(n: int = 20_000, seed: int = 0) -> pa.Table:
    random = np.random.default_rng(seed)
    x = random.normal(size=n)
    kind = random.choice(["a", "b", "c"], n)
    return pa.table({"row": np.arange(n) / 7, "x": x, "kind": kind, "y": np.where(x + (kind == "a") > 0, "yes", "no")})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    parquet.write_table(table(), tmp_path / "rows.parquet", row_group_size=3_000)
    return tmp_path / "rows.parquet"


def rows_of(chunk: np.ndarray, made: object) -> list[int]:
    encoder = made.preparation.encoders[0]  # pyright: ignore[reportAttributeAccessIssue]
    return np.round((chunk[:, 0].astype(float) * encoder.scale + encoder.center) * 7).astype(int).tolist()


def test_every_training_row_once_and_no_other_in_another_order_each_epoch(path: Path) -> None:
    made = stream(path, "y", buffer=4_096, split=SplitSettings(dev=0.1, test=0.1))
    orders = [[row for x, _ in made.arrays(epoch, 64) for row in rows_of(x, made)] for epoch in (0, 1)]
    expected = np.flatnonzero(set_of_rows(0, 20_000, (0.1, 0.1), 0) == 0).tolist()
    assert sorted(orders[0]) == sorted(orders[1]) == expected and len(made) == len(expected)
    assert orders[0] != orders[1]
    assert np.abs(np.diff(orders[0])).mean() > 1_000  # neighbours in a batch are no neighbours in the file
    for name, code in (("dev", 1), ("test", 2)):
        held = rows_of(made.held_out[name][0], made)
        assert held == np.flatnonzero(set_of_rows(0, 20_000, (0.1, 0.1), 0) == code).tolist()


def test_chunks_are_multiples_of_the_batch_but_for_the_last(path: Path) -> None:
    made = stream(path, "y", buffer=4_096)
    sizes = [len(x) for x, _ in made.arrays(0, 100)]
    assert all(size % 100 == 0 for size in sizes[:-1]) and sum(sizes) == len(made) and len(sizes) > 3


def test_a_network_learns_from_a_stream_as_well_as_from_memory(path: Path) -> None:
    made = stream(path, "y", buffer=4_096)
    settings = Training(epochs=3, batch_size=64)
    streamed = TableStream(made, settings)
    network = Network([Dense(8, "relu"), Dense(1)])
    found = fit(network, "binary_cross_entropy", streamed, streamed.held_out("dev"), settings)
    whole = [np.concatenate(parts) for parts in zip(*made.arrays(0, 64), strict=True)]
    memory = fit(
        network, "binary_cross_entropy", Examples.of(whole[0], whole[1], settings), streamed.held_out("dev"), settings
    )
    assert found.history[-1].steps == memory.history[-1].steps == -(-len(made) // 64)
    assert found.history[-1].dev_error is not None and memory.history[-1].dev_error is not None
    assert abs(found.history[-1].dev_error - memory.history[-1].dev_error) < 0.01


def test_arrow_files_stream_too(tmp_path: Path) -> None:
    feather.write_feather(table(5_000), str(tmp_path / "rows.arrow"), compression="uncompressed", chunksize=1_000)
    made = stream(tmp_path / "rows.arrow", "y", buffer=1_024)
    assert sum(len(x) for x, _ in made.arrays(0, 32)) == len(made)


def test_a_divergence_in_a_stream_is_explained(path: Path) -> None:
    settings = Training(epochs=3, batch_size=64, clip_norm=None)
    streamed = TableStream(stream(path, "y", buffer=4_096), settings)
    network = Network([Dense(8, "relu"), Dense(1)])
    parameters = network.initialize(tuple(streamed.sample.x.shape[1:]))
    trainer = Trainer(network, "binary_cross_entropy", streamed, None, settings, parameters)
    trainer.run_epoch()
    parameters.theta[:] = float("nan")
    with pytest.raises(DivergenceError, match="training diverged in epoch 2"):
        trainer.run_epoch()


def test_leaving_a_stream_early_ends_its_reader(path: Path) -> None:
    made = stream(path, "y", buffer=1_024)
    for _ in itertools.islice(made.arrays(0, 32), 2):
        pass
    assert sum(len(x) for x, _ in made.arrays(1, 32)) == len(made)


def test_what_cannot_be_streamed(path: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no column 'yy' to predict\. Did you mean 'y'"):
        stream(path, "yy")
    with pytest.raises(LeadlineError, match="no such file"):
        stream(tmp_path / "none.parquet", "y")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(LeadlineError, match=r"rows\.parquet cannot be read as Parquet"):
        stream(path, "y")


def test_a_class_that_the_sample_lacks_is_named(tmp_path: Path) -> None:
    rows = pa.table({"x": np.arange(9_000.0), "y": ["a", "b"] * 4_400 + ["c"] * 200})
    parquet.write_table(rows, tmp_path / "late.parquet", row_group_size=9_000)
    made = stream(tmp_path / "late.parquet", "y", sample=1_000, split=SplitSettings(dev=0, test=0))
    with pytest.raises(LeadlineError, match="the class 'c' of 'y' is not among the 2 of the sample"):
        list(made.arrays(0, 32))
