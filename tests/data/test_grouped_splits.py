from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadline.data import Split, SplitSettings, read, set_aside, split
from leadline.errors import LeadlineError, UsageError


def frame(n: int = 400, seed: int = 0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "size": random.normal(size=n),
            "patient": [f"p{k}" for k in random.integers(0, 60, n)],
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(random.permutation(n), unit="D"),
            "set": random.choice(["train", "Dev", "test"], n, p=[0.6, 0.2, 0.2]),
            "y": random.integers(0, 2, n),
        }
    )


def sides(made: Split, values: Any) -> list[set]:
    return [set(np.asarray(values)[rows]) for rows in made.sets.values()]


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10**6), st.integers(30, 60), st.sampled_from([0, 0.1]))
def test_no_group_is_on_two_sides(seed: int, groups: int, train_dev: float) -> None:
    random = np.random.default_rng(seed)
    ids = random.integers(0, groups, 300)
    data = read(random.normal(size=(300, 2)), random.integers(0, 2, 300))
    made = split(data, SplitSettings(train_dev=train_dev, seed=seed % 7), groups=ids)
    found = sides(made, ids)
    assert sum(len(each) for each in found) == len(set.union(*found))
    assert sum(made.sizes.values()) == 300
    for name, size in (("dev", 60), ("test", 60)):
        assert 0 < made.sizes[name] <= max(size, 1.5 * size)


def test_a_column_of_the_table_names_the_groups() -> None:
    table = frame()
    data = set_aside(read(table, "y"), {"split.group": "patient"})
    made = split(data, SplitSettings(group="patient"))
    found = sides(made, table["patient"])
    assert all(a.isdisjoint(b) for a, b in ((found[0], found[2]), (found[0], found[3]), (found[2], found[3])))
    assert abs(made.sizes["dev"] - 80) <= 20 and abs(made.sizes["test"] - 80) <= 20
    assert "patient" not in [column.name for column in data.inputs if not isinstance(column, np.ndarray)]
    assert any("patient is left out: it says how to split (split.group)" in notice for notice in data.notices)


def test_a_group_larger_than_the_set_is_one_clear_line() -> None:
    data = read(np.arange(100.0)[:, None], np.arange(100) % 2)
    with pytest.raises(LeadlineError, match=r"smallest of 2 groups has 50 rows, but the test set is to have 20"):
        split(data, groups=np.arange(100) % 2)
    with pytest.raises(LeadlineError, match="all rows have one group"):
        split(data, groups=np.zeros(100))


def test_rows_without_a_group_are_groups_of_their_own() -> None:
    data = read(np.arange(100.0)[:, None], np.arange(100) % 2)
    made = split(data, groups=[None if k < 90 else "a" for k in range(100)])
    assert made.sizes == {"train": 60, "train_dev": 0, "dev": 20, "test": 20}


def test_by_time_training_is_the_past() -> None:
    table = frame()
    made = split(read(table, "y"), SplitSettings(time="day", train_dev=40))
    day = table["day"].to_numpy()
    assert max(day[made.train].max(), day[made.train_dev].max()) < day[made.dev].min()
    assert day[made.dev].max() < day[made.test].min()
    assert made.sizes == {"train": 200, "train_dev": 40, "dev": 80, "test": 80}


def test_a_missing_time_is_named() -> None:
    table = frame(50)
    table.loc[7, "day"] = pd.NaT
    with pytest.raises(LeadlineError, match="'day' is missing in 1 rows, first in row 8"):
        split(read(table, "y"), SplitSettings(time="day"))


def test_by_a_column() -> None:
    table = frame()
    data = read(table, "y")
    made = split(data, SplitSettings(column="set"))
    assert sides(made, table["set"])[0] == {"train"}
    assert sides(made, table["set"])[2:] == [{"Dev"}, {"test"}]
    table.loc[3, "set"] = "later"
    with pytest.raises(LeadlineError, match="'set' is 'later' in row 4; it names sets"):
        split(read(table, "y"), SplitSettings(column="set"))


@pytest.mark.parametrize("key", ["group", "time", "column"])
def test_a_column_that_is_not_there(key: str) -> None:
    with pytest.raises(UsageError, match=rf"split\.{key}: data has no column 'pateint'"):
        split(read(frame(), "y"), replace(SplitSettings(), **{key: "pateint"}))
    with pytest.raises(UsageError, match="holds arrays"):
        split(read(np.eye(30), np.arange(30) % 2), replace(SplitSettings(), **{key: "a"}))


@pytest.mark.parametrize(
    "wrong",
    [{"group": "a", "time": "b"}, {"time": "a", "file": "b"}, {"duplicates": "together", "time": "a"}],
)
def test_ways_that_exclude_each_other(wrong: dict) -> None:
    with pytest.raises(UsageError, match="exclude each other"):
        SplitSettings(**wrong)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10**6), st.integers(0, 200), st.booleans())
def test_old_rows_stay_where_they_were(tmp_path_factory: Any, seed: int, added: int, grouped: bool) -> None:
    path = tmp_path_factory.mktemp("kept") / "split.npz"
    table = frame(300 + added, seed)
    group = "patient" if grouped else None
    old = split(read(table[:300], "y"), SplitSettings(seed=1, group=group))
    old.save(path)
    order = np.random.default_rng(seed).permutation(len(table))  # new rows come in between, in any order
    new = split(read(table.iloc[order], "y"), SplitSettings(file=str(path), group=group))
    place = np.argsort(order)
    for name, rows in old.sets.items():
        assert np.isin(place[rows], new.sets[name]).all()
    assert sum(new.sizes.values()) == len(table)
    if grouped:
        found = sides(new, table["patient"].to_numpy()[order])
        assert sum(len(each) for each in found) == len(set.union(*found))


def test_new_rows_join_by_their_content_alone(tmp_path: Path) -> None:
    table = frame(2000)
    split(read(table[:300], "y")).save(tmp_path / "first.npz")
    half = split(read(table[:1000], "y"), SplitSettings(file=str(tmp_path / "first.npz")))
    whole = split(read(table, "y"), SplitSettings(file=str(tmp_path / "first.npz")))
    for name in half.sets:
        assert np.array_equal(half.sets[name], whole.sets[name][whole.sets[name] < 1000])
    assert abs(whole.sizes["dev"] - 400) < 60


def test_a_damaged_split_file(tmp_path: Path) -> None:
    (tmp_path / "split.npz").write_bytes(b"PK\x03\x04 cut")
    with pytest.raises(LeadlineError, match=r"split\.npz cannot be read as a split"):
        Split.load(tmp_path / "split.npz")
    with pytest.raises(LeadlineError, match="no such file"):
        Split.load(tmp_path / "none.npz")
