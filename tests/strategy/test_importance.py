from __future__ import annotations

import numpy as np
import pytest
from sklearn.inspection import permutation_importance as of_scikit_learn
from sklearn.linear_model import LinearRegression

from leadline.strategy.importance import Importance, permutation_importance


def drawn(m: int = 400, weights: tuple[float, ...] = (2.0, 1.0, 0.0)) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    x = random.normal(size=(m, len(weights)))
    return x, x @ np.array(weights) + 0.5 * random.normal(size=m)


def measured(x: np.ndarray, y: np.ndarray, repeats: int = 5, **options: object) -> Importance:
    model = LinearRegression().fit(x, y)
    columns = {f"c{k}": [k] for k in range(x.shape[1])}

    def losses(inputs: np.ndarray) -> np.ndarray:
        return (model.predict(inputs) - y) ** 2 / y.var()

    constant = (y - y.mean()) ** 2 / y.var()
    return permutation_importance(x, columns, losses, constant, "R²", repeats=repeats, **options)  # type: ignore[arg-type]


def test_it_is_that_of_scikit_learn() -> None:
    x, y = drawn()
    ours = {each.column: each.increase.value for each in measured(x, y, 40).columns}
    theirs = of_scikit_learn(LinearRegression().fit(x, y), x, y, scoring="r2", n_repeats=40, random_state=1)
    assert [ours[f"c{k}"] for k in range(3)] == pytest.approx(theirs["importances_mean"], abs=0.03)


def test_intervals_hold_what_is_expected() -> None:
    """Shuffling a column of weight w adds 2 w² to the squared error of y, whose variance is 5.25."""
    held = 0
    for seed in range(100):
        random = np.random.default_rng(seed)
        x = random.normal(size=(200, 2))
        y = x @ np.array([2.0, 1.0]) + 0.5 * random.normal(size=200)

        def losses(inputs: np.ndarray, y: np.ndarray = y) -> np.ndarray:
            return (inputs @ np.array([2.0, 1.0]) - y) ** 2 / 5.25

        found = permutation_importance(x, {"a": [0]}, losses, y**2 / 5.25, "R²", seed=seed, repeats=20)
        low, high = found.columns[0].increase.interval
        held += low <= 8 / 5.25 <= high
    assert held >= 85


def test_the_order_and_what_looks_useless_or_suspicious() -> None:
    found = measured(*drawn())
    assert [each.column for each in found.columns[:2]] == ["c0", "c1"]
    assert found.columns[2].useless and not found.columns[0].useless
    assert "may be left out: c2" in found.lines[-1]
    leaking = measured(*drawn(weights=(0.2, 0.0, 3.0)))
    assert leaking.columns[0].suspicious and leaking.lines[0].startswith("Nearly all that the network knows is in 'c2'")
    assert Importance(leaking.columns[:1], leaking.loss).lines == []  # an only column is no leak for that
    assert not any(each.suspicious for each in measured(*drawn(weights=(1.0, 1.0, 1.0))).columns if each.share < 0.9)


def test_places_of_one_column_are_shuffled_together() -> None:
    x = np.eye(2)[np.arange(200) % 2]

    def losses(inputs: np.ndarray) -> np.ndarray:
        assert (inputs.sum(1) == 1).all()  # still one of the two
        return np.abs(inputs - x).sum(1) / 2

    found = permutation_importance(x, {"both": [0, 1]}, losses, np.full(200, 0.5), "error")
    assert found.columns[0].increase.value == pytest.approx(0.5, abs=0.06)
    assert found.columns[0].share == pytest.approx(1, abs=0.12)


def test_groups_widen_intervals_and_json_gives_it_back() -> None:
    x, y = drawn(100)
    copies, groups = np.repeat(np.arange(100), 4), np.repeat(np.arange(100), 4)
    alone = measured(x[copies], y[copies]).columns[0].increase.interval
    together = measured(x[copies], y[copies], groups=groups)
    assert np.diff(together.columns[0].increase.interval) > 1.4 * np.diff(alone)
    assert Importance.from_json(together.to_json()) == together
