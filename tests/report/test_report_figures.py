"""Figures from arrays: valid for Plotly, with named axes, and true to their numbers."""

from __future__ import annotations

import base64
import io
import json
import re

import numpy as np
import plotly.graph_objects as go
import pytest
import report_samples as samples
from PIL import Image

from leadline.measure.intervals import Estimate, wilson
from leadline.report.figures import confusion, curves, images, residuals
from leadline.report.figures.figure import Figure, plain, text
from leadline.report.figures.ladder import GapRow, LevelRow, RungRow, ladder_figure, nice_ticks
from leadline.report.quantities import ErrorScale
from leadline.report.style import TEMPLATE
from leadline.strategy.ladder import Level, build_ladder

HISTORY = samples.history(60, 0.0, 0.025, decay=True)
PERCENT = ErrorScale.of("multiclass")


def all_figures() -> list[Figure]:
    true = np.linspace(0, 10, 50)
    rate = curves.learning_rate_curve(HISTORY)
    assert rate is not None
    return [
        curves.cost_curves(HISTORY, "multiclass", 37),
        curves.error_curves(HISTORY, PERCENT, 37),
        rate,
        residuals.predicted_against_true(true, true + 0.1, "price", "USD"),
        residuals.residual_histogram(true, true + np.sin(true), "USD"),
        confusion.confusion_map(np.eye(30, dtype=int), [f"class {number}" for number in range(30)]),
    ]


@pytest.mark.parametrize("figure", all_figures(), ids=lambda figure: figure.title)
def test_figures_are_valid_and_name_their_axes(figure):
    go.Figure({**{key: value for key, value in figure.to_json().items() if key != "frames"}})
    assert figure.description
    for name in ("xaxis", "yaxis"):
        assert figure.layout[name]["title"]["text"]
    json.dumps(figure.to_json(), allow_nan=False)


def test_the_template_is_valid():
    go.Figure(layout={"template": {"layout": TEMPLATE}})


def test_errors_are_drawn_in_percent_and_costs_as_they_are():
    error, cost = curves.error_curves(HISTORY, PERCENT), curves.cost_curves(HISTORY, "multiclass")
    assert error.data[1]["y"][-1] == pytest.approx(100 * HISTORY[-1]["dev_error"])
    assert cost.data[0]["y"][0] == HISTORY[0]["cost"]
    assert [trace["name"] for trace in error.data] == ["train", "dev"]
    assert error.layout["yaxis"]["title"]["text"] == "error (%)"


def test_costs_that_hug_the_floor_start_on_a_log_scale():
    flat = [{**HISTORY[0], "epoch": epoch, "cost": 0.02, "dev_cost": 0.03} for epoch in range(2, 30)]
    assert curves.cost_curves([HISTORY[0], *flat], "multiclass").logarithmic
    assert not curves.cost_curves(HISTORY[:5], "multiclass").logarithmic
    assert not curves.cost_curves([HISTORY[0], {**flat[0], "cost": 0.0}, *flat], "multiclass").logarithmic


def test_a_history_without_dev_has_one_curve():
    alone = [{**epoch, "dev_cost": None} for epoch in HISTORY]
    assert [trace["name"] for trace in curves.cost_curves(alone, "regression").data] == ["train"]


def test_a_constant_learning_rate_has_no_figure():
    assert curves.learning_rate_curve(samples.history(5, 0.0, 0.1)) is None


def test_the_ladder_is_on_one_scale():
    figure = ladder_figure(samples.digits().ladder)
    names = [row.name for row in figure.rows]
    assert names == ["human", "avoidable bias", "train", "variance", "dev", "test"]
    dev = next(row for row in figure.rows if row.name == "dev")
    variance = next(row for row in figure.rows if row.name == "variance")
    assert isinstance(dev, RungRow) and isinstance(variance, GapRow)
    assert figure.ticks[-1] == (100.0, "5") and figure.axis == "error (%)"
    assert dev.at == pytest.approx(50.0) and dev.low == pytest.approx(26.3, abs=0.5)
    assert (variance.start, variance.end, variance.present) == (0.0, 50.0, True)
    assert variance.value == "+2.5\u202fpoints"


def test_a_closed_set_shows_no_error():
    test = next(row for row in ladder_figure(samples.digits().ladder).rows if row.name == "test")
    assert isinstance(test, RungRow)
    assert (test.at, test.value, test.note) == (None, "", "closed")


def test_a_gap_that_cannot_be_told_says_what_would_tell():
    rates = {"train": samples.rate(10, 1000), "dev": samples.rate(3, 100)}
    rows = ladder_figure(build_ladder(rates, human=0.0)).rows
    gap = next(row for row in rows if row.name == "variance")
    assert isinstance(gap, GapRow)
    assert gap.verdict == "cannot tell" and not gap.present
    assert re.search(r"· about \d\d0*(\u202f\d00)? examples in .* would tell", gap.note), (
        "two digits are known, no more"
    )


def test_an_assumed_human_level_says_so():
    human = ladder_figure(build_ladder({"dev": Estimate(0.1)})).rows[0]
    assert isinstance(human, RungRow)
    assert human.note == "assumed"


@pytest.mark.parametrize(
    ("high", "ticks"),
    [
        (4.7, [0, 1, 2, 3, 4, 5]),
        (0.36, [0, 0.1, 0.2, 0.3, 0.4]),
        (61_090, [0, 20_000, 40_000, 60_000, 80_000]),
        (0, [0, 1]),
    ],
)
def test_ticks_are_round_and_cover(high, ticks):
    assert nice_ticks(high) == pytest.approx(ticks)


def test_cells_show_counts_shares_and_tints():
    rows = confusion.cells(np.array([[8, 2], [0, 5]]))
    assert [(cell.count, cell.share) for cell in rows[0]] == [(8, 0.8), (2, 0.2)]
    assert rows[1][0].tint == 0 and rows[1][1].tint == confusion.TINTS
    assert rows[0][0].right and not rows[0][1].right
    assert 0 < confusion.cells(np.array([[999, 1], [0, 5]]))[0][1].tint <= 1


def test_a_class_without_examples_has_no_share():
    assert [cell.share for cell in confusion.cells(np.array([[0, 0], [1, 1]]))[0]] == [0, 0]


def test_pairs_are_the_largest_mistakes():
    pairs = confusion.confused_pairs(np.array([[5, 3, 0], [1, 9, 3], [0, 0, 4]]), ["a", "b", "c"])
    assert [(pair.label, pair.prediction, pair.count, pair.of) for pair in pairs] == [
        ("a", "b", 3, 8),
        ("b", "c", 3, 13),
        ("b", "a", 1, 13),
    ]


def test_many_points_are_thinned_and_bad_ones_left_out():
    true = np.arange(12_001.0)
    points = residuals.predicted_against_true(true, np.where(true == 0, np.nan, true)).data[0]
    assert points["x"].size <= residuals.MOST_POINTS and points["x"][0] == 1


def test_the_histogram_counts_every_example():
    rng = np.random.default_rng(0)
    true, predicted = rng.normal(size=3_000), rng.standard_cauchy(3_000)
    assert residuals.residual_histogram(true, predicted).data[0]["y"].sum() == 3_000


def test_perfect_predictions_have_a_histogram():
    assert residuals.residual_histogram(np.ones(5), np.ones(5)).data[0]["y"].sum() == 5


def decoded(uri: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.split(",", 1)[1]))))


def test_images_keep_their_pixels():
    grey = np.arange(64, dtype=np.uint8).reshape(8, 8)
    assert np.array_equal(decoded(images.png_data_uri(grey)), grey)
    assert np.array_equal(decoded(images.png_data_uri(grey[:, :, None])), grey)
    assert decoded(images.png_data_uri(np.array([[0.0, 1.0]]))).tolist() == [[0, 255]]
    assert decoded(images.png_data_uri(np.array([[-3.0, 5.0]]))).tolist() == [[0, 255]]
    assert decoded(images.png_data_uri(np.full((2, 2), 9.0))).tolist() == [[0, 0], [0, 0]]
    assert decoded(images.png_data_uri(np.zeros((600, 300, 3), np.uint8))).shape == (256, 128, 3)


def test_small_images_are_pixelated():
    assert images.is_pixelated(np.zeros((8, 8))) and not images.is_pixelated(np.zeros((224, 224, 3)))


def test_plain_values_are_json():
    value = {"a": np.array([1.0, np.nan]), "b": np.int64(3), "c": (np.float32(0.5), "x"), 4: True}
    assert plain(value) == {"a": [1.0, None], "b": 3, "c": [0.5, "x"], "4": True}


def test_texts_of_figures_are_escaped():
    assert text("<b>&") == "&lt;b&gt;&amp;"


def test_both_costs_are_drawn_without_the_penalty():
    epochs = [{"epoch": k, "cost": 1.5, "penalty": 0.25, "dev_cost": 1.4} for k in (1, 2)]
    train, dev = curves.cost_curves(epochs, "binary").data
    assert train["y"] == [1.25, 1.25] and dev["y"] == [1.4, 1.4]


def test_what_was_measured_beside_the_network_stands_under_the_rungs():
    level = Level("gradient boosting", "reference", wilson_estimate(30, 178))
    ladder = build_ladder({"train": wilson_estimate(10, 500), "dev": wilson_estimate(31, 178)}, levels=[level])
    row = ladder_figure(ladder).rows[-1]
    assert (row.kind, row.name) == ("level", "gradient boosting")
    assert isinstance(row, LevelRow)
    assert row.low is not None and row.at is not None and row.high is not None
    assert row.low < row.at < row.high
    assert "n" in row.note


def wilson_estimate(mistakes: int, n: int) -> Estimate:
    low, high = wilson(mistakes, n)
    return Estimate(mistakes / n, float(low), float(high), n)
