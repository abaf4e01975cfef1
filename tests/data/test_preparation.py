from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import polars
import pytest

from leadline.data import DataSettings, Preparation, read, split
from leadline.errors import LeadlineError

N = 60
GENERATOR = np.random.default_rng(0)
FRAME = pandas.DataFrame(
    {
        "size": GENERATOR.normal(50, 9, N),
        "rooms": np.where(np.arange(N) % 7 == 0, np.nan, np.arange(N) % 5),
        "colour": GENERATOR.choice(["red", "green", "blue"], N),
        "open": np.arange(N) % 3 == 0,
        "day": np.datetime64("2026-01-01", "ms") + np.arange(N) * np.timedelta64(37, "h"),
        "code": [f"K{i}" for i in range(N)],
        "price": GENERATOR.normal(1000, 300, N),
    }
)


def prepared(frame: Any = FRAME, target: Any = "price", **settings: Any) -> tuple[Any, Preparation]:
    data = read(frame, target, **settings)
    return data, Preparation.fit(data, split(data).train)


def test_inputs_have_a_named_column_each() -> None:
    data, preparation = prepared()
    inputs = preparation.inputs(data)
    assert inputs.shape == (N, preparation.n_inputs)
    assert inputs.dtype == np.float32
    assert preparation.feature_names[:7] == (
        "size",
        "rooms",
        "rooms missing",
        "colour = blue",
        "colour = green",
        "colour = red",
        "open",
    )
    assert np.array_equal(preparation.inputs(data, np.array([3, 5])), inputs[[3, 5]])


def test_other_rows_than_those_of_training_change_nothing() -> None:
    data = read(FRAME, "price")
    train = split(data).train
    changed = FRAME.copy()
    others = np.setdiff1d(np.arange(N), train)
    changed.loc[others, "size"] = 1e9
    changed.loc[others, "colour"] = "violet"
    changed.loc[others, "price"] = -1e9
    first, second = Preparation.fit(data, train).to_json(), Preparation.fit(read(changed, "price"), train).to_json()
    assert first == second


def test_targets_by_task() -> None:
    x = np.arange(40.0)[:, None]
    data, preparation = prepared(x, np.array(["a", "b"] * 20))
    assert preparation.targets(data, np.array([0, 1])).tolist() == [[0.0], [1.0]]
    assert preparation.n_outputs == 1
    data, preparation = prepared(x, np.array(["a", "b", "c", "d"] * 10))
    assert preparation.targets(data, np.array([0, 3])).tolist() == [0, 3]
    assert preparation.targets(data).dtype == np.int64
    assert preparation.n_outputs == 4
    labels = np.array([[0, 1, np.nan], [1, 1, 0]] * 20)
    data, preparation = prepared(x, labels)
    assert np.array_equal(preparation.targets(data, np.array([0])), labels[:1], equal_nan=True)
    assert preparation.n_outputs == 3


def test_numbers_to_predict_are_standardized_and_return_to_their_units() -> None:
    data, preparation = prepared()
    train = split(data).train
    targets = preparation.targets(data, train, dtype=np.float64)
    assert abs(targets.mean()) < 1e-12
    assert abs(targets.std() - 1) < 1e-12
    back = targets * preparation.target_scale + preparation.target_mean
    np.testing.assert_allclose(back[:, 0], FRAME["price"].to_numpy()[train], rtol=1e-12)


def test_no_normalization_leaves_inputs_and_targets_alone() -> None:
    data, preparation = prepared(normalization="none")
    np.testing.assert_array_equal(preparation.inputs(data, dtype=np.float64)[:, 0], FRAME["size"])
    np.testing.assert_array_equal(preparation.targets(data, dtype=np.float64)[:, 0], FRAME["price"])
    overruled = Preparation.fit(read(FRAME, "price"), np.arange(N), DataSettings(normalization="none"))
    assert overruled.normalization == "none"


@pytest.mark.parametrize("normalization", ["standardize", "unit", "none"])
def test_a_preparation_survives_json_to_the_last_bit(normalization: str) -> None:
    images = GENERATOR.integers(0, 256, (30, 4, 5)).astype(np.uint8)
    for source, target in (
        (FRAME, "price"),
        (images, np.arange(30) % 3),
        (GENERATOR.normal(size=(30, 4)), [0, 1] * 15),
    ):
        data, preparation = prepared(source, target, normalization=normalization)
        again = Preparation.from_json(json.dumps(preparation.to_json()))
        assert again.to_json() == preparation.to_json()
        for kind in (np.float32, np.float64):
            assert np.array_equal(again.inputs(data, dtype=kind), preparation.inputs(data, dtype=kind))
            assert np.array_equal(again.targets(data, dtype=kind), preparation.targets(data, dtype=kind))


def test_new_rows_in_every_form_are_prepared_alike(tmp_path: Path) -> None:
    data, preparation = prepared()
    expected = preparation.inputs(data)
    new = FRAME.drop(columns=["price", "code"])[["day", "open", "colour", "rooms", "size"]]
    new.to_csv(tmp_path / "new.csv", index=False)
    new.to_parquet(tmp_path / "new.parquet")
    records = polars.DataFrame(new).to_dicts()
    sources = [new, FRAME, polars.DataFrame(new), tmp_path / "new.parquet", tmp_path / "new.csv", records]
    for source in sources:
        assert np.array_equal(preparation.inputs(source), expected)
    assert np.array_equal(preparation.inputs("new.csv", folder=tmp_path), expected)
    assert np.array_equal(preparation.inputs(new.iloc[:1]), expected[:1])


def test_a_column_that_new_rows_lack_is_named() -> None:
    _, preparation = prepared()
    with pytest.raises(LeadlineError, match=r"lacks the column 'size'\. Did you mean 'sice'"):
        preparation.inputs(FRAME.rename(columns={"size": "sice"}))


def test_categories_of_numbers_mean_the_same_in_every_file(tmp_path: Path) -> None:
    frame = pandas.DataFrame({"zip": ["01234", "00501"] * 10, "floor": [1, 2, 3, 4] * 5, "y": [0, 1] * 10})
    frame.to_csv(tmp_path / "t.csv", index=False)
    data = read(tmp_path / "t.csv", target="y", types={"zip": "category", "floor": "category"})
    preparation = Preparation.fit(data, np.arange(20))
    assert preparation.feature_names[:2] == ("zip = 00501", "zip = 01234")
    frame.iloc[:1].to_csv(tmp_path / "new.csv", index=False)
    assert np.array_equal(preparation.inputs(tmp_path / "new.csv"), preparation.inputs(data)[:1])
    lacking = frame.assign(floor=[1, None] * 10)
    assert np.array_equal(preparation.inputs(lacking)[:1], preparation.inputs(data)[:1])


def test_new_rows_without_a_header_are_taken_by_position(tmp_path: Path) -> None:
    rows = np.column_stack([np.arange(30) % 2, np.arange(30) * 0.5, np.arange(30)[::-1] ** 2])
    np.savetxt(tmp_path / "t.csv", rows, delimiter=",")
    data = read(tmp_path / "t.csv", target="1")
    preparation = Preparation.fit(data, np.arange(30))
    np.savetxt(tmp_path / "new.csv", rows[:, 1:], delimiter=",")
    for source in ("t.csv", "new.csv"):
        assert np.array_equal(preparation.inputs(source, folder=tmp_path), preparation.inputs(data))


def test_new_examples_of_arrays() -> None:
    images = GENERATOR.integers(0, 256, (30, 4, 5, 3)).astype(np.uint8)
    data, preparation = prepared(images, np.arange(30) % 3)
    expected = preparation.inputs(data)
    first = np.ascontiguousarray(images.transpose(0, 3, 1, 2))
    for rows in (images, first, images.reshape(30, -1), images.tolist()):
        assert np.array_equal(preparation.inputs(rows), expected)
    assert np.array_equal(preparation.inputs(images[0]), expected[:1])
    with pytest.raises(LeadlineError, match=r"examples of shape 3×3×3, but the network was trained on 4×5×3"):
        preparation.inputs(np.zeros((2, 3, 3, 3), np.uint8))


def test_rows_of_the_wrong_make() -> None:
    table, array = prepared()[1], prepared(np.eye(20), [0, 1] * 10)[1]
    with pytest.raises(
        LeadlineError, match=r"This run takes a table with the columns size, rooms, .*; the array given holds an array"
    ):
        table.inputs(np.eye(5))
    with pytest.raises(LeadlineError, match="examples of shape 1, but the network was trained on 20"):
        array.inputs(pandas.DataFrame({"a": [1.0]}))
    with pytest.raises(LeadlineError, match=r"x\[1, 2\] is nan|inputs\[1, 2\] is nan"):
        rows = np.ones((2, 20))
        rows[1, 2] = np.nan
        array.inputs(rows)


def test_a_value_too_large_for_the_precision_is_named() -> None:
    frame = pandas.DataFrame({"a": [1e300, 1.0, 2.0, 3.0] * 5, "y": [0, 1] * 10})
    data, preparation = prepared(frame, "y", normalization="none")
    assert np.isfinite(preparation.inputs(data, dtype=np.float64)).all()
    with pytest.raises(LeadlineError, match="a: the value in row 1 is too large for float32"):
        preparation.inputs(data)
