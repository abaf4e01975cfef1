"""`predict` gives what it was given: integers for integers, frames with their index for frames."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import leadline as ll
from leadline.data.class_values import class_type_of, class_values

X = np.random.default_rng(0).normal(size=(80, 3)).round(3)
SMALL = ll.Network([ll.Dense(1)])


def trained(tmp_path: Path, data: Any, target: str | None = None, network: ll.Network | None = SMALL) -> Any:
    run = ll.train(network, ll.read(data, target), runs=tmp_path / "runs", epochs=2, quick=True)
    return ll.Network.from_run(run)


def frame(target: Any) -> pd.DataFrame:
    return pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "y": target}, index=[f"row {k}" for k in range(80)])


def test_integer_classes_come_back_as_integers(tmp_path: Path) -> None:
    y = (X[:, 0] > 0).astype(int)
    predicted = trained(tmp_path, (X, y)).predict(X)
    assert predicted.dtype == np.int64 and 0 < (predicted == y).mean() <= 1


@pytest.mark.parametrize(
    ("target", "kind"),
    [((X[:, 0] > 0).astype(str), object), ((X[:, 0] > 0), bool), (np.where(X[:, 0] > 0, "1", "0"), object)],
)
def test_other_classes_come_back_as_they_were(tmp_path: Path, target: np.ndarray, kind: type) -> None:
    predicted = trained(tmp_path, frame(target), "y").predict(frame(target))
    assert set(predicted.tolist()) <= set(target.tolist()) and isinstance(predicted.iloc[0], str | bool | np.bool_)


def test_pandas_comes_back_with_its_index(tmp_path: Path) -> None:
    table = frame((X[:, 0] > 0).astype(int) + 3)
    network = trained(tmp_path, table, "y")
    predicted = network.predict(table.drop(columns="y"))
    assert isinstance(predicted, pd.Series) and predicted.name == "y" and predicted.index.equals(table.index)
    assert predicted.dtype.kind == "i" and set(predicted) <= {3, 4}
    probabilities = network.predict_probabilities(table)
    assert list(probabilities.columns) == ["3", "4"] and probabilities.index.equals(table.index)
    assert np.allclose(probabilities.sum(axis=1), 1)


def test_polars_comes_back_as_polars(tmp_path: Path) -> None:
    table = pl.DataFrame({"a": X[:, 0], "b": X[:, 1], "y": (X[:, 0] > 0).astype(int)})
    network = trained(tmp_path, table, "y")
    predicted = network.predict(table)
    assert isinstance(predicted, pl.Series) and predicted.name == "y" and predicted.dtype == pl.Int64
    assert network.predict_probabilities(table).columns == ["0", "1"]


def test_numbers_in_a_text_file_are_numbers(tmp_path: Path) -> None:
    frame((X[:, 0] > 0).astype(int)).to_csv(tmp_path / "t.csv", index=False)
    network = trained(tmp_path, tmp_path / "t.csv", "y")
    assert network.predict(tmp_path / "t.csv").dtype == np.int64
    assert pa.types.is_int64(network.predictions(tmp_path / "t.csv").schema.field("prediction").type)


def test_values_keep_their_frame(tmp_path: Path) -> None:
    table = frame(X[:, 0] * 2)
    predicted = trained(tmp_path, table, "y").predict(table)
    assert isinstance(predicted, pd.Series) and predicted.dtype == float


def test_the_cause_is_named(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 3), np.uint8)
    network = trained(tmp_path, (images, np.arange(40) % 2))
    with pytest.raises(
        ll.LeadlineError, match=r"This run takes images of 8×8 pixels; .* is a table of 3 columns: a, b, y"
    ):
        network.predict(frame(X[:, 0]))
    table = trained(tmp_path, frame(X[:, 0] > 0), "y")
    with pytest.raises(ll.LeadlineError, match=r"This run takes a table with the columns a, b; .* holds images"):
        table.predict(images)


def test_what_is_no_plain_integer_stays_text() -> None:
    assert class_type_of(pa.string(), ["0", "1"]) == "text"
    assert class_type_of(pa.string(), ["0", "-1"], typed=False) == "integer"
    for names in (["01", "1"], ["1.5", "2"], ["a", "1"], [], ["", "1"], ["²", "1"]):
        assert class_type_of(pa.string(), names, typed=False) == "text"
    assert class_type_of(pa.float64(), ["0", "1"]) == "integer"
    assert class_values(["false", "true"], "boolean").tolist() == [False, True]
