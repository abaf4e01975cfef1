"""The real data sets are understood without being told anything but the target."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from leadline.data import Preparation, read, split

pytestmark = pytest.mark.needs_data


def test_titanic(data_folder: Path) -> None:
    data = read(data_folder / "tables" / "titanic.csv", target="Survived")
    assert (data.n, data.task, data.classes) == (891, "binary", ("0", "1"))
    kinds = {feature.name: feature.kind for feature in data.features}
    assert kinds == {
        "PassengerId": "identifier",
        "Pclass": "number",
        "Name": "text",
        "Sex": "category",
        "Age": "number",
        "SibSp": "number",
        "Parch": "number",
        "Ticket": "identifier",
        "Fare": "number",
        "Cabin": "identifier",
        "Embarked": "category",
    }
    assert len(data.notices) == 3
    preparation = Preparation.fit(data, np.arange(data.n))
    names = preparation.feature_names
    assert sum(name.startswith("Name, topic ") for name in names) == 32
    assert tuple(name for name in names if not name.startswith("Name, topic ")) == (
        "Pclass",
        "Sex = female",
        "Sex = male",
        "Age",
        "Age missing",
        "SibSp",
        "Parch",
        "Fare",
        "Embarked = C",
        "Embarked = Q",
        "Embarked = S",
        "Embarked missing",
    )


def test_california_housing_and_how_long_it_takes(data_folder: Path) -> None:
    data = read(data_folder / "tables" / "california_housing.csv", target="median_house_value")
    assert (data.n, data.task, data.notices) == (20_640, "regression", [])
    rows = split(data).train
    start = time.process_time()
    preparation = Preparation.fit(data, rows)
    inputs = preparation.inputs(data)
    assert time.process_time() - start < 0.3
    assert np.isfinite(inputs).all()
    assert inputs.shape[1] == 14
    assert inputs[:, preparation.feature_names.index("total_bedrooms missing")].sum() == 207
    assert {"ocean_proximity = INLAND", "ocean_proximity = <1H OCEAN"} <= set(preparation.feature_names)


def test_tables_without_a_header(data_folder: Path) -> None:
    wine = read(data_folder / "tables" / "winequality-white.csv", target=12)
    assert (wine.n, wine.task, wine.classes) == (4898, "multiclass", tuple("3456789"))
    assert any('task = "regression"' in notice for notice in wine.notices)
    assert read(wine.settings.source, target=12, task="regression").task == "regression"
    pima = read(data_folder / "tables" / "pima-indians-diabetes.csv", target=-1)
    assert (pima.n, pima.task, len(pima.features)) == (768, "binary", 8)


def test_mnist_with_its_own_test_set(data_folder: Path) -> None:
    folder = data_folder / "mnist"
    data = read(folder / "t10k-images-idx3-ubyte.gz", test=str(folder / "t10k-images-idx3-ubyte.gz"))
    assert (data.n, data.image_shape, data.classes) == (20_000, (28, 28, 1), tuple("0123456789"))
    made = split(data)
    assert made.sizes == {"train": 7000, "train_dev": 0, "dev": 3000, "test": 10_000}
    assert "7000 of 10000 test examples (70 %) have exactly the inputs of a train example." in made.notices


def test_cats_are_read_in_their_order(data_folder: Path) -> None:
    folder = data_folder / "cats"
    data = read(
        folder / "train_catvnoncat.h5",
        target="train_set_y",
        inputs="train_set_x",
        test={"source": str(folder / "test_catvnoncat.h5"), "inputs": "test_set_x", "target": "test_set_y"},
    )
    assert (data.n, data.task, data.classes) == (259, "binary", ("non-cat", "cat"))
    assert data.class_counts() == {"non-cat": 154, "cat": 105}
