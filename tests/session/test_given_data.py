from __future__ import annotations

import numpy as np
import pytest

from leadline.data import Dataset, read
from leadline.experiment import Experiment
from leadline.session.plan import make_plan


@pytest.fixture
def given() -> Dataset:
    random = np.random.default_rng(0)
    x = random.normal(5.0, 2.0, (200, 3))
    return read(x, (x[:, 0] > 5).astype(int))


def test_an_experiment_normalizes_data_that_were_given_as_it_says(given: Dataset):
    as_they_come = make_plan(Experiment.from_dict({"data": {"normalization": "none"}}), given)
    assert as_they_come.experiment.data.normalization == "none"
    rows = as_they_come.split.train
    assert isinstance(given.inputs, np.ndarray)
    np.testing.assert_allclose(as_they_come.inputs("train"), given.inputs[rows], rtol=1e-6)
    usual = make_plan(Experiment(), given)
    assert usual.experiment.data.normalization == "standardize"
    np.testing.assert_allclose(usual.inputs("train").mean(0), 0.0, atol=1e-5)


def test_an_experiment_that_says_nothing_leaves_it_to_the_data(given: Dataset):
    values = given.inputs
    assert isinstance(values, np.ndarray)
    plain = read(values, given.target, normalization="none")
    assert make_plan(Experiment(), plain).experiment.data.normalization == "none"
