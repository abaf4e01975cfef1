from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from leadline.measure import Estimate
from leadline.report.figures.soundings import changes_figure, climb_figure, forecast_figure
from leadline.report.sounding_parts import render_climb, soundings_part
from leadline.soundings.learning_curve import Forecast, LearningCurve, Needed, Point
from leadline.soundings.result import Sounding, Soundings

POINTS = (Point(100, 0.2, 0.18, 0.22, 4), Point(200, 0.15, 0.14, 0.16, 4), Point(400, 0.12, 0.11, 0.13, 4))
FORECAST = Forecast(800, 0.1, 0.08, 0.12, 0.09, 0.11)
CURVE = LearningCurve(
    POINTS, "forecast", "", (FORECAST,), (Needed(0.1, 800, 500, None, 0.2),), 0.05, 2.0, 0.5, (FORECAST,)
)


def change(value: float, width: float = 0.01) -> Estimate:
    return Estimate(value, value - width, value + width, None, 0.95, "points")


def record(curve: LearningCurve | None = CURVE, **changes: Any) -> dict[str, Any]:
    soundings = (
        Sounding("dropout", "Dropout", ("variance",), "helps", change(-0.03), change(-0.04), change(-0.02), cost=75.0),
        Sounding("l2", "L2 <penalty>", ("variance",), "cannot tell", change(-0.005), option="λ = 3", note="Few seeds."),
        Sounding("optimizer", "Optimizer", ("avoidable bias",), "hurts", change(0.05)),
        Sounding("batch_norm", "Batch normalization", ("avoidable bias",), note="The budget ended."),
    )
    error = Estimate(0.12, 0.1, 0.14, 400)
    found = Soundings(
        *("start", "error", "%", ("variance",), error, 0.01, 5, 1.0, 1.0, 60.0, 30.0, "all", soundings, curve),
        *("dropout", "Dropout is expected to help.", ("A note.",)),
    )
    return replace(found, **changes).to_json()


def test_each_verdict_has_its_colour_and_the_best_is_on_top():
    figure = changes_figure(record())
    assert figure is not None
    assert [trace["name"] for trace in figure.data] == ["helps", "cannot tell", "hurts"]
    helps = figure.data[0]
    assert helps["x"] == pytest.approx([-3.0])  # points
    assert helps["error_x"]["array"] == pytest.approx([1.0])
    assert helps["error_x"]["arrayminus"] == pytest.approx([1.0])
    assert figure.layout["yaxis"]["categoryarray"][-1] == "Dropout"
    assert figure.layout["xaxis"]["title"]["text"] == "change of dev error (points)"
    assert len({trace["marker"]["color"] for trace in figure.data}) == 3
    assert len({trace["marker"]["symbol"] for trace in figure.data}) == 3
    assert "L2 &lt;penalty&gt;" in figure.data[1]["y"]  # names are data, not markup


def test_the_curve_shows_points_law_and_forecast():
    figure = forecast_figure(record())
    assert figure is not None
    names = [trace["name"] for trace in figure.data if trace.get("name")]
    assert names == ["power law, 90 %", "measured", "forecast of one training, 90 %"]
    assert figure.data[-2]["y"] == pytest.approx([20.0, 15.0, 12.0])
    assert figure.data[-1]["error_y"]["array"] == pytest.approx([2.0])
    assert figure.layout["xaxis"]["type"] == "log"
    flat = forecast_figure(record(LearningCurve(POINTS, "flat", "the error did not fall.")))
    assert flat is not None
    assert [trace["name"] for trace in flat.data] == ["measured"]
    assert "no forecast: the error did not fall." in flat.description
    assert forecast_figure(record(None)) is None


def test_nothing_measured_draws_nothing():
    nothing = record(soundings=(Sounding("l2", "L2 penalty", ("variance",)),))
    assert changes_figure(nothing) is None
    assert soundings_part(None) is None


def test_a_regression_has_its_own_unit():
    found = record(unit="", metric="RMSE", error=Estimate(52.0, 50.0, 54.0, 100, unit=""))
    figure = changes_figure(found)
    assert figure is not None
    assert figure.data[0]["x"] == pytest.approx([-0.03])
    assert figure.layout["xaxis"]["title"]["text"] == "change of dev RMSE"


def test_rows_and_texts_of_the_section():
    part = soundings_part(record())
    assert part is not None
    assert [row["verdict"] for row in part["rows"]] == ["helps", "cannot tell", "hurts", "not measured"]
    first, _, third, last = part["rows"]
    assert (first["change"], first["range"]) == ("−3.0 points", "−4.0 to −2.0")
    assert first["cost"].split() == ["1", "min", "15", "s"]
    assert third["change"].startswith("+")
    assert last["change"] == "–"
    assert "With 800 training examples: 10.0" in part["forecasts"][0]
    none = soundings_part(record(LearningCurve(POINTS, "flat", "the error did not fall.")))
    assert none is not None
    assert none["forecasts"] == ["More data: no forecast. The error did not fall."]


def test_the_story_of_a_climb():
    error, lower = Estimate(0.2, 0.18, 0.22, 400).to_json(), Estimate(0.1, 0.08, 0.12, 400).to_json()
    start = {"run": "one", "remedy": "Start", "changes": {}, "error": error, "predicted": None, "held": None}
    start |= {
        "kept": True,
        "gaps": ["variance"],
        "conclusion": "Variance <is> it.",
        "sounded": 0,
        "seconds": 2.0,
        "why": "",
    }
    step = start | {"run": "two", "remedy": "L2 penalty", "changes": {"training.l2": 0.3}, "error": lower, "held": True}
    step |= {"predicted": Estimate(0.12, 0.09, 0.15, None, 0.9).to_json(), "sounded": 11}
    climb = {"steps": [start, step], "best": "two", "ended": "budget", "reason": "time.", "left": "More data."}
    climb |= {"metric": "error", "budget": 60.0, "spent": 55.0}
    figure = climb_figure(
        climb | {"steps": [start, step | {"remedy": "Together: batch size 64, a bigger network, more"}]}
    )
    assert figure.data[0]["y"] == ["1. Start", "2. Together: batch<br>size 64, a bigger …"]
    figure = climb_figure(climb)
    assert [trace["name"] for trace in figure.data] == ["measured", "predicted, 90 %"]
    assert figure.data[0]["x"] == pytest.approx([20.0, 10.0])
    page = render_climb(climb, {"two": {"training": {"l2": 0.1}}})
    for words in (
        "prediction held",
        "11 remedies were measured",
        "- l2 = 0.1",
        "+ l2 = 0.3",
        "Variance &lt;is&gt; it.",
    ):
        assert words in page
