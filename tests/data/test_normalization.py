from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from leadline.data.normalization import fit_array, location, scaled

FINITE = st.floats(allow_nan=False, allow_infinity=False)


def test_standardizing_takes_mean_and_deviation() -> None:
    values = np.array([[1.0, 10.0], [3.0, 30.0]])
    center, scale = location(values, "standardize")
    assert center.tolist() == [2, 20]
    assert scale.tolist() == [1, 10]
    assert scaled(values, center, scale).tolist() == [[-1, -1], [1, 1]]


def test_unit_takes_the_range_and_none_leaves_alone() -> None:
    values = np.array([[1.0], [3.0], [9.0]])
    assert [each.tolist() for each in location(values, "unit")] == [[1], [8]]
    assert [each.tolist() for each in location(values, "none")] == [[0], [1]]


@given(arrays(np.float64, (5, 2), elements=FINITE), st.sampled_from(["standardize", "unit"]))
@settings(deadline=None)
def test_no_finite_values_overflow(values: np.ndarray, normalization: str) -> None:
    center, scale = location(values, normalization)
    assert np.isfinite(center).all()
    assert np.isfinite(scale).all()
    assert (scale >= 0).all()
    varying = scale > 0
    out = scaled(values[:, varying], center[varying], scale[varying])
    assert (np.abs(out) <= 5).all()


def test_it_agrees_with_numpy_where_numpy_is_exact_enough() -> None:
    values = np.random.default_rng(0).normal(1e6, 3, (1000, 4))
    center, scale = location(values, "standardize")
    np.testing.assert_allclose(center, values.mean(axis=0), rtol=1e-15)
    np.testing.assert_allclose(scale, values.std(axis=0), rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_pixels_are_divided_by_255_to_the_last_bit(dtype: type) -> None:
    pixels = np.arange(256).astype(np.uint8).reshape(4, 8, 8, 1)
    encoder = fit_array("x", pixels, np.arange(4), "unit")
    out = encoder.encode(pixels, None, np.dtype(dtype))
    assert out.dtype == dtype
    assert np.array_equal(out.reshape(-1), np.arange(256, dtype=dtype) / dtype(255))


def test_other_images_are_divided_by_their_largest_value_in_training() -> None:
    images = np.array([[[0, 4]], [[2, -8]], [[16, 0]]], float)
    encoder = fit_array("x", images, np.array([0, 1]), "unit")
    assert encoder.encode(images, np.array([2]), np.dtype(float)).tolist() == [[2, 0]]


def test_blocks_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(0).normal(size=(50, 7))
    rows = np.arange(0, 50, 3)
    whole = fit_array("x", values, rows, "standardize")
    expected = whole.encode(values, rows, np.dtype(float))
    monkeypatch.setattr("leadline.data.normalization.BLOCK", 20)
    parts = fit_array("x", values, rows, "standardize")
    assert np.array_equal(whole.encode(values, rows, np.dtype(float)), expected)
    np.testing.assert_allclose(parts.center, whole.center, rtol=1e-13)
    np.testing.assert_allclose(parts.scale, whole.scale, rtol=1e-13)


def test_names_of_values() -> None:
    vectors = fit_array("x", np.zeros((2, 3)), np.arange(2), "none")
    images = fit_array("x", np.zeros((2, 1, 2, 1)), np.arange(2), "none")
    assert vectors.outputs == ("x_1", "x_2", "x_3")
    assert images.outputs == ("x[0, 0, 0]", "x[0, 1, 0]")
