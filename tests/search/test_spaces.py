from __future__ import annotations

import math
from typing import Any

import pytest

from leadline.errors import UsageError
from leadline.experiment import Experiment
from leadline.search.spaces import Dimension, Space, choice, integer, linear, log, one_minus_log

EVERY = (
    linear("a", -1, 3),
    log("b", 1e-4, 1),
    one_minus_log("c", 0.9, 0.999),
    integer("d", 1, 4),
    integer("e", 8, 512, log=True),
    choice("f", ["x", "y", 3]),
)


@pytest.mark.parametrize("dimension", EVERY, ids=lambda dimension: dimension.scale)
def test_places_and_values_are_inverse(dimension: Dimension) -> None:
    for place in (0.0, 0.1, 0.37, 0.5, 0.9, 1.0):
        value = dimension.value_at(place)
        assert dimension.value_at(dimension.place_of(value)) == pytest.approx(value) or value == dimension.value_at(
            dimension.place_of(value)
        )


def test_scales() -> None:
    assert log("b", 1e-4, 1).value_at(0.5) == pytest.approx(1e-2)
    assert one_minus_log("c", 0.9, 0.999).value_at(0.5) == pytest.approx(0.99)
    assert linear("a", -1, 3).value_at(0.25) == 0
    assert [integer("d", 1, 4).value_at(k / 8 + 1 / 16) for k in range(8)] == [1, 1, 2, 2, 3, 3, 4, 4]
    assert [choice("f", "ab").value_at(place) for place in (0, 0.49, 0.51, 1)] == ["a", "a", "b", "b"]
    assert integer("e", 8, 512, log=True).value_at(0.5) == 62, (
        "7.5 to 512.5: each whole number has an interval of its own"
    )


def test_the_ends_are_values_too() -> None:
    for dimension in EVERY[:5]:
        assert dimension.value_at(0) == pytest.approx(dimension.low)
        assert dimension.value_at(1) == pytest.approx(dimension.high)


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({"training.l2": {"log": [1.0, 0.1]}}, r"search\.space\.training\.l2: log = \[1, 0\.1\] is reversed; write"),
        ({"training.l2": {"linear": [1.0, 1.0]}}, r"linear = \[1, 1\] is empty; a fixed value"),
        ({"training.l2": {"choice": []}}, "is empty; list at least one"),
        ({"training.l2": {"choice": [1, 1]}}, "names a value twice"),
        ({"training.l2": {"choice": [[1]]}}, "a choice is a number, a text"),
        ({"training.l2": {"log": [0, 1]}}, "needs numbers above 0"),
        ({"b": {"one_minus_log": [0.9, 1.0]}}, r"needs numbers from 0 to below 1, such as \[0\.9, 0\.999\]"),
        ({"b": {"integer": [1.5, 3]}}, "needs whole numbers"),
        ({"b": {"integer": [1, 2, 3]}}, r"integer needs a list \[low, high\]"),
        ({"b": {"linear": ["a", 3]}}, "linear needs two numbers"),
        ({"b": {"linear": [0, math.inf]}}, "two finite numbers"),
        ({"b": {"lin": [1, 3]}}, "unknown key 'lin'. Did you mean 'linear'"),
        ({"b": {"linear": [1, 3], "log": [1, 3]}}, "needs one scale of"),
        ({"b": 3}, "needs a table such as"),
        ({"b": {"log": [1, 3], "when": {"c": 1}}}, "names 'c', which the space does not have"),
        ({"a": {"choice": [1, 2]}, "b": {"log": [1, 3], "when": {"a": 7}}}, "never holds; its choices are"),
        ({}, "is empty; name at least one key"),
    ],
)
def test_errors_are_one_line_that_names_the_key(tables: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message) as error:
        Space.from_config(tables)
    assert "\n" not in str(error.value)


def test_conditions_in_a_ring() -> None:
    tables = {"a": {"choice": [1, 2], "when": {"b": 1}}, "b": {"choice": [1, 2], "when": {"a": 1}}}
    with pytest.raises(UsageError, match="ring"):
        Space.from_config(tables)


FILE = """
[search]
sampler = "grid"

[search.space]
training.learning_rate = {log = [1e-4, 1]}
training.schedule.rate = {linear = [0.9, 0.99], when = {"training.schedule.type" = "exponential"}}
training.schedule.type = {choice = ["constant", "exponential"]}
"network.units" = {integer = [8, 64], log = true, tier = 2}
"""


def test_a_space_in_a_file(tmp_path: Any) -> None:
    (tmp_path / "e.toml").write_text(FILE, encoding="utf-8")
    experiment = Experiment.from_toml(tmp_path / "e.toml")
    space = Space.from_config(experiment.search.space)
    keys = [dimension.key for dimension in space]
    assert keys == ["training.learning_rate", "training.schedule.type", "training.schedule.rate", "network.units"]
    assert space["network.units"].log
    assert space["network.units"].tier == 2
    assert Space.from_config(space.to_config()) == space
    again = tmp_path / "again.toml"
    again.write_text(experiment.to_toml(), encoding="utf-8")
    assert Experiment.from_toml(again) == experiment


def test_conditional_dimensions_count_only_where_they_should() -> None:
    space = Space((choice("kind", ["a", "b"]), linear("x", 0, 1, when={"kind": "a"}), linear("y", 0, 1)))
    points = space.points(3)
    assert len(points) == 3 * 3 + 3
    assert all(("x" in point) == (point["kind"] == "a") for point in points)
    assert len({tuple(point.items()) for point in points}) == len(points)


def test_probes_try_each_end_and_each_choice() -> None:
    space = Space((choice("kind", ["a", "b"]), linear("x", 0, 1, when={"kind": "a"}), integer("n", 1, 3)))
    probes = space.probes()
    assert {probe["kind"] for probe in probes} == {"a", "b"}
    assert {probe["n"] for probe in probes} == {1, 2, 3}
    assert all(("x" in probe) == (probe["kind"] == "a") for probe in probes)


def test_levels() -> None:
    assert log("b", 1e-4, 1).levels(3) == pytest.approx([1e-4, 1e-2, 1])
    assert integer("d", 1, 4).levels(9) == [1, 2, 3, 4]
    assert integer("e", 8, 512, log=True).levels(3) == [8, 64, 512]
    assert choice("f", ["x", "y"]).levels(5) == ["x", "y"]
