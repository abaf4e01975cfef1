from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import feather, parquet

from leadline.data import Preparation, SplitSettings, WeightedSource, read
from leadline.data.normalization import ArrayEncoder
from leadline.data.streaming.table import StreamedTable, stream
from leadline.errors import LeadlineError, UsageError
from leadline.network import Dense, Network
from leadline.session.streams import TableStream
from leadline.training import DivergenceError, Examples, Trainer, TrainingSettings, fit


def table(n: int = 20_000, seed: int = 0) -> pa.Table:
    random = np.random.default_rng(seed)
    x = random.normal(size=n)
    kind = random.choice(["a", "b", "c"], n)
    return pa.table({"row": np.arange(n) / 7, "x": x, "kind": kind, "y": np.where(x + (kind == "a") > 0, "yes", "no")})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    parquet.write_table(table(), tmp_path / "rows.parquet", row_group_size=3_000)
    return tmp_path / "rows.parquet"


def rows_of(inputs: np.ndarray, made: StreamedTable) -> list[int]:
    """The rows of the file that prepared inputs are from, by their first column."""
    assert not isinstance(made.preparation.encoders, ArrayEncoder)
    encoder: Any = made.preparation.encoders[0]
    return np.round((inputs[:, 0].astype(float) * encoder.scale + encoder.center) * 7).astype(int).tolist()


def held_rows(made: StreamedTable, name: str) -> list[int]:
    assert made.data.row_numbers is not None
    return made.data.row_numbers[made.split.sets[name]].tolist()


def test_every_training_row_once_and_no_other_in_another_order_each_epoch(path: Path) -> None:
    made = stream(path, "y", buffer=4_096, split=SplitSettings(dev=0.1, test=0.1))
    orders = [[row for chunk in made.arrays(epoch, 64) for row in rows_of(chunk.x, made)] for epoch in (0, 1)]
    held = [row for name in ("dev", "test") for row in held_rows(made, name)]
    assert sorted(orders[0]) == sorted(orders[1]) == sorted({*range(20_000)} - {*held}) and len(made) == len(orders[0])
    assert len(held) == len(set(held)) and abs(len(held) - 4_000) < 300
    assert orders[0] != orders[1]
    assert np.abs(np.diff(orders[0])).mean() > 1_000  # neighbours in a batch are no neighbours in the file


def test_chunks_are_multiples_of_the_batch_but_for_the_last(path: Path) -> None:
    made = stream(path, "y", buffer=4_096)
    sizes = [len(chunk.x) for chunk in made.arrays(0, 100)]
    assert all(size % 100 == 0 for size in sizes[:-1]) and sum(sizes) == len(made) and len(sizes) > 3


@pytest.mark.parametrize("normalization", ["standardize", "unit", "none"])
def test_preparation_is_fitted_on_all_training_rows_and_on_no_other(tmp_path: Path, normalization: str) -> None:
    random = np.random.default_rng(0)
    n = 9_000
    rows = pa.table(
        {
            "x": np.where(random.random(n) < 0.1, np.nan, random.normal(1e4, 2, n)),
            "late": np.where(np.arange(n) == 8_500, np.nan, np.arange(n) % 7),  # missing once, in a later group
            "flag": random.random(n) < 0.3,
            "kind": [f"k{k}" for k in np.minimum(random.geometric(0.05, n), 50)],
            "when": (1_600_000_000 + random.integers(0, 10**8, n)).astype("datetime64[s]"),
            "y": random.normal(5, 3, n),
        }
    )
    parquet.write_table(rows, tmp_path / "rows.parquet", row_group_size=1_000)
    made = stream(tmp_path / "rows.parquet", "y", sample=500, normalization=normalization)
    assert len(made.split.train) < 700 < len(made)
    data = read(rows, "y", normalization=normalization)
    held = {*held_rows(made, "dev"), *held_rows(made, "test")}
    whole = Preparation.fit(data, np.array([row for row in range(n) if row not in held]))
    assert made.preparation.feature_names == whole.feature_names
    assert np.allclose(made.preparation.inputs(data), whole.inputs(data), rtol=1e-5, atol=1e-5)
    assert np.allclose(made.preparation.target_mean, whole.target_mean)
    assert np.allclose(made.preparation.target_scale, whole.target_scale)


def test_the_rows_in_memory_are_those_of_the_file(path: Path) -> None:
    made = stream(path, "y", segments=["kind"], sample=2_000)
    rows = table().take(pa.array(made.data.row_numbers)).to_pydict()
    assert made.data.segments()["kind"].tolist() == rows["kind"]
    assert [made.data.classes[k] for k in made.data.target] == rows["y"]
    assert made.data.rows([3])[0]["row in the source"] == made.data.row_numbers[3] + 1  # type: ignore[index]
    assert "20 000 rows train, read from disk in every epoch" in made.data.notices[0]
    again = stream(path, "y", segments=["kind"], sample=2_000)
    assert made.data.fingerprint() == again.data.fingerprint()
    assert stream(path, "y", sample=2_000, split=SplitSettings(seed=1)).split.hash() != made.split.hash()


def test_a_network_learns_from_a_stream_as_well_as_from_memory(path: Path) -> None:
    made = stream(path, "y", buffer=4_096)
    settings = TrainingSettings(epochs=3, batch_size=64)
    streamed = TableStream(made, settings)
    network = Network([Dense(8, "relu"), Dense(1)])
    found = fit(network, "binary_cross_entropy", streamed, streamed.held_out("dev"), settings)
    chunks = list(streamed.chunks(0, 64))
    x, y = np.concatenate([chunk.x for chunk in chunks]), np.concatenate([chunk.y for chunk in chunks])
    memory = fit(network, "binary_cross_entropy", Examples.of(x, y, settings), streamed.held_out("dev"), settings)
    assert found.history[-1].steps == memory.history[-1].steps == -(-len(made) // 64)
    assert found.history[-1].dev_error is not None and memory.history[-1].dev_error is not None
    assert abs(found.history[-1].dev_error - memory.history[-1].dev_error) < 0.01


def test_arrow_files_stream_too(tmp_path: Path) -> None:
    feather.write_feather(table(5_000), str(tmp_path / "rows.arrow"), compression="uncompressed", chunksize=1_000)
    made = stream(tmp_path / "rows.arrow", "y", buffer=1_024)
    assert sum(len(chunk.x) for chunk in made.arrays(0, 32)) == len(made)
    feather.write_feather(table(5_000), str(tmp_path / "rows.feather"), chunksize=1_000)
    assert stream(tmp_path / "rows.feather", "y").data.target.tolist() == made.data.target.tolist()


def test_several_files_and_folders_are_one_source(tmp_path: Path) -> None:
    whole = table(6_000)
    (tmp_path / "parts").mkdir()
    parquet.write_table(whole[:2_500], tmp_path / "parts" / "a.parquet", row_group_size=1_000)
    parquet.write_table(whole[2_500:], tmp_path / "parts" / "b.parquet", row_group_size=1_000)
    made = stream(tmp_path / "parts", "y")
    listed = stream([str(tmp_path / "parts" / "a.parquet"), str(tmp_path / "parts" / "b.parquet")], "y")
    for found in (made, listed):
        trained = [row for chunk in found.arrays(0, 64) for row in rows_of(chunk.x, found)]
        assert sorted(trained + held_rows(found, "dev") + held_rows(found, "test")) == list(range(6_000))
    assert listed.data.segments()["source"][-1] == "b.parquet"
    parquet.write_table(whole[:10].drop_columns(["x"]), tmp_path / "parts" / "c.parquet")
    with pytest.raises(LeadlineError, match=r"c\.parquet lacks the column 'x'"):
        stream(tmp_path / "parts", "y")


def test_extra_sources_train_with_their_weight_and_are_in_no_dev_or_test_set(tmp_path: Path) -> None:
    parquet.write_table(table(2_000), tmp_path / "mobile.parquet", row_group_size=500)
    parquet.write_table(table(6_000, seed=1), tmp_path / "web.parquet", row_group_size=500)
    extra = (WeightedSource(str(tmp_path / "web.parquet"), 0.5),)
    made = stream(str(tmp_path / "mobile.parquet"), "y", extra=extra)
    origin = made.data.source_of
    assert origin is not None
    assert set(origin[made.split.dev]) == set(origin[made.split.test]) == {0}
    assert set(origin[made.split.train_dev]) == {0, 1} and abs(len(made.split.train_dev) - 500) < 100
    weights = np.concatenate([chunk.weights for chunk in made.arrays(0, 64) if chunk.weights is not None])
    assert len(weights) == len(made) and abs((weights == 0.5).sum() - 0.93 * 6_000) < 150
    assert set(weights.tolist()) == {0.5, 1.0}


def test_dev_and_test_sets_from_files_of_their_own(tmp_path: Path, path: Path) -> None:
    parquet.write_table(table(300, seed=5), tmp_path / "dev.parquet")
    made = stream(path, "y", dev=str(tmp_path / "dev.parquet"), split=SplitSettings(test=0))
    assert len(made) == 20_000 and len(made.split.dev) == 300 and len(made.split.test) == 0
    assert made.data.rows(made.split.dev[:1])[0]["x"] == table(300, seed=5)["x"][0].as_py()


def test_several_targets_and_missing_ones(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=3_000)
    lacking = random.random(3_000) < 0.1
    rows = {"x": x, "a": np.where(lacking, np.nan, 2 * x), "b": np.where(lacking, np.nan, random.normal(size=3_000))}
    parquet.write_table(pa.table(rows), tmp_path / "rows.parquet")
    made = stream(tmp_path / "rows.parquet", ["a", "b"], task="regression")
    assert made.preparation.target_mean.shape == (2,)
    missing = int(lacking.sum())
    assert sum(made.data.streamed[name] for name in ("train", "dev", "test")) == 3_000 - missing
    assert any(f"{missing} of 3 000 rows are left out: the target is missing" in each for each in made.data.notices)
    labels = pa.table({"x": x, "a": (x > 0).astype(int), "b": (x > 1).astype(int), "c": (x < 2).astype(int)})
    parquet.write_table(labels, tmp_path / "labels.parquet")
    assert stream(tmp_path / "labels.parquet", ["a", "b", "c"]).data.task == "multilabel"


def test_a_class_that_a_look_at_some_rows_missed(tmp_path: Path) -> None:
    rows = pa.table({"x": np.arange(9_000.0), "y": ["a", "b"] * 4_400 + ["c"] * 200})
    parquet.write_table(rows, tmp_path / "late.parquet", row_group_size=9_000)
    made = stream(tmp_path / "late.parquet", "y", sample=1_000)
    assert made.data.classes == ("a", "b", "c") and made.data.task == "multiclass"
    assert {int(y) for chunk in made.arrays(0, 32) for y in chunk.y} == {0, 1, 2}
    only_dev = rows.append_column("set", [["dev" if y == "c" else "train" for y in rows["y"].to_pylist()]])
    parquet.write_table(only_dev, tmp_path / "late.parquet")
    with pytest.raises(LeadlineError, match=r"Class 'c' is in the dev set \(200 examples\) but not in training"):
        stream(tmp_path / "late.parquet", "y", split=SplitSettings(column="set"))


def test_a_divergence_in_a_stream_is_explained(path: Path) -> None:
    settings = TrainingSettings(epochs=3, batch_size=64, clip_norm=None)
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
    assert sum(len(chunk.x) for chunk in made.arrays(1, 32)) == len(made)


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("x", [*["1.5"] * 6_999, "oops", *["2"] * 2_000], r"row 7000, column 'x': 'oops' is not a number"),
        ("x", [*[1.5, 2.5] * 4_000, float("inf"), *[0.0] * 999], r"row 8001, column 'x': the value is not finite"),
        ("x", [*["yes", "no"] * 4_400, *["perhaps"] * 200], r"row 8801, column 'x': 'perhaps' is neither true nor"),
    ],
)
def test_what_is_wrong_far_down_is_named_with_its_row(
    tmp_path: Path, column: str, values: list[Any], message: str
) -> None:
    rows = pa.table({column: values, "y": [0, 1] * 4_500})
    parquet.write_table(rows, tmp_path / "rows.parquet", row_group_size=2_000)
    types = {"x": "boolean"} if values[0] == "yes" else {}
    with pytest.raises(LeadlineError, match=rf"rows\.parquet, {message}") as caught:
        stream(tmp_path / "rows.parquet", "y", sample=100, types=types)
    assert str(caught.value).count("\n") <= 1


def test_what_cannot_be_streamed(path: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no column 'yy' to predict\. Did you mean 'y'"):
        stream(path, "yy")
    with pytest.raises(LeadlineError, match="no such file"):
        stream(tmp_path / "none.parquet", "y")
    (tmp_path / "rows.csv").write_text("x,y\n1,2\n")
    with pytest.raises(UsageError, match=r"rows\.csv cannot be streamed; Parquet, Arrow and image folders can"):
        stream(tmp_path / "rows.csv", "y")
    parquet.write_table(table()[:0], tmp_path / "empty.parquet")
    with pytest.raises(LeadlineError, match=r"empty\.parquet has no rows"):
        stream(tmp_path / "empty.parquet", "y")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(LeadlineError, match=r"rows\.parquet cannot be read as Parquet"):
        stream(path, "y")
