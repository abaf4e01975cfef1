"""THEORY.md, section 2: input normalization."""

from __future__ import annotations

import numpy as np

from leadline.data import Preparation, SplitSettings, read, split


def inputs_and_split(x: np.ndarray):
    data = read(x, np.arange(len(x)) % 2)
    return data, split(data, SplitSettings(seed=1))


def test_t2_07_mean_and_deviation_come_from_the_training_set_and_are_applied_everywhere() -> None:
    """T2.07: (x − μ)/σ, μ and σ of the training set only, the same for dev, test and new rows."""
    x = np.random.default_rng(0).normal([5, -100, 1e-3], [2, 30, 1e-5], (500, 3))
    data, made = inputs_and_split(x)
    preparation = Preparation.fit(data, made.train)
    mean, deviation = x[made.train].mean(axis=0), x[made.train].std(axis=0)
    for rows in made.sets.values():
        expected = (x[rows] - mean) / deviation
        np.testing.assert_allclose(preparation.inputs(data, rows, dtype=np.float64), expected, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(preparation.inputs(x[:7], dtype=np.float64), (x[:7] - mean) / deviation, rtol=1e-9)
    train = preparation.inputs(data, made.train, dtype=np.float64)
    np.testing.assert_allclose(train.mean(axis=0), 0, atol=1e-10)
    np.testing.assert_allclose(train.std(axis=0), 1, rtol=1e-10)


def test_t2_07_a_constant_feature_becomes_zeros_with_a_warning_never_infinity() -> None:
    """T2.07: constant feature → zeros with a warning, never inf; also where only the training rows are constant."""
    x = np.random.default_rng(0).normal(size=(200, 3))
    x[:, 1] = 0.1  # its mean is not exactly 0.1 in floating point
    _, made = inputs_and_split(x)
    x[made.train, 2] = 7.0
    data, _ = inputs_and_split(x)
    preparation = Preparation.fit(data, made.train)
    inputs = preparation.inputs(data)
    assert np.isfinite(inputs).all()
    assert (inputs[:, 1:] == 0).all()
    assert (inputs[:, 0] != 0).all()
    assert preparation.notices == ("2 of 3 input values are constant in training: set to 0.",)
