"""Every metric of a regressor equals scikit-learn's, and carries an interval."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from leadline.errors import UsageError
from leadline.measure import mean_absolute, root_mean_square
from leadline.measure import regression as r

# The hints of scikit-learn are narrower than what it documents.
sk: Any = sklearn_metrics
RNG = np.random.default_rng(0)
TRUTH = RNG.normal(size=(200, 2)) * [3, 10]
PREDICTED = TRUTH + RNG.normal(size=(200, 2))


def test_values_equal_scikit_learns():
    assert r.rmse(TRUTH[:, 0], PREDICTED[:, 0]) == pytest.approx(
        sk.root_mean_squared_error(TRUTH[:, 0], PREDICTED[:, 0])
    )
    assert r.mae(TRUTH, PREDICTED) == pytest.approx(sk.mean_absolute_error(TRUTH, PREDICTED))
    assert r.r2(TRUTH, PREDICTED) == pytest.approx(sk.r2_score(TRUTH, PREDICTED))
    assert r.r2([1, 1, 1], [1, 1, 1]) == sk.r2_score([1, 1, 1], [1, 1, 1]) == 1
    assert r.r2([1, 1, 1], [1, 1, 2]) == sk.r2_score([1, 1, 1], [1, 1, 2]) == 0


def test_a_column_counts_as_a_list():
    assert r.rmse(TRUTH[:, :1], PREDICTED[:, 0]) == r.rmse(TRUTH[:, 0], PREDICTED[:, 0])
    with pytest.raises(UsageError, match="one shape"):
        r.rmse([1, 2], [1, 2, 3])


def test_intervals_surround_the_value_and_shrink_with_n():
    residual = RNG.normal(size=4000)
    many, few = root_mean_square(residual, unit="m"), root_mean_square(residual[:250], unit="m")
    assert many.interval[0] < many.value < many.interval[1]
    ratio = (few.interval[1] - few.interval[0]) / (many.interval[1] - many.interval[0])
    assert ratio == pytest.approx(4, rel=0.3)
    assert many.value == pytest.approx(np.sqrt(np.mean(residual**2)))
    assert mean_absolute(residual).value == pytest.approx(np.abs(residual).mean())
    assert str(few).endswith("n = 250)") and " m (" in str(few)


def test_r2_has_an_interval():
    measured = r.r2_interval(TRUTH[:, 0], PREDICTED[:, 0])
    assert measured.value == pytest.approx(sk.r2_score(TRUTH[:, 0], PREDICTED[:, 0]))
    assert measured.interval[0] < measured.value < measured.interval[1] < 1
    assert r.r2_interval(TRUTH, PREDICTED).value == pytest.approx(sk.r2_score(TRUTH, PREDICTED))
