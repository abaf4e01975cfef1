from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadline.data.dataset import Column
from leadline.data.encoders import fit_column
from leadline.data.streaming.running_statistics import MOST_LEVELS, CategoryStatistics, encoder_of, statistics_of


def summed(pieces: list[Any]) -> Any:
    whole = pieces[0]
    for piece in pieces[1:]:
        whole = whole + piece
    return whole


NUMBERS = st.floats(-1e308, 1e308) | st.just(float("nan")) | st.integers(-5, 5).map(float)


@settings(deadline=None)
@given(st.lists(NUMBERS, min_size=1, max_size=40), st.integers(1, 9), st.sampled_from(["standardize", "unit", "none"]))
def test_numbers_in_pieces_are_fitted_as_in_one(values: list[float], step: int, normalization: str) -> None:
    column = Column("x", "number", np.array(values))
    pieces = [statistics_of(column.take(slice(k, k + step))) for k in range(0, len(values), step)]
    found, whole = encoder_of("x", "number", summed(pieces), normalization), fit_column(column, normalization)
    size = np.nanmax(np.abs(values)) if np.isfinite(values).any() else 1.0
    for name in ("center", "scale", "fill"):
        assert getattr(found, name) == pytest.approx(getattr(whole, name), rel=1e-9, abs=1e-12 * max(size, 1e-300))
    assert found.indicator == whole.indicator  # type: ignore[union-attr]
    assert (found.scale == 0) == (whole.scale == 0)  # type: ignore[union-attr]


def test_categories_and_dates_in_pieces_are_fitted_as_in_one() -> None:
    random = np.random.default_rng(0)
    codes = np.minimum(random.geometric(0.06, 3_000), 60).astype(np.int32) - 2
    category = Column("c", "category", codes, tuple(f"level {k}" for k in range(60)))
    seconds = random.integers(0, 10**9, 3_000).astype("datetime64[s]")
    seconds[::50] = np.datetime64("NaT")
    for column in (category, Column("d", "date", seconds)):
        pieces = [statistics_of(column.take(slice(k, k + 700))) for k in range(0, 3_000, 700)]
        found = encoder_of(column.name, column.kind, summed(pieces), "standardize")
        whole = fit_column(column, "standardize")
        assert found.outputs == whole.outputs
        out = np.zeros((2, 3_000, len(whole.outputs)))
        for encoder, part in zip((found, whole), out, strict=True):
            encoder.encode(column, part)
        assert np.allclose(*out, rtol=1e-9)


def test_endless_levels_are_forgotten_but_frequent_ones_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    assert MOST_LEVELS > 1_000
    monkeypatch.setattr("leadline.data.streaming.running_statistics.MOST_LEVELS", 100)
    found = CategoryStatistics()
    for k in range(50):
        levels = ("often", *(f"{k} {j}" for j in range(20)))
        found = found + CategoryStatistics.of(Column("c", "category", np.arange(-1, 21).astype(np.int32), levels))
    assert found.counts["often"] == 50 and len(found.counts) <= 100 and found.missing == 50
