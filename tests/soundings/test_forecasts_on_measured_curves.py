"""Forecasts on the curves of LCDB 1.1, on tables that taught the prior nothing (`benchmarks.forecasts`)."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks.forecasts import ILL, WELL, judge, measured_curves

pytestmark = pytest.mark.needs_data


@pytest.mark.parametrize("share", [0.5, 0.25])
def test_intervals_hold_on_every_eighth_curve(data_folder: Path, share: float):
    curves = list(measured_curves(data_folder / "curves" / "lcdb_error_curves.npz", share, taught=False))[::8]
    figures = judge(curves)
    assert 0.85 <= figures["one training held"] <= 0.98
    assert 0.80 <= figures["mean held"] <= 0.96
    assert figures[f"no forecast, {WELL}"] <= 0.35
    assert figures[f"no forecast, {ILL}"] >= 0.75


@pytest.mark.verify
@pytest.mark.parametrize("share", [0.5, 0.25])
def test_intervals_hold_on_all_curves(data_folder: Path, share: float):
    figures = judge(list(measured_curves(data_folder / "curves" / "lcdb_error_curves.npz", share, taught=False)))
    assert 0.88 <= figures["one training held"] <= 0.945
    assert 0.86 <= figures["mean held"] <= 0.93
    assert figures["median relative error"] <= 1.1 * figures["least squares"]
    assert figures[f"no forecast, {WELL}"] <= 0.25
    assert figures[f"no forecast, {ILL}"] >= 0.85
