"""The estimators keep scikit-learn's contract, and learn what scikit-learn's users give them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from leadline import Dropout, UsageError
from leadline.sklearn import NetworkClassifier, NetworkRegressor

quick: dict[str, Any] = {"hidden": (16,), "epochs": 200, "random_state": 0}


@parametrize_with_checks([NetworkClassifier(**quick), NetworkRegressor(**quick)])
def test_scikit_learn_s_contract(estimator: object, check: Callable[[object], object]) -> None:
    check(estimator)


def test_digits_in_cross_validation() -> None:
    x, y = load_digits(return_X_y=True)
    scores = cross_val_score(NetworkClassifier((32,), epochs=150, random_state=0), x, y, cv=3)
    assert scores.mean() > 0.92


def test_a_pipeline_in_a_grid_search() -> None:
    x, y = load_iris(return_X_y=True)
    grid = GridSearchCV(
        make_pipeline(MinMaxScaler(), NetworkClassifier((8,), epochs=150, random_state=0)),
        {"networkclassifier__l2": [0.0, 1000.0]},
        cv=3,
    )
    grid.fit(x, y)
    assert grid.best_params_ == {"networkclassifier__l2": 0.0}
    assert grid.best_score_ > 0.9


def test_names_of_classes_and_probabilities() -> None:
    x, y = load_iris(return_X_y=True)
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    model = NetworkClassifier(**quick).fit(x, names)
    assert list(model.classes_) == ["setosa", "versicolor", "virginica"]
    assert np.allclose(model.predict_proba(x).sum(1), 1)
    assert model.score(x, names) > 0.95


def test_several_numbers_in_their_own_units() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 3))
    y = np.stack([1000 + 50 * x[:, 0], x[:, 1] - x[:, 2]], axis=1)
    model = NetworkRegressor(**quick).fit(x, y)
    assert model.predict(x).shape == (400, 2)
    assert model.score(x, y) > 0.99


def test_without_hidden_layers_it_is_linear_regression() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(200, 4))
    y = x @ [3.0, -2.0, 0.5, 0.0] + 7 + rng.normal(size=200)
    ours = NetworkRegressor((), epochs=3000, precision="float64", random_state=0).fit(x, y)
    assert np.allclose(ours.predict(x), LinearRegression().fit(x, y).predict(x), atol=1e-9)


def test_the_same_seed_gives_the_same_network() -> None:
    x, y = load_iris(return_X_y=True)
    model = NetworkClassifier(
        (16, Dropout(keep_prob=0.8)), epochs=50, batch_size=32, early_stopping=True, random_state=3
    )
    again: Any = clone(model)
    assert np.array_equal(model.fit(x, y).predict_proba(x), again.fit(x, y).predict_proba(x))
    assert model.n_iter_ == len(model.loss_curve_) <= 50


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"early_stopping": True, "validation_fraction": 1.5}, "validation_fraction"),
        ({"optimizer": "adamm"}, "adam"),
        ({"l2": -1.0}, "l2"),
    ],
)
def test_settings_that_cannot_be(settings: dict[str, Any], message: str) -> None:
    x, y = load_iris(return_X_y=True)
    with pytest.raises(UsageError, match=message):
        NetworkClassifier(**settings).fit(x, y)
