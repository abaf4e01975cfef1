from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from leadline.data import SplitSettings
from leadline.data.streaming.row_sets import uniform
from leadline.data.streaming.table import StreamedTable, stream
from leadline.errors import LeadlineError, UsageError

N = 12_000


def rows(**columns: object) -> pa.Table:
    random = np.random.default_rng(0)
    return pa.table({"x": random.normal(size=N), **columns, "y": random.integers(0, 2, N)})


def streamed(folder: Path, table: pa.Table, **split: object) -> StreamedTable:
    parquet.write_table(table, folder / "rows.parquet", row_group_size=2_500)
    return stream(folder / "rows.parquet", "y", split=SplitSettings(**split))  # type: ignore[arg-type]


def columns_of(made: StreamedTable, name: str) -> dict[str, list]:
    assert made.data.table is not None
    values = made.data.table.column(name)
    return {part: values.take(pa.array(rows)).to_pylist() for part, rows in made.split.sets.items()}


def test_draws_are_uniform_and_differ_by_seed_and_salt() -> None:
    words = np.arange(100_000, dtype=np.uint64)
    drawn = [uniform(words, seed, salt) for seed, salt in ((0, 0), (1, 0), (0, 1))]
    for each in drawn:
        assert each.min() >= 0 and each.max() < 1
        assert np.abs(np.histogram(each, 10, (0, 1))[0] - 10_000).max() < 500
    assert np.abs(np.corrcoef(drawn) - np.eye(3)).max() < 0.02


def test_sizes_are_met_up_to_chance_and_old_rows_change_sets_only_towards_training(tmp_path: Path) -> None:
    made = streamed(tmp_path, rows(), dev=1_000, test=0.2, train_dev=500)
    assert {name: abs(made.data.streamed[name] - size) < 150 for name, size in (("dev", 1_000), ("test", 2_400))}
    assert abs(len(made.split.dev) - 1_000) < 120 and abs(len(made.split.test) - 2_400) < 180
    assert abs(len(made.split.train_dev) - 500) < 100
    more = pa.concat_tables([rows(), rows()])
    grown = streamed(tmp_path, more, dev=1_000, test=0.1)
    old, new = (
        {name: {*each.data.row_numbers[part].tolist()} for name, part in each.split.sets.items()}  # type: ignore[index]
        for each in (made, grown)
    )
    assert {row for row in new["dev"] if row < N} <= old["dev"]
    assert {row for row in new["test"] if row < N} <= old["test"]


def test_groups_stay_whole(tmp_path: Path) -> None:
    who = np.random.default_rng(1).integers(0, 600, N)
    made = streamed(tmp_path, rows(who=who), group="who", dev=0.2, test=0.2, train_dev=0.1)
    found = {name: set(values) for name, values in columns_of(made, "who").items()}
    for first, second in (("train", "dev"), ("train", "test"), ("dev", "test"), ("train", "train_dev")):
        assert found[first] and found[second] and found[first].isdisjoint(found[second])
    assert "who" not in [column.name for column in made.data.inputs]  # type: ignore[union-attr]


def test_training_is_the_past_and_test_the_latest(tmp_path: Path) -> None:
    day = np.random.default_rng(1).permutation(N).astype("datetime64[s]")
    made = streamed(tmp_path, rows(day=day), time="day", dev=1_000, test=500)
    found = columns_of(made, "day")
    assert max(found["train"]) < min(found["dev"]) <= max(found["dev"]) < min(found["test"])
    assert len(found["dev"]) == 1_000 and len(found["test"]) == 500
    with pytest.raises(LeadlineError, match=r"rows\.parquet, row 2601, column 'day': the time is missing"):
        streamed(tmp_path, rows(day=[None if k == 2_600 else k for k in range(N)]), time="day")


def test_a_column_says_it(tmp_path: Path) -> None:
    names = np.random.default_rng(1).choice(["train", "valid", "test", "train-dev"], N, p=[0.7, 0.1, 0.1, 0.1])
    made = streamed(tmp_path, rows(set=names), column="set")
    assert [set(each) for each in columns_of(made, "set").values()] == [{"train"}, {"train-dev"}, {"valid"}, {"test"}]
    assert made.data.streamed["train"] == int((names == "train").sum())
    names[7_000] = "holdout"
    with pytest.raises(LeadlineError, match=r"rows\.parquet, row 7001, column 'set': 'holdout' is no set"):
        streamed(tmp_path, rows(set=names), column="set")


@pytest.mark.parametrize(
    ("split", "message"),
    [
        ({"file": "split.npz"}, "split.file: a streamed table goes by row and seed"),
        ({"duplicates": "together"}, "split.duplicates: .* needs them in memory"),
        ({"group": "whom"}, "split.group: there is no column 'whom'. Did you mean 'who'"),
    ],
)
def test_ways_to_split_that_need_all_rows(tmp_path: Path, split: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        streamed(tmp_path, rows(who=np.arange(N) % 9), **split)
