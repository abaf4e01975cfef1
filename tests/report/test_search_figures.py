from __future__ import annotations

from typing import Any

import pytest

from leadline.report.figures.search import Scaled, name_of, parallel_coordinates, search_progress, slices
from leadline.report.quantities import ErrorScale

PERCENT = ErrorScale(100.0, "%")
SPACE: dict[str, Any] = {
    "training.learning_rate": {"log": [1e-4, 1.0]},
    "training.optimizer.beta1": {"one_minus_log": [0.9, 0.999]},
    "network.units": {"choice": [64, 16, 32]},
    "network.hidden_layers": {"integer": [1, 3]},
    "training.schedule": {"choice": ["<b>", "cosine"]},
    "training.l2": {"linear": [0, 2], "when": {"network.units": 64}},
}


def trial(number: int, state: str = "complete", error: float | None = None) -> dict[str, Any]:
    values = {
        "training.learning_rate": 1e-4 * 10 ** (number / 5),
        "training.optimizer.beta1": 0.99,
        "network.units": (16, 32, 64)[number % 3],
        "network.hidden_layers": 1 + number % 3,
        "training.schedule": "<b>",
    }
    if number % 3 == 2:
        values["training.l2"] = 1.5
    return {"number": number, "state": state, "values": values, "dev_error": 0.01 * number if error is None else error}


TRIALS = [*(trial(k) for k in range(20)), trial(20, "pruned"), trial(21, "diverged") | {"dev_error": None}]


@pytest.mark.parametrize(
    ("key", "value", "place"),
    [
        ("training.learning_rate", 1e-2, 0.5),
        ("training.optimizer.beta1", 0.99, 0.5),
        ("network.units", 32, 0.5),
        ("network.hidden_layers", 3, 1.0),
        ("training.l2", 0.5, 0.25),
    ],
)
def test_a_value_lies_on_its_scale(key: str, value: float, place: float) -> None:
    assert Scaled.of(key, SPACE[key]).place(value) == pytest.approx(place)


def test_ticks_are_what_people_read() -> None:
    assert [text for _, text in Scaled.of("a", {"log": [1e-4, 1]}).ticks] == ["0.0001", "0.001", "0.01", "0.1", "1"]
    assert [text for _, text in Scaled.of("a", {"one_minus_log": [0.8, 0.999]}).ticks] == [
        "0.8",
        "0.9",
        "0.99",
        "0.999",
    ]
    assert [text for _, text in Scaled.of("a", {"choice": [64, 16, 32]}).ticks] == ["16", "32", "64"]
    assert name_of("training.optimizer.beta1") == "β₁"
    assert name_of("network.layers.0.units") == "units"


def test_every_trial_is_a_line_through_its_hyper_parameters() -> None:
    figure = parallel_coordinates(SPACE, TRIALS, PERCENT, best=0)
    lines = [trace for trace in figure.data if trace["mode"].startswith("lines")]
    assert len(lines) == 21, "all but the diverged one"
    best = lines[-1]
    assert best["mode"] == "lines+markers", "the best is drawn last, over the others"
    assert best["y"][:2] == pytest.approx([0, 0.5])
    assert best["y"][5] is None, "a hyper-parameter that did not count has no place"
    assert best["y"][-1] == 0
    labels = figure.layout["xaxis"]["ticktext"]
    assert labels[0] == "learning<br>rate"
    assert labels[-1] == "dev<br>error (%)"
    assert "&lt;b&gt;" in str(figure.to_json()), "texts from data are escaped"


def test_slices_show_the_error_along_each() -> None:
    figures = slices(SPACE, TRIALS, PERCENT, best=0, tiers={"training.learning_rate": 1})
    assert [figure.title for figure in figures][:2] == ["Learning rate · tier 1", "β₁"]
    pruned, complete, best = figures[0].data
    assert (len(pruned["x"]), len(complete["x"]), len(best["x"])) == (1, 19, 1)
    assert complete["y"][0] == pytest.approx(1.0), "percent"
    assert len(figures[5].data[1]["x"]) == 6, "only the trials for which it counted"
    assert figures[0].layout["yaxis"]["title"]["text"] == "dev error (%)"


def test_the_best_so_far_never_rises() -> None:
    trials = [trial(k, error=error) for k, error in enumerate([0.3, 0.1, 0.2, 0.05])]
    points, line = search_progress(trials, PERCENT).data
    assert points["y"] == pytest.approx([30, 10, 20, 5])
    assert line["y"] == pytest.approx([30, 10, 10, 5])


def test_nothing_to_draw_is_no_error() -> None:
    assert parallel_coordinates(SPACE, [], PERCENT).to_json()
    assert search_progress([], PERCENT).to_json()
    assert all(figure.to_json() for figure in slices(SPACE, [], PERCENT))
