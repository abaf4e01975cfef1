"""A remedy's change, shown as lines of TOML before and after."""

from __future__ import annotations

from leadline.report.changes import change_lines

EXPERIMENT = {"training": {"l2": 0.0, "epochs": 5}, "network": {"layers": [{"type": "dense", "units": 10}]}}


def test_a_changed_key_shows_both_values_below_its_table():
    assert change_lines({"training.l2": 1.0}, EXPERIMENT) == [
        ("kept", "  [training]"),
        ("removed", "- l2 = 0.0"),
        ("added", "+ l2 = 1.0"),
    ]


def test_a_new_key_has_nothing_before_it():
    lines = change_lines({"training.clip_norm": 1.0}, EXPERIMENT)
    assert [line for line in lines if line[0] != "kept"][-1] == ("added", "+ clip_norm = 1.0")
    assert not [line for kind, line in lines if kind == "removed"]


def test_layers_are_compared_as_a_whole():
    layers = [{"type": "dense", "units": 10}, {"type": "dropout", "keep_prob": 0.8}]
    kinds = [kind for kind, _ in change_lines({"network.layers": layers}, EXPERIMENT)]
    assert "added" in kinds and "removed" in kinds


def test_no_change_has_no_lines():
    assert change_lines({}, EXPERIMENT) == []
