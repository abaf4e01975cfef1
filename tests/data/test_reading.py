from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas
import polars
import pyarrow as pa
import pytest
from pyarrow import feather, parquet

from leadline.data import Dataset, DataSettings, GivenSet, read, read_settings, split
from leadline.errors import LeadlineError, UsageError

N = 30
COLUMNS: dict[str, Any] = {
    "size": np.arange(N) * 1.5,
    "colour": np.array(["red", "green", "blue"] * 10),
    "open": np.array([True, False] * 15),
    "day": np.datetime64("2026-01-01", "ms") + np.arange(N) * np.timedelta64(37, "h"),
    "sold": np.array(["no", "yes", "yes"] * 10),
}
KINDS = {"size": "number", "colour": "category", "open": "boolean", "day": "date"}


def csv_file(folder: Path, name: str = "t.csv", **changes: Any) -> Path:
    frame = pandas.DataFrame({**COLUMNS, **changes})
    frame.to_csv(folder / name, index=False)
    return folder / name


def same(first: Dataset, second: Dataset) -> bool:
    one, other = first.fingerprint(), second.fingerprint()
    return {**one, "name": ""} == {**other, "name": ""}


def test_one_table_in_every_form_is_one_data_set(tmp_path: Path) -> None:
    table = pa.table(COLUMNS)
    parquet.write_table(table, tmp_path / "t.parquet")
    feather.write_feather(table, tmp_path / "t.arrow")
    pandas.DataFrame(COLUMNS).astype({"day": str}).to_json(tmp_path / "t.jsonl", orient="records", lines=True)
    expected = read(csv_file(tmp_path), target="sold")
    assert {feature.name: feature.kind for feature in expected.features} == KINDS
    sources = [
        tmp_path / "t.parquet",
        str(tmp_path / "t.arrow"),
        table,
        pandas.DataFrame(COLUMNS),
        pandas.DataFrame(COLUMNS).astype({"colour": "category", "open": object}),
        polars.DataFrame(COLUMNS),
        COLUMNS,
    ]
    for source in sources:
        assert same(read(source, target="sold"), expected)
    lines = read(tmp_path / "t.jsonl", target="sold", types={"day": "date"})
    assert {feature.name: feature.kind for feature in lines.features} == KINDS


def test_the_digits_come_along() -> None:
    data = read("digits")
    assert (data.n, data.task, data.image_shape) == (1797, "multiclass", (8, 8, 1))
    assert data.classes == tuple("0123456789")
    assert data.normalization == "unit"
    assert data.notices == []


def test_targets_given_as_values() -> None:
    labels = ["b", "a", "b"] * 10
    for source in (np.ones((N, 2)) * np.arange(N)[:, None], [[i, i * 2.5] for i in range(N)]):
        data = read(source, labels)
        assert data.classes == ("a", "b")
        assert [feature.name for feature in data.features] == ["inputs_1", "inputs_2"]
    frame = pandas.DataFrame(COLUMNS).drop(columns="sold")
    assert read(frame, pandas.Series(labels, name="outcome")).target_name == "outcome"
    assert read(frame, labels).target_name == "target"
    assert read((frame, labels)).classes == ("a", "b")


def test_columns_are_chosen_left_out_and_overruled(tmp_path: Path) -> None:
    path = csv_file(tmp_path)
    assert [f.name for f in read(path, target="sold", features=["size", "day"]).features] == ["size", "day"]
    assert [f.name for f in read(path, target="sold", exclude=["size"]).features] == ["colour", "open", "day"]
    data = read(path, target="sold", types={"size": "category", "colour": "identifier"})
    assert {f.name: f.kind for f in data.features} == {**KINDS, "size": "category", "colour": "identifier"}
    assert data.notices == ["colour is left out, as told by its type (identifier)."]


def test_columns_that_are_left_out_are_mentioned_with_the_way_back(tmp_path: Path) -> None:
    path = csv_file(tmp_path, name="t.csv", code=[f"K{i}" for i in range(N)], same=[1] * N)
    data = read(path, target="sold")
    assert [f.name for f in data.features if not f.used] == ["code", "same"]
    assert 'code is left out: it has 30 different values in 30 rows. To use it: types = { "code"' in data.notices[0]
    assert data.notices[1] == "same is left out: it is 1 in all rows."


def test_rows_without_a_target_are_left_out(tmp_path: Path) -> None:
    sold = COLUMNS["sold"].astype(object)
    sold[[3, 7]] = None
    data = read(csv_file(tmp_path, sold=sold), target="sold")
    assert data.n == N - 2
    assert data.notices == ["2 of 30 rows are left out: the target 'sold' is missing there."]
    assert data.rows([3])[0]["size"] == 6.0
    with pytest.raises(LeadlineError, match="'sold' is missing in all 30 rows"):
        read(csv_file(tmp_path, sold=[None] * N), target="sold")


def test_lines_are_named_rightly_behind_rows_that_were_left_out(tmp_path: Path) -> None:
    sold = COLUMNS["sold"].astype(object)
    sold[3] = None
    size = COLUMNS["size"].copy()
    size[10] = np.inf
    with pytest.raises(LeadlineError, match=r"t\.csv, line 12, column 'size'"):
        read(csv_file(tmp_path, sold=sold, size=size), target="sold")


def test_the_task_is_inferred_and_overruled(tmp_path: Path) -> None:
    path = csv_file(tmp_path, score=[3, 4, 5] * 10)
    assert read(path, target="size").task == "regression"
    assert read(path, target="sold").task == "binary"
    assert read(path, target="open").classes == ("False", "True")
    assert read(path, target="score").task == "multiclass"
    assert read(path, target="score", task="regression").task == "regression"
    assert read(path, target="score", types={"score": "number"}).task == "regression"


def test_several_columns_as_targets(tmp_path: Path) -> None:
    path = csv_file(tmp_path, a=[0, 1] * 15, b=[1, 1, 0] * 10)
    for target in (("a", "b"), ["a", "b"], "a, b"):
        data = read(path, target=target)
        assert (data.task, data.classes, data.target_name) == ("multilabel", ("a", "b"), "a, b")
        assert data.target.shape == (N, 2)
        assert not {"a", "b"} & {feature.name for feature in data.features}
    assert read(path, target=("size", "b")).task == "regression"


def test_a_table_without_header_has_its_target_by_number(tmp_path: Path) -> None:
    pandas.DataFrame(COLUMNS).to_csv(tmp_path / "t.csv", index=False, header=False)
    for target in (5, "5", -1, "column_5"):
        data = read(tmp_path / "t.csv", target=target)
        assert (data.target_name, data.classes) == ("column_5", ("no", "yes"))
    assert "no header line" in data.notices[0]


def test_a_set_without_header_has_the_columns_of_the_main_source(tmp_path: Path) -> None:
    whole = csv_file(tmp_path)
    pandas.DataFrame(COLUMNS).to_csv(tmp_path / "dev.csv", index=False, header=False)
    data = read(whole, target="sold", dev=str(tmp_path / "dev.csv"))
    assert data.n == 2 * N
    assert data.rows([0]) == data.rows([N])


def test_nan_in_any_frame_is_a_missing_value() -> None:
    for frame in (polars.DataFrame, pandas.DataFrame, dict, pa.table):
        data = read(frame({"x": np.arange(20) * 0.3, "y": [0.5, float("nan")] * 9 + [1.5, 2.5]}), "y")
        assert data.n == 11


def test_paths_with_variables_home_and_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    csv_file(tmp_path)
    monkeypatch.setenv("HERE", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    for source in ("$HERE/t.csv", "${HERE}/t.csv", "~/t.csv"):
        assert read(source, target="sold").name == "t"
    assert read("t.csv", target="sold", folder=tmp_path).n == N
    assert read_settings(DataSettings("t.csv", target="sold"), tmp_path).n == N


def test_the_settings_repeat_the_reading(tmp_path: Path) -> None:
    data = read(csv_file(tmp_path), target="sold", exclude=["day"], normalization="none")
    again = read_settings(data.settings)
    assert same(data, again)
    assert again.normalization == "none"


def test_sets_given_by_files_stay_what_they_are(tmp_path: Path) -> None:
    main = csv_file(tmp_path)
    dev = csv_file(tmp_path, "dev.csv", size=np.arange(N) + 100)
    pandas.read_csv(dev).rename(columns={"sold": "result"}).to_csv(tmp_path / "test.csv", index=False)
    data = read(main, target="sold", dev=str(dev), test=GivenSet(str(tmp_path / "test.csv"), target="result"))
    made = split(data)
    assert made.sizes == {"train": N, "train_dev": 0, "dev": N, "test": N}
    assert [row["size"] for row in data.rows(made.dev[:2])] == [100, 101]
    assert data.fingerprint()["given_sets"] == {"main": N, "dev": N, "test": N}


def test_sets_given_as_objects() -> None:
    frame = pandas.DataFrame(COLUMNS)
    inputs, target = frame.drop(columns="sold"), frame["sold"]
    data = read(inputs, target, dev=(inputs, pandas.Series(target.to_numpy(), name="other")), test=frame)
    assert split(data).sizes["test"] == N
    x, y = np.arange(N * 2.0).reshape(N, 2), np.arange(N) % 2
    assert split(read(x, y, test=(x, y))).sizes["test"] == N
    assert read({"a": x, "b": y}, "b", inputs="a", test={"a": x, "b": y}).n == 2 * N


def test_given_sets_of_other_types_and_columns(tmp_path: Path) -> None:
    main = csv_file(tmp_path)
    whole = csv_file(tmp_path, "dev.csv", size=np.arange(N))
    assert read(main, target="sold", dev=str(whole)).n == 2 * N
    lacking = tmp_path / "lacking.csv"
    pandas.DataFrame(COLUMNS).drop(columns="colour").to_csv(lacking, index=False)
    with pytest.raises(LeadlineError, match=r"lacking\.csv lacks the column 'colour'"):
        read(main, target="sold", dev=str(lacking))
    assert read(main, target="sold", dev=str(lacking), exclude=["colour"]).n == 2 * N
    with pytest.raises(UsageError, match=r"data\.dev\.target: t\.csv has no column 'solt'. Did you mean 'sold'"):
        read(main, target="sold", dev=GivenSet(str(main), target="solt"))
    np.savez(tmp_path / "a.npz", x=np.ones((3, 2)), y=[0, 1, 0])
    with pytest.raises(LeadlineError, match="must be of the same kind"):
        read(main, target="sold", dev=str(tmp_path / "a.npz"))
    with pytest.raises(LeadlineError, match="examples of shape 3, but those of the array given are 2"):
        read(np.eye(6)[:, :2], [0, 1] * 3, dev=(np.eye(6)[:, :3], [0, 1] * 3))


def test_an_error_in_a_given_set_names_its_own_line(tmp_path: Path) -> None:
    size = COLUMNS["size"].copy()
    size[4] = np.inf
    dev = csv_file(tmp_path, "dev.csv", size=size)
    with pytest.raises(LeadlineError, match=r"dev\.csv, line 6, column 'size'"):
        read(csv_file(tmp_path), target="sold", dev=str(dev))


@pytest.mark.parametrize(
    ("source", "settings", "message"),
    [
        ("tt.csv", {}, r"tt\.csv: no such file\. Did you mean 't\.csv'"),
        ("no/t.csv", {}, "the folder .* does not exist"),
        ("$NOWHERE_9/t.csv", {}, "the environment variable NOWHERE_9 is not set"),
        (".", {}, r"is a folder\. Name a file in it: photo\.bin, t\.csv"),
        ("t.csv", {}, r"data\.target: say which column of t\.csv to predict: size, colour"),
        ("t.csv", {"target": "Sold"}, r"no column 'Sold' to predict\. Did you mean 'sold'"),
        ("t.csv", {"target": "sold", "features": ["sise"]}, r"data\.features: .* Did you mean 'size'"),
        ("t.csv", {"target": "sold", "exclude": ["sold"]}, "'sold' is the target"),
        ("t.csv", {"target": "sold", "types": {"sise": "number"}}, r"data\.types: .* Did you mean 'size'"),
        ("t.csv", {"target": "sold", "features": []}, "no column is left to predict 'sold' from"),
        ("t.csv", {"target": "sold", "tsk": "binary"}, "unknown setting 'tsk'. Did you mean 'task'"),
        ("t.xlsx", {"target": "sold"}, "is not a spreadsheet that can be read"),
    ],
)
def test_what_the_user_can_mend(tmp_path: Path, source: str, settings: dict, message: str) -> None:
    csv_file(tmp_path)
    if source == ".":
        (tmp_path / "photo.bin").write_bytes(b"?")
    if source.endswith("xlsx"):
        (tmp_path / source).write_bytes(b"PK\3\4")
    with pytest.raises(LeadlineError, match=message) as caught:
        read(source, folder=tmp_path, **settings)
    assert str(caught.value).count("\n") <= 1


def test_objects_that_are_no_data() -> None:
    for source in (None, 3, object()):
        with pytest.raises(LeadlineError):
            read(source)
    with pytest.raises(LeadlineError, match="inputs has 3 examples and target has 2"):
        read(np.ones((3, 2)), [0, 1])
    with pytest.raises(LeadlineError, match="3 rows, its target 2 values"):
        read(pandas.DataFrame({"a": [1, 2, 3]}), [0, 1])
    with pytest.raises(LeadlineError, match="Duplicate column names"):
        read(pandas.DataFrame(np.eye(3), columns=["a", "a", "b"]), target="b")
    with pytest.raises(UsageError, match="arrays, which have no columns"):
        read(np.eye(4), [0, 1] * 2, exclude=["a"])
