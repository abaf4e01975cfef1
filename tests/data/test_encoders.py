from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pytest

from leadline.data.dataset import Column
from leadline.data.encoders import (
    CATEGORY_CAP,
    CategoryEncoder,
    Encoder,
    NumberEncoder,
    date_parts,
    encoder_from_json,
    fit_column,
)


def encoded(encoder: Encoder, column: Column) -> np.ndarray:
    out = np.full((len(column.values), len(encoder.outputs)), 9.0)
    encoder.encode(column, out)
    return out


def numbers(*values: float) -> Column:
    return Column("x", "number", np.array(values))


def category(*names: str | None) -> Column:
    levels = sorted({name for name in names if name is not None})
    codes = [-1 if name is None else levels.index(name) for name in names]
    return Column("c", "category", np.array(codes, np.int32), tuple(levels))


def test_a_missing_number_is_the_mean_and_flagged() -> None:
    encoder = fit_column(numbers(1, np.nan, 3), "standardize")
    assert encoder.outputs == ("x", "x missing")
    assert encoded(encoder, numbers(1, np.nan, 5)).tolist() == [[-1, 0], [0, 1], [3, 0]]


def test_a_number_that_training_always_had_is_the_mean_where_it_lacks() -> None:
    encoder = fit_column(numbers(1, 3), "standardize")
    assert encoder.outputs == ("x",)
    assert encoded(encoder, numbers(np.nan)).tolist() == [[0]]


def test_the_mean_fills_in_under_every_normalization() -> None:
    assert encoded(fit_column(numbers(1, 2, 6, np.nan), "none"), numbers(np.nan)).tolist() == [[3, 1]]
    assert encoded(fit_column(numbers(1, 2, 6, np.nan), "unit"), numbers(np.nan)).tolist() == [[0.4, 1]]


def test_a_column_without_values_in_training() -> None:
    encoder = fit_column(numbers(np.nan, np.nan), "standardize")
    assert encoded(encoder, numbers(np.nan, 7)).tolist() == [[0, 1], [0, 0]]


def test_levels_of_a_category_and_the_unseen() -> None:
    encoder = fit_column(category("b", "a", "b"), "standardize")
    assert encoder.outputs == ("c = a", "c = b")
    assert encoded(encoder, category("a", "z", "b", None)).tolist() == [[1, 0], [0, 0], [0, 1], [0, 0]]


def test_missing_values_are_a_level_of_their_own() -> None:
    encoder = fit_column(category("b", None, "a"), "standardize")
    assert encoder.outputs == ("c = a", "c = b", "c missing")
    assert encoded(encoder, category(None, "z")).tolist() == [[0, 0, 1], [0, 0, 0]]


def test_rare_and_unseen_levels_share_a_bucket() -> None:
    names = [f"level {i:02d}" for i in range(CATEGORY_CAP + 3)]
    encoder = fit_column(category(*names, *names[3:]), "standardize")
    assert isinstance(encoder, CategoryEncoder)
    assert encoder.levels == tuple(names[3:])
    assert encoder.outputs[-1] == "c other"
    places = encoded(encoder, category(names[0], names[3], "never seen")).argmax(axis=1)
    assert places.tolist() == [CATEGORY_CAP, 0, CATEGORY_CAP]


def dates(*values: str) -> Column:
    return Column("d", "date", np.array(values, "datetime64[s]"))


def test_parts_of_a_date() -> None:
    parts = date_parts(np.array(["2024-02-29T23:10", "1969-12-31", "NaT"], "datetime64[s]"))
    assert {name: values[:2].tolist() for name, values in parts.items()} == {
        "year": [2024, 1969],
        "month": [2, 12],
        "day": [29, 31],
        "weekday": [3, 2],
        "hour": [23, 0],
    }
    assert all(np.isnan(values[2]) for values in parts.values())


def test_only_parts_of_a_date_that_vary_are_kept() -> None:
    encoder = fit_column(dates("2024-01-31", "2026-01-31", "NaT"), "none")
    assert encoder.outputs == ("d year", "d year missing", "d weekday")
    assert encoded(encoder, dates("2025-06-01", "NaT")).tolist() == [[2025, 0, 6], [2025, 1, 3.5]]


def test_a_date_without_any_variation_gives_nothing() -> None:
    assert fit_column(dates("2024-01-31", "2024-01-31"), "standardize").outputs == ()


@pytest.mark.parametrize(
    "column", [numbers(0.1, 1 / 3, np.nan), category("b", None), dates("2024-01-31", "2026-05-01")]
)
def test_an_encoder_survives_json(column: Column) -> None:
    encoder = fit_column(column, "standardize")
    saved = json.loads(json.dumps({"type": encoder.type, **asdict(encoder)}))
    assert encoder_from_json(saved) == encoder


def test_quantiles_make_any_distribution_normal() -> None:
    values = np.exp(3 * np.random.default_rng(0).normal(size=4000))
    encoder = fit_column(Column("income", "number", values), "quantile")
    out = np.empty((4000, 1))
    encoder.encode(Column("income", "number", values), out)
    assert abs(out.mean()) < 0.02 and abs(out.std() - 1) < 0.05
    assert abs((out**3).mean()) < 0.1  # no skewness is left
    assert (np.argsort(out[:, 0][np.argsort(values)], kind="stable") == np.arange(4000)).all()
    encoder.encode(Column("income", "number", np.array([-1e9, 1e30])), out[:2])
    assert np.abs(out[:2, 0]).max() < 3.2
    assert encoder_from_json({"type": encoder.type, **asdict(encoder)}) == encoder


def test_quantiles_of_equal_missing_and_constant_values() -> None:
    values = np.array([0.0] * 50 + [1, 2, 3, np.nan])
    encoder = fit_column(Column("a", "number", values), "quantile")
    out = np.empty((54, 2))
    encoder.encode(Column("a", "number", values), out)
    assert (out[:50, 0] == out[0, 0]).all() and abs(out[0, 0]) < 0.2
    assert out[-1].tolist() == [0, 1]
    assert isinstance(fit_column(Column("a", "number", np.ones(9)), "quantile"), NumberEncoder)


def test_robust_numbers_ignore_how_far_off_the_extremes_are() -> None:
    values = np.array([1.0, 2, 3, 4, 5, 6, 7, 1e6, np.nan])
    encoder = fit_column(Column("a", "number", values), "robust")
    out = np.empty((9, 2))
    encoder.encode(Column("a", "number", values), out)
    lower, median, upper = np.quantile(values[:8], [0.25, 0.5, 0.75])
    assert out[:8, 0] == pytest.approx((values[:8] - median) / (upper - lower))
    assert out[8].tolist() == [0, 1]  # a missing one becomes the median


@pytest.mark.parametrize(("values", "expected"), [([0, 0, 0, 0, 0, 1], [0, 2]), ([-1e308, 1e308], [-1, 1])])
def test_robust_numbers_with_equal_quartiles_and_at_the_ends(values: list[float], expected: list[float]) -> None:
    column = Column("a", "number", np.array(values, float))
    encoder = fit_column(column, "robust")
    out = np.empty((len(values), 1))
    encoder.encode(column, out)
    assert out[[0, -1], 0] == pytest.approx(expected)
    constant = fit_column(Column("a", "number", np.ones(4)), "robust")
    assert isinstance(constant, NumberEncoder) and constant.scale == 0
